"""Every figure is described, marks the sample, can be told by colour-blind eyes, and leaves pyplot alone."""

import html
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import IPython.display
import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from medtutor import figures
from medtutor.errors import DataError
from medtutor.evaluate import Interval, RocBand, RocCurve, Subgroup
from medtutor.figures import style

ALT = 'What <the figure> shows, "in words".'
RNG = np.random.default_rng(0)
CURVE = RocCurve(np.array([0, 0, 0.25, 1]), np.array([0, 0.5, 1, 1]), np.array([np.inf, 0.9, 0.4, 0.1]))
BAND = RocBand(np.array([0, 1.0]), np.array([0.2, 0.9]), np.array([0.6, 1.0]))
MAPS = RNG.normal(size=(2, 7, 7))
XRAYS = RNG.integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)


def own_figure():
    figure = Figure(figsize=(3, 2))
    figure.subplots().set_title("drawn by the reader")
    return figure


DRAWN = {
    "images": lambda **k: figures.images(XRAYS, title="T", **k),
    "maps": lambda **k: figures.maps(MAPS, title="T", label="activation", **k),
    "roc": lambda **k: figures.roc(CURVE, band=BAND, title="T", **k),
    "intervals": lambda **k: figures.intervals({"a": Interval(0.9, 0.8, 0.95)}, xlabel="AUC", title="T", **k),
    "confusion": lambda **k: figures.confusion([[3, 1], [0, 4]], ["healthy", "ill"], **k),
    "curves": lambda **k: figures.curves({"val": ([1, 2], [3, 4])}, title="T", xlabel="step", ylabel="nats", **k),
    "show": lambda **k: figures.show(own_figure(), **k),
    "hover_image": lambda **k: figures.hover_image(XRAYS[0], unit="gray value", title="T", **k),
    "hover_roc": lambda **k: figures.hover_roc(CURVE, title="T", **k),
}
every = pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
pictures = pytest.mark.parametrize("draw", [DRAWN[n] for n in DRAWN if "hover" not in n and n != "curves"])


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.image)).convert("RGB"))


