"""The widgets in JupyterLab, worked by keyboard in a real browser. The order counts: the last test looks at all."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from browser import jupyterlab, write_notebook

from medtutor.widgets.arithmetic import at_prevalence

MAKE = """
import numpy as np
from medtutor.widgets import ConvolutionPlayground, SliceViewer, ThresholdPlayground, WindowingPlayground
z, y, x = np.mgrid[0:40, 0:256, 0:256]
chest = np.where(np.hypot((x - 128) / 110, (y - 128) / 85) < 1, 40, -1000)
lung = np.hypot((np.abs(x - 128) - 50) / 34, (y - 118) / (30 + z)) < 1
spine = np.hypot(x - 128, y - 182) < 14
chest = np.where(lung, -820, np.where(spine, 700, chest))
chest = (chest + np.random.default_rng(0).normal(0, 18, chest.shape)).astype(np.int16)
mask = lung.astype(np.uint8)
mask[spine] = 2
image = np.clip((chest[20, ::4, ::4] + 1000) / 1800, 0, 1).astype(np.float32)
labels = np.arange(400) % 4 // 3
scores = 1 / (1 + np.exp(-(np.random.default_rng(1).normal(0, 1, 400) + 2 * labels - 1)))
"""
CELLS = [
    MAKE,
    "names = {1: 'lung', 2: 'bone'}\n"
    "viewer = SliceViewer(chest, mask, unit='HU', mask_names=names, alt='A drawn chest.', source='sample')\nviewer",
    "convolution = ConvolutionPlayground(image, alt='A drawn chest.')\nconvolution",
    "windowing = WindowingPlayground(chest[20], alt='A drawn chest.')\nwindowing",
    "threshold = ThresholdPlayground(labels, scores, alt='Scores of a drawn test.')\nthreshold",
    # Colab: the first buffers are lost, and in the worst case those of messages too
    "lost = SliceViewer(chest[::8], alt='A drawn chest.')\nlost.blob = b''\nlost",
    """class OnlyText(SliceViewer):
    def _answer(self, widget, content, buffers):
        if content["form"] == "base64":
            super()._answer(widget, content, buffers)