def holds(image, colour):
    """How many pixels of `image` are of this colour, give or take a rounding."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image.astype(int) - rgb).max(axis=-1) <= 1).sum())


def svg_of(picture):
    return ET.fromstring(picture.tag)


def in_svg(root, tag):
    return list(root.iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


@every
@pytest.mark.parametrize("missing", [{}, {"alt": ""}, {"alt": "  \n"}, {"alt": None}])
def test_a_figure_without_a_description_is_refused(draw, missing):
    with pytest.raises(DataError, match="needs alt="):
        draw(**missing)


@every
def test_a_mistyped_source_is_refused_so_that_no_drawing_passes_for_a_patient(draw):
    with pytest.raises(DataError, match="source= must be one of folder, cache, download, sample"):
        draw(alt=ALT, source="Sample")


@pictures
def test_a_picture_is_an_image_with_alt_text_at_twice_the_screens_resolution(draw):
    picture = draw(alt=ALT, source="folder")
    assert picture.alt == ALT
    shown = picture._repr_html_()
    assert f'alt="{html.escape(ALT)}"' in shown
    assert f"<summary>Description</summary>{html.escape(ALT)}</details></figcaption></figure>" in shown
    width = int(re.search(r"width:(\d+)px", shown)[1])
    assert width == Image.open(io.BytesIO(picture.image)).width // 2
    assert width <= 800, "wider than the column of a notebook"


@pictures
def test_the_sample_is_marked_in_the_picture_and_in_the_description(draw):
    real, sample = draw(alt=ALT, source="folder"), draw(alt=ALT, source="sample")
    assert sample.alt == f"OFFLINE SAMPLE, not patients. {ALT}"
    assert html.escape(sample.alt) in sample._repr_html_()
    assert holds(pixels(sample), style.VERMILLION) > 100
    assert holds(pixels(real), style.VERMILLION) == 0
    assert pixels(sample).shape[0] > pixels(real).shape[0], "the mark has its own line and covers nothing"


@pictures
def test_the_users_settings_are_neither_used_nor_changed(draw):
    plain = draw(alt=ALT)
    theirs = {"font.size": 30, "axes.facecolor": "black", "image.cmap": "jet", "figure.dpi": 33, "axes.grid": False}
    with mpl.rc_context(theirs):
        before = dict(mpl.rcParams)
        if draw is not DRAWN["show"]:  # that figure is the user's own
            np.testing.assert_array_equal(pixels(draw(alt=ALT)), pixels(plain))
        assert dict(mpl.rcParams) == before


def test_no_figure_is_left_open_to_be_shown_a_second_time():
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots()
    ax.plot([1, 2])
    other = plt.figure()
    figures.show(figure, alt=ALT)
    assert plt.get_fignums() == [other.number], "the figure shown is closed, others are not"
    plt.close(other)
    for draw in DRAWN.values():
        draw(alt=ALT)
    assert plt.get_fignums() == []


def test_importing_figures_and_drawing_the_live_curve_load_no_plotting_library():
    code = (
        "import sys\nfrom medtutor import figures\n"
        "figures.curves_html({'train': ([1, 2], [3, 4])}, 't', 'step', 'nats', 'alt')\n"
        "print([m for m in ('matplotlib', 'plotly', 'torch', 'IPython') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_figure_is_saved_under_the_ending_that_it_has(tmp_path):
    png, svg = DRAWN["roc"](alt=ALT), DRAWN["curves"](alt=ALT)
    assert Image.open(png.save(tmp_path / "a.png")).format == "PNG"
    assert ET.parse(svg.save(tmp_path / "b.svg")).getroot().tag.endswith("svg")
    with pytest.raises(DataError, match=r"name the file a\.png"):
        png.save(tmp_path / "a.jpg")


# Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113, full severity; on linear RGB
BLINDNESS = {
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("eyes", BLINDNESS)
@pytest.mark.parametrize("pair", [style.CYCLE[:2], style.MASKS[:2], (style.INK, style.FAINT)])
def test_colour_blind_eyes_tell_the_first_two_colours_apart(eyes, pair):
    from matplotlib.colors import to_rgb
    from skimage.color import deltaE_ciede2000, rgb2lab

    rgb = np.array([to_rgb(colour) for colour in pair])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(BLINDNESS[eyes]).T, 0, 1)
    seen = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    assert deltaE_ciede2000(*rgb2lab(seen)) > 25  # 2 can just be told side by side


# --- images and maps


def test_images_are_shown_pixel_for_pixel_in_their_own_gray():
    image = np.array([[0, 85], [170, 255]], dtype=np.uint8)
    shown = pixels(figures.images([image], title="", alt=ALT))
    side = holds(shown, "#555555") ** 0.5
    assert side > 150 and holds(shown, "#AAAAAA") ** 0.5 == pytest.approx(side, rel=0.05)
    rows, columns = np.nonzero((shown == 85).all(axis=-1))
    assert rows.mean() < shown.shape[0] / 2 < columns.mean() * shown.shape[0] / shown.shape[1], "top right"


@pytest.mark.parametrize(
    "same",
    [
        torch.tensor(XRAYS),
        XRAYS[:, 0],
        list(XRAYS),
        list(XRAYS[:, 0]),
        XRAYS / 255,
        torch.tensor(XRAYS[:, 0] / 255, requires_grad=True),
        XRAYS.repeat(3, axis=1),
    ],
    ids=["tensor", "NHW", "list of CHW", "list of HW", "float", "float tensor with gradient", "colour"],
)
def test_tensors_arrays_lists_and_floats_show_the_same_picture(same):
    expected = pixels(figures.images(XRAYS, title="T", alt=ALT)).astype(int)
    assert np.abs(pixels(figures.images(same, title="T", alt=ALT)) - expected).max() <= 1


def test_a_window_says_what_is_black_and_what_is_white():
    hounsfield = np.array([[-1000, -160, 40], [240, 1500, -60]])
    shown = pixels(figures.images([hounsfield], title="", alt=ALT, window=(-160, 240)))
    cell = holds(shown, "#404040")  # -60 is a quarter of the way
    assert cell > 1000
    assert holds(shown, "#000000") == pytest.approx(2 * cell, rel=0.05)
    assert holds(shown, "#808080") == pytest.approx(cell, rel=0.05)


def test_masks_are_tinted_and_outlined_in_orange_and_blue():
    image = np.full((20, 20), 100, np.uint8)
    mask = np.zeros((20, 20), int)
    mask[2:8, 2:8], mask[12:18, 12:18] = 1, 2
    plain = pixels(figures.images([image], title="", alt=ALT))
    shown = pixels(figures.images([image], masks=[mask], title="", alt=ALT))
    ring = holds(shown, style.ORANGE)
    assert ring > 200 and holds(shown, style.SKY) == pytest.approx(ring, rel=0.1)
    untouched = holds(shown, "#646464") / holds(plain, "#646464")
    assert untouched == pytest.approx(1 - 72 / 400, abs=0.01)
    tint = np.round(0.7 * 100 + 0.3 * np.array([0xE6, 0x9F, 0x00]))
    assert (np.abs(shown - tint).max(axis=-1) <= 1).sum() > 2 * ring, "the area is tinted, not covered"


def test_touching_objects_of_a_label_map_keep_an_outline_between_them():
    mask = np.ones((10, 10), int)
    mask[:, 5:] = 7  # six colours: 7 is orange again
    shown = pixels(figures.images([np.zeros((10, 10), np.uint8)], masks=[mask], title="", alt=ALT))
    row = (shown[shown.shape[0] // 2] == [0xE6, 0x9F, 0x00]).all(axis=-1)
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) == 3, "left edge, middle, right edge"


def test_a_legend_names_the_masks():
    plain = DRAWN["images"](alt=ALT)
    mask = np.zeros((3, 28, 28), int)
    named = figures.images(XRAYS, title="T", alt=ALT, masks=mask, mask_names=("anterior", "posterior"))
    assert pixels(named).shape[0] > pixels(plain).shape[0]
    assert holds(pixels(named), style.ORANGE) > 20 and holds(pixels(named), style.SKY) > 20


def test_all_maps_share_one_scale():
    low, high = np.zeros((4, 4)), np.full((4, 4), 3.0)
    shown = pixels(figures.maps([low, high], title="", label="activation", alt=ALT))
    ends = [mpl.colors.to_hex(mpl.colormaps["cividis"](end)) for end in (0.0, 1.0)]
    both = [holds(shown, end) for end in ends]
    assert both[0] == pytest.approx(both[1], rel=0.1) and both[0] > 50_000
    wide = pixels(figures.maps([low, high], title="", label="activation", alt=ALT, limits=(-3, 9)))
    assert holds(wide, ends[0]) < 3000, "with wider limits neither map has the colour of an end"


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: figures.images(np.zeros((2, 5, 9, 9)), title="", alt=ALT), r"got \(5, 9, 9\); of a volume"),
        (lambda: figures.images(np.zeros((2, 1, 5, 9, 9)), title="", alt=ALT), "of a volume pass one slice"),
        (lambda: figures.images(np.zeros(9), title="", alt=ALT), r"must be \(N, H, W\)"),
        (lambda: figures.images([], title="", alt=ALT), "no images to show"),
        (lambda: figures.images(np.zeros((0, 1, 9, 9)), title="", alt=ALT), "no images to show"),
        (lambda: figures.images(np.zeros((101, 9, 9)), title="", alt=ALT), r"take at most 100, such as images\[:100\]"),
        (lambda: figures.images([np.full((9, 9), np.nan)], title="", alt=ALT), "NaN"),
        (lambda: figures.images([np.full((9, 9), 300)], title="", alt=ALT), "from 300 to 300; give uint8"),
        (lambda: figures.images(XRAYS, window=(9, 9), title="", alt=ALT), "low < high"),
        (lambda: figures.images(XRAYS, titles=["a"], title="", alt=ALT), "3 images but 1 titles"),
        (lambda: figures.images(XRAYS, columns=0, title="", alt=ALT), "columns must be at least 1"),
        (lambda: figures.images(XRAYS, masks=np.zeros((2, 28, 28), int), title="", alt=ALT), "3 images but 2 masks"),
        (lambda: figures.images(XRAYS, masks=np.zeros((3, 9, 9), int), title="", alt=ALT), "does not fit its image"),
        (lambda: figures.images(XRAYS, masks=np.full((3, 28, 28), 0.5), title="", alt=ALT), "label maps"),
        (lambda: figures.images([["a"]], title="", alt=ALT), "must be numbers"),
        (lambda: figures.maps(np.zeros((2, 3, 9, 9)), title="", label="", alt=ALT), r"got \(3, 9, 9\)"),
        (lambda: figures.maps(np.full((2, 9, 9), np.inf), title="", label="", alt=ALT), "infinite"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_in_words(call, words):
    with pytest.raises(DataError, match=words):
        call()


# --- results


def test_a_roc_figure_takes_several_curves_and_refuses_too_many():
    one, two = (figures.roc(c, title="T", alt=ALT) for c in (CURVE, {"net": CURVE, "baseline": CURVE}))
    assert holds(pixels(one), style.ORANGE) == 0 < holds(pixels(two), style.ORANGE)
    with pytest.raises(DataError, match="1 to 5 curves, got 6"):
        figures.roc({str(i): CURVE for i in range(6)}, title="T", alt=ALT)


def test_intervals_take_subgroups_and_say_what_was_not_measured(monkeypatch):
    rows = {
        "women": Subgroup(60, 40, Interval(0.91, 0.85, 0.96)),
        "men": Subgroup(4, 4, None, "no image of class 1"),
        "all": Interval(0.9, 0.86, 0.94),
    }
    drawn = {}
    monkeypatch.setattr("medtutor.figures.plots.show", lambda fig, **_: drawn.update(fig=fig))
    figures.intervals(rows, xlabel="AUC", title="T", alt=ALT, reference=0.5, reference_label="chance", digits=2)
    (ax,) = drawn["fig"].axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["women  (n = 60)", "men  (n = 4)", "all"]
    words = [t.get_text() for t in ax.texts]
    assert words == ["chance", "0.91 (0.85 to 0.96)", "not measured", "0.90 (0.86 to 0.94)"]
    assert ax.get_xlabel() == "AUC" and ax.get_ylim()[0] > ax.get_ylim()[1], "the first row is on top"
    with pytest.raises(DataError, match="no rows"):
        figures.intervals({}, xlabel="AUC", title="T", alt=ALT)


def test_a_confusion_matrix_counts_and_its_title_says_how_many_are_right(monkeypatch):
    drawn = {}
    monkeypatch.setattr("medtutor.figures.plots.show", lambda fig, **_: drawn.update(fig=fig))
    figures.confusion(torch.tensor([[30, 10], [0, 0]]), ["healthy", "ill"], alt=ALT)
    assert drawn["fig"].get_suptitle() == "30 of 40 decisions are right"
    assert [t.get_text() for t in drawn["fig"].axes[0].texts] == ["30\n75%", "10\n25%", "0\n0%", "0\n0%"]


@pytest.mark.parametrize(
    "matrix, words", [(np.ones((2, 3)), "2 classes"), (np.zeros((2, 2)), "at least one"), (-np.eye(2), "counts")]
)
def test_what_is_no_confusion_matrix_is_refused(matrix, words):
    with pytest.raises(DataError, match=words):
        figures.confusion(matrix, ["healthy", "ill"], alt=ALT)


def test_long_titles_are_wrapped_into_even_lines():
    words = "Ribs answer to the kernel for lying edges, the sides of the chest to the one for upright edges"
    lines = style.wrap(words, 80)
    assert " ".join(lines) == words
    assert [len(line) <= 80 for line in lines] == [True, True] and abs(len(lines[0]) - len(lines[1])) < 20
    assert style.wrap("short", 80) == ["short"] and style.wrap("", 80) == []
    assert style.wrap("a" * 100, 40) == ["a" * 40, "a" * 40, "a" * 20]


# --- curves


def draw_curves(lines, **settings):
    return figures.curves(lines, **{"title": "T", "xlabel": "step", "ylabel": "nats", "alt": ALT} | settings)


def test_the_noisy_curve_is_a_thin_line_with_its_mean_and_the_other_has_markers():
    steps = np.arange(1, 101)
    root = svg_of(draw_curves({"train": (steps, 1 / steps), "val": ([50, 100], torch.tensor([0.2, 0.1]))}))
    raw, mean, _ = in_svg(root, "polyline")
    assert float(raw.get("stroke-width")) < float(mean.get("stroke-width"))
    assert len(in_svg(root, "circle")) == 2 + 1, "two values and the key"
    assert root.get("role") == "img" and root.get("aria-label") == ALT
    words = [text.text for text in in_svg(root, "text")]
    assert words[0] == "T" and "step" in words and "nats" in words
    across = [float(point.split(",")[0]) for point in raw.get("points").split()]
    assert across == sorted(across) and across[-1] == pytest.approx(620)


def test_a_wild_batch_does_not_flatten_the_curve_and_nan_is_left_out():
    y = np.linspace(1, 0.5, 200)
    y[50], y[60] = 1000, np.nan
    root = svg_of(draw_curves({"train": (np.arange(200), y)}))
    raw, _ = in_svg(root, "polyline")
    assert len(raw.get("points").split()) == 199
    highs = [float(t.text) for t in in_svg(root, "text") if re.fullmatch(r"[\d.]+", t.text)]
    assert max(h for h in highs if h != 150 and h != 100) < 500
    up = [float(point.split(",")[1]) for point in raw.get("points").split()]
    assert min(up) >= 40, "clipped at the top of the plot, not drawn over the title"


def test_a_long_run_stays_a_small_picture():
    steps = np.arange(100_000)
    size = len(figures.curves_html({"train": (steps, steps), "val": (steps, steps)}, "T", "x", "y", ALT))
    assert size < 60_000


@pytest.mark.parametrize("lines", [{}, {"train": ([], []), "val": ([], [])}, {"val": ([3], [0.0])}, {"a": ([1], [-2])}])
def test_a_run_that_has_just_begun_can_be_drawn(lines):
    assert in_svg(svg_of(draw_curves(lines)), "text")


def test_words_in_a_curve_are_text_and_never_markup():
    evil = "<script>alert(1)</script>"
    drawn = draw_curves({evil: ([1], [2])}, title=evil, xlabel=evil, ylabel=evil, alt=f'" onload="x {evil}')
    assert "<script" not in drawn._repr_html_()
    assert svg_of(drawn).get("onload") is None


def test_the_sample_is_marked_above_the_title_of_a_curve():
    words = [t.text for t in in_svg(svg_of(draw_curves({"val": ([1], [2])}, source="sample")), "text")]
    assert words[:2] == ["OFFLINE SAMPLE, not patients", "T"]


def test_a_curve_whose_x_and_y_differ_is_refused():
    with pytest.raises(DataError, match=r"'val' has x of shape \(2,\) and y of \(1,\)"):
        draw_curves({"val": ([1, 2], [3])})


# --- hovering


def displayed(figure, monkeypatch):
    """What a notebook is given: mime bundles."""
    given = []
    monkeypatch.setattr(
        IPython.display, "display", lambda o, **_: given.append(o if isinstance(o, dict) else {"text/html": o.data})
    )
    figure._ipython_display_()
    return given


def test_a_hover_figure_is_plotlys_json_with_a_still_twin_and_a_description(monkeypatch):
    figure = figures.hover_image(XRAYS[0], unit="gray value", title="A pixel is a number", alt=ALT)
    bundle, words = displayed(figure, monkeypatch)
    assert html.escape(ALT) in words["text/html"]
    assert f'alt="{html.escape(ALT)}"' in bundle["text/html"] and "data:image/png" in bundle["text/html"]
    shown = bundle["application/vnd.plotly.v1+json"]
    assert shown["data"][0]["z"] == XRAYS[0, 0].tolist()
    assert "gray value" in shown["data"][0]["hovertemplate"]
    assert "A pixel is a number" in shown["layout"]["title"]["text"]
    assert len(json.dumps(bundle)) < 200_000, "plotly.js (4 MB) is not in the notebook"


def test_on_colab_plotly_is_loaded_from_its_site(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    bundle, words = displayed(DRAWN["hover_roc"](alt=ALT), monkeypatch)
    assert re.search(r'<script[^>]* src="https://cdn\.plot\.ly/plotly-[\d.]+\.min\.js"', bundle["text/html"])
    assert f'aria-label="{html.escape(ALT)}"' in bundle["text/html"]
    assert len(bundle["text/html"]) < 50_000
    assert "Description" in words["text/html"]


def test_the_pointer_tells_the_threshold_of_a_point_of_the_roc():
    figure = figures.hover_roc(CURVE, band=BAND, title="T", alt=ALT)
    *_, points = figure.figure.data
    assert points.text[0] == "nobody is called ill"
    assert points.text[2] == "called ill from a score of <b>0.400</b><br>sensitivity 1.000<br>specificity 0.750"
    assert len(figure.figure.data) == 3, "chance, band, curve"


@pytest.mark.parametrize("draw", [DRAWN["hover_image"], DRAWN["hover_roc"]])
def test_a_hover_figure_of_the_sample_is_marked_in_both_twins(draw):
    real, sample = draw(alt=ALT), draw(alt=ALT, source="sample")
    assert "OFFLINE SAMPLE, not patients" in sample.figure.layout.title.text
    assert "OFFLINE" not in real.figure.layout.title.text
    assert holds(pixels(sample.still), style.VERMILLION) > 100
    assert sample.alt == sample.still.alt == f"OFFLINE SAMPLE, not patients. {ALT}"


def test_a_plotly_figure_of_the_readers_own_can_be_described_too():
    import plotly.graph_objects as go

    still = DRAWN["roc"](alt=ALT)
    own = figures.hover(go.Figure(layout={"title": "Mine"}), still=still, alt=ALT, source="sample")
    assert own.figure.layout.title.text.endswith("<br>Mine") and "OFFLINE SAMPLE" in own.figure.layout.title.text
    with pytest.raises(DataError, match="needs alt="):
        figures.hover(go.Figure(), still=still)


@pytest.mark.parametrize("shape", [(3, 28, 28), (28,), (513, 20), (2, 2, 2, 2), (0, 4)])
def test_an_image_that_cannot_be_hovered_is_refused(shape):
    with pytest.raises(DataError, match="one gray image"):
        figures.hover_image(np.zeros(shape), unit="HU", title="T", alt=ALT)


def test_a_flat_image_and_one_of_floats_can_be_hovered():
    assert figures.hover_image(np.zeros((4, 4)), unit="HU", title="T", alt=ALT).figure.data[0].zmax == 1
    figure = figures.hover_image(torch.tensor([[1.23456789, -1000.0]]), unit="HU", title="T", alt=ALT)
    assert list(figure.figure.data[0].z) == [[1.235, -1000.0]]
    with pytest.raises(DataError, match="NaN"):
        figures.hover_image([[np.nan, 1.0]], unit="HU", title="T", alt=ALT)