text = OnlyText(chest[::8], alt='A drawn chest.')
text.blob = b''
text""",
]


@pytest.fixture(scope="module")
def notebook(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "widgets.ipynb", CELLS)
    with jupyterlab(folder) as lab:
        page = lab.open(browser, "widgets.ipynb")
        page.run_all()
        yield page
        page.close()


@pytest.fixture
def at(notebook):
    """The widgets on the page, by the order of the cells."""
    names = ("viewer", "convolution", "windowing", "threshold", "lost", "text")
    widgets = notebook.tab.locator(".mt-widget")
    notebook.tab.wait_for_function("() => document.querySelectorAll('.mt-widget').length === 6")
    return SimpleNamespace(**{name: widgets.nth(k) for k, name in enumerate(names)})


def words(widget):
    return widget.locator(".mt-status").inner_text()


def test_the_viewer_leafs_by_key_and_says_where_it_is(notebook, at):
    canvas = at.viewer.locator("canvas")
    seen = {"start": notebook.picture(canvas)}
    for key, slice_ in [("ArrowUp", 22), ("PageUp", 26), ("End", 40), ("ArrowDown", 39), ("Home", 1), ("ArrowLeft", 1)]:
        canvas.press(key)
        assert f"Slice {slice_} of 40" in canvas.get_attribute("aria-label")
        assert canvas.get_attribute("aria-valuenow") == str(slice_)
        assert f"Slice {slice_} of 40" in words(at.viewer)
        seen[slice_] = notebook.picture(canvas)
    assert len({str(one) for one in seen.values()}) == 6, "every slice is another picture"
    assert notebook.ask("print(viewer.index)") == "0", "Python knows"
    notebook.ask("viewer.index = 20")
    assert "Slice 21 of 40" in words(at.viewer), "and Python can lead"
    assert notebook.picture(canvas) == seen["start"]


def test_what_the_viewer_paints_is_the_slice_in_its_window(notebook, at):
    canvas = at.viewer.locator("canvas")
    canvas.press("1")
    canvas.press("m")
    canvas.press("o")
    assert "Level −600, width 1500 HU" in words(at.viewer)
    drawn = canvas.evaluate(
        """(canvas) => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const times = canvas.width / 256;
            const grey = [];
            for (let y = 0; y < canvas.height; y += times)
                for (let x = 0; x < canvas.width; x += times) grey.push(data[4 * (y * canvas.width + x)]);
            return grey;
        }"""
    )
    expected = notebook.ask(
        "from medtutor.widgets.arithmetic import windowed\n"
        "print(windowed(chest[20], -600, 1500).astype(int).ravel().tolist())"
    )
    np.testing.assert_array_equal(drawn, [int(one) for one in expected.strip("[]").split(",")])
    canvas.press("m")
    canvas.press("o")
    canvas.press("3")


def test_mask_and_outline_are_switched_by_key(notebook, at):
    canvas = at.viewer.locator("canvas")
    pictures = [notebook.picture(canvas)]
    for key in ("o", "m", "o", "m"):
        canvas.press(key)
        pictures.append(notebook.picture(canvas))
    assert len({str(one) for one in pictures[:4]}) == 4 and pictures[4] == pictures[0]
    box = at.viewer.get_by_label("outline", exact=True)
    box.press("Space")
    assert not box.is_checked() and notebook.picture(canvas) == pictures[1]
    box.press("Space")


def test_values_are_read_by_key_and_by_pointer(notebook, at):
    canvas, readout = at.viewer.locator("canvas"), at.viewer.locator(".mt-readout")
    canvas.press("Shift+ArrowUp")
    canvas.press("Shift+ArrowLeft")
    value = notebook.ask("print(chest[20, 127, 127])").replace("-", "−")
    assert readout.inner_text() == f"{value} HU at [20, 127, 127]"
    box = canvas.bounding_box()
    notebook.tab.mouse.move(box["x"] + box["width"] * (78.5 / 256), box["y"] + box["height"] * (118.5 / 256))
    value = notebook.ask("print(chest[20, 118, 78])").replace("-", "−")
    assert readout.inner_text() == f"{value} HU, lung at [20, 118, 78]"


def test_dragging_leafs_and_with_shift_changes_the_window(notebook, at):
    mouse, canvas = notebook.tab.mouse, at.viewer.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(right, up):
        mouse.move(*middle)
        mouse.down()
        mouse.move(middle[0] + right, middle[1] - up, steps=4)
        mouse.up()

    drag(0, box["height"] / 4)
    assert "Slice 31 of 40" in words(at.viewer)
    notebook.tab.keyboard.down("Shift")
    drag(box["width"] / 10, 0)
    notebook.tab.keyboard.up("Shift")
    assert "Slice 31 of 40. Level 40, width 700 HU" in words(at.viewer)
    mouse.wheel(0, 100)
    notebook.tab.wait_for_function("() => document.querySelector('.mt-status').textContent.includes('Slice 30')")
    at.viewer.get_by_role("button", name="soft tissue").press("Enter")
    notebook.ask("viewer.index = 20")


def test_letters_typed_into_a_widget_do_not_reach_the_notebook(notebook, at):
    count = "() => jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.type).join()"
    before = notebook.tab.evaluate(count)
    for key in ("a", "b", "y", "x", "m", "m"):  # in a notebook: new cells, cut, Markdown
        at.viewer.locator("canvas").press(key)
    assert notebook.tab.evaluate(count) == before


@pytest.mark.parametrize(("name", "stops"), [("viewer", 12), ("convolution", 16), ("windowing", 6), ("threshold", 2)])
def test_tab_reaches_every_control_and_shows_where_it_is(notebook, at, name, stops):
    widget = getattr(at, name)
    first = widget.locator("canvas[tabindex], input, button").first
    first.focus()
    seen = []
    while len(seen) < 30:
        here = notebook.tab.evaluate(
            """() => {
                const node = document.activeElement;
                const style = getComputedStyle(node);
                return [Boolean(node.closest(".mt-widget")), node.getAttribute("aria-label") || node.textContent
                    || node.closest("label")?.textContent, style.outlineStyle, parseFloat(style.outlineWidth)];
            }"""
        )
        inside = widget.evaluate("(widget) => widget.contains(document.activeElement)")
        if not inside:
            break
        assert here[1], "a control has a name"
        seen.append(here)
        notebook.tab.keyboard.press("Tab")
    assert len(seen) == stops, [one[1] for one in seen]
    assert all(one[2] == "solid" and one[3] >= 2 for one in seen[1:]), "focus is to be seen"


def test_a_kernel_is_edited_by_key_and_its_map_follows(notebook, at):
    cells = at.convolution.locator(".mt-kernel input")
    shown = at.convolution.locator("canvas[tabindex]")
    before = notebook.picture(shown)
    cells.first.press("ArrowUp")
    assert cells.first.input_value() == "-0.5" and notebook.picture(shown) != before
    assert "of your own" in words(at.convolution)
    cells.first.press("ArrowRight")
    assert notebook.tab.evaluate("() => document.activeElement.ariaLabel") == "weight of row 1, column 2"
    notebook.tab.keyboard.type("2.5")
    low, high = notebook.ask("m = convolution.map(); print(m.min(), m.max())").split()
    assert notebook.ask("print(convolution.kernel[0])") == "[-0.5, 2.5, 1.0]"
    said = re.findall(r"[−\d.]+\d", words(at.convolution))
    np.testing.assert_allclose(
        [float(one.replace("−", "-")) for one in said[-2:]], [float(low), float(high)], atol=2e-3
    )
    at.convolution.get_by_role("button", name="vertical edges").press("Enter")
    assert notebook.picture(shown) == before and "Kernel: vertical edges" in words(at.convolution)


def test_the_sum_under_the_frame_is_that_of_the_map(notebook, at):
    shown = at.convolution.locator("canvas[tabindex]")
    original = at.convolution.locator("canvas").first
    before = notebook.picture(original)
    shown.press("ArrowDown")
    shown.press("ArrowRight")
    assert notebook.picture(original) != before, "the frame moves on the image"
    text = at.convolution.locator(".mt-readout").inner_text()
    row, column = map(int, re.search(r"row (\d+), column (\d+)", text).groups())
    assert (row, column) == (32, 32)
    value = float(re.search(r"sum to ([−\d.]+\d)", text)[1].replace("−", "-"))
    assert value == pytest.approx(float(notebook.ask(f"print(convolution.map()[{row}, {column}])")), abs=1e-3)


def test_windows_change_picture_and_line(notebook, at):
    canvas, line = at.windowing.locator("canvas"), at.windowing.locator("polyline").first
    seen = []
    for name in ("lung", "bone", "brain", "soft tissue"):
        at.windowing.get_by_role("button", name=name).press("Enter")
        assert at.windowing.get_by_role("button", name=name).get_attribute("aria-pressed") == "true"
        seen.append((notebook.picture(canvas)[2], line.get_attribute("points")))
    assert len({one[0] for one in seen}) == len({one[1] for one in seen}) == 4
    at.windowing.get_by_label("width", exact=True).press("ArrowRight")
    assert notebook.picture(canvas)[2] != seen[-1][0]
    share = notebook.ask("print(round(100 * ((chest[20] >= -165) & (chest[20] <= 245)).mean()))")
    assert "Black below −165 HU" in words(at.windowing) and f"{share} % lie between" in words(at.windowing)


def test_threshold_and_prevalence_say_what_python_says(notebook, at):
    threshold, prevalence = (
        at.threshold.get_by_label("threshold", exact=True),
        at.threshold.get_by_label("prevalence", exact=True),
    )
    dot = at.threshold.locator("circle")
    before = dot.get_attribute("cx"), dot.get_attribute("cy")
    for _ in range(12):
        threshold.press("ArrowLeft")
    prevalence.press("Home")
    assert (dot.get_attribute("cx"), dot.get_attribute("cy")) != before
    now = eval(notebook.ask("print({k: float(v) for k, v in threshold.numbers().items()})"))
    assert notebook.ask("print(round(threshold.threshold, 2), threshold.prevalence)") == "0.38 0.001"
    assert words(at.threshold) == (
        f"Threshold 0.38: sensitivity {now['sensitivity']:.3f}, specificity {now['specificity']:.3f}. "
        f"Prevalence 0.1 %: PPV {now['ppv']:.3f}, NPV {now['npv']:.3f}."
    )
    assert now["ppv"] == at_prevalence(now["sensitivity"], now["specificity"], 0.001)[0]
    cells = at.threshold.locator("td").all_inner_texts()
    assert [int(cells[k]) for k in (0, 1, 3, 4)] == [now[name] for name in ("tp", "fn", "fp", "tn")]


@pytest.mark.parametrize("name", ["lost", "text"])
def test_a_viewer_whose_first_buffers_are_lost_asks_for_them(notebook, at, name):
    canvas = getattr(at, name).locator("canvas")
    canvas.wait_for(timeout=20_000)
    before = notebook.picture(canvas)
    canvas.press("ArrowUp")
    assert notebook.picture(canvas) != before
    assert "Slice 4 of 5" in canvas.get_attribute("aria-label")


def test_the_sample_is_marked_where_it_is_one(at):
    assert at.viewer.locator(".mt-sample").inner_text() == "OFFLINE SAMPLE, not patients"
    assert at.windowing.locator(".mt-sample").count() == 0


def test_text_follows_the_theme(notebook, at):
    colour = "(node) => getComputedStyle(node).color"
    light = at.threshold.evaluate(colour)
    notebook.theme(dark=True)
    notebook.tab.wait_for_function(
        "(light) => getComputedStyle(document.querySelector('.mt-widget')).color !== light", arg=light
    )
    notebook.theme(dark=False)


def test_a_key_shows_at_once(notebook, at, capsys):
    places = {
        "SliceViewer": (at.viewer.locator("canvas"), "ArrowUp", "ArrowDown"),
        "SliceViewer, level": (at.viewer.get_by_label("level", exact=True), "ArrowRight", "ArrowLeft"),
        "ConvolutionPlayground": (at.convolution.locator(".mt-kernel input").nth(4), "ArrowUp", "ArrowDown"),
        "WindowingPlayground": (at.windowing.get_by_label("level", exact=True), "ArrowRight", "ArrowLeft"),
        "ThresholdPlayground": (at.threshold.get_by_label("threshold", exact=True), "ArrowRight", "ArrowLeft"),
    }
    times = {name: notebook.time_keys(*place) for name, place in places.items()}
    with capsys.disabled():
        print("\nmedian of 20 keys, ms until drawn / until on the screen:")
        for name, (drawn, shown) in times.items():
            print(f"  {name:24} {drawn:6.1f} /{shown:6.1f}")
    # wanted: the viewer under 10 ms, others under 100; the gate is loose because the machine is shared
    assert times["SliceViewer"][0] < 60
    assert max(drawn for drawn, _ in times.values()) < 300


@pytest.mark.newest  # JupyterLab 4 says errors about ipywidgets 7, whose core widgets it cannot draw; Colab's page can
def test_nothing_was_said_on_the_console_and_nothing_asked_of_the_network(notebook):
    assert len(notebook.requests) > 10, "requests are seen"
    notebook.assert_quiet()
