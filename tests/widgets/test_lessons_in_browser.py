"""The lessons in JupyterLab, as a student sees them: run, and every widget and quiz worked by keyboard.

The student notebooks are built anew and run at the smoke budget, on the images of `MEDTUTOR_DATA` where they are
there, else on the offline sample. One JupyterLab and one browser for all lessons, one lesson open at a time.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import jupyterlab

from medtutor import widgets
from medtutor.checks.finding import find
from medtutor.course import lessons
from medtutor.course.build import notebook_path, write_to

# The first test of a lesson also runs it. JupyterLab 4 does not draw the core widgets of ipywidgets 7, the lowest.
pytestmark = [pytest.mark.timeout(600), pytest.mark.newest]


@dataclass(frozen=True)
class Kind:
    """How a widget is worked: what has the focus, which picture follows, keys that change it and lead back to the
    first picture, and two keys that are pressed in turn to measure the time."""

    control: str
    picture: str
    start: str
    moves: tuple[str, ...]
    timed: tuple[str, str]


KINDS = {
    "SliceViewer": Kind("canvas", "canvas", "Home", ("ArrowUp", "End", "Home"), ("ArrowUp", "ArrowDown")),
    "ConvolutionPlayground": Kind(
        ".mt-kernel input >> nth=4",
        "canvas[tabindex]",
        "ArrowUp",
        ("ArrowUp", "ArrowDown"),
        ("ArrowUp", "ArrowDown"),
    ),
    "WindowingPlayground": Kind(
        "input[aria-label=level]",
        "canvas",
        "ArrowRight",
        ("ArrowRight", "ArrowLeft"),
        ("ArrowRight", "ArrowLeft"),
    ),
    "ThresholdPlayground": Kind(
        "input[aria-label=threshold]", ".mt-square", "Home", ("End", "Home"), ("ArrowRight", "ArrowLeft")
    ),
}
VIEWER_MS, OTHERS_MS = 60, 300  # wanted: 10 and 100; the gate is loose because the machine is shared


@dataclass
class Opened:
    """A lesson that has run: its `page`, and its code `cells` as [source, text of the outputs]."""

    page: object
    cells: list

    def output(self, cell):
        return self.page.tab.locator(f"[data-mt-cell='{cell}'] .jp-Cell-outputArea")

    def widgets(self):
        """(class, its element) of all widgets of medtutor that cells of this lesson make."""
        for cell, (source, text) in enumerate(self.cells):
            for name in re.findall(rf"\b({'|'.join(KINDS)})\(", source):
                if "is not on this machine" not in text:  # data that only some have
                    yield name, self.output(cell).locator(".mt-widget")

    def quizzes(self):
        """(the quiz, the output that asks it) of this lesson."""
        for cell, (source, _) in enumerate(self.cells):
            if asked := re.match(r'quiz\("([\w.]+)"\)', source):
                yield find("quiz", asked[1]), self.output(cell)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    write_to(folder / "notebooks", "student")
    data = [Path(one).resolve() for one in os.environ.get("MEDTUTOR_DATA", "").split(os.pathsep) if one]
    env = {
        "MEDTUTOR_BUDGET": "smoke",
        "MEDTUTOR_DATA": os.pathsep.join(map(str, data)),
        "MEDTUTOR_OFFLINE": "1",
        "MEDTUTOR_CACHE": str(folder / "cache"),
        "MEDTUTOR_PROGRESS": str(folder / "progress.json"),
        "MEDTUTOR_GRADED": "",
    }
    with jupyterlab(folder / "notebooks", env) as server:
        yield server


@pytest.fixture(scope="module", params=lessons(), ids=lambda lesson: lesson.slug)
def lesson(request, browser, lab):
    page = lab.open(browser, notebook_path(request.param).name)
    page.run_all()
    cells = page.tab.evaluate(
        """() => jupyterapp.shell.currentWidget.content.widgets
            .filter((cell) => cell.model.type === "code")
            .map((cell, k) => {
                cell.node.dataset.mtCell = k;
                return [cell.model.sharedModel.getSource(), cell.outputArea.node.innerText];
            })"""
    )
    yield Opened(page, cells)
    page.tab.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
    page.close()


def test_a_lesson_runs_and_shows_all_that_its_cells_make(lesson):
    for name, widget in lesson.widgets():
        widget.locator(KINDS[name].picture).first.wait_for(timeout=20_000)
    for quiz, output in lesson.quizzes():
        output.get_by_text(quiz.question).wait_for(timeout=20_000)
    assert lesson.page.tab.locator(".mt-widget").count() == len(list(lesson.widgets()))
    broken = re.compile("Error displaying widget|Error creating widget|Loading widget")
    assert lesson.page.tab.locator(".jp-OutputArea-output").filter(has_text=broken).count() == 0


def test_a_lesson_leaves_every_exercise_not_attempted(lesson):
    checks = [(source, text) for source, text in lesson.cells if source.startswith("check(")]
    assert checks
    for source, text in checks:
        assert "not attempted." in text, source


def test_every_picture_of_a_lesson_follows_the_keyboard(lesson):
    page = lesson.page
    for name, widget in lesson.widgets():
        kind = KINDS[name]
        widget.locator(kind.control).press(kind.start)
        picture = widget.locator(kind.picture)
        picture.scroll_into_view_if_needed()
        seen = [pixels(page, picture)]
        words = [widget.locator(".mt-status").inner_text()]
        for key in kind.moves:
            page.tab.keyboard.press(key)
            seen.append(pixels(page, picture))
            words.append(widget.locator(".mt-status").inner_text())
        for before, after, key in zip(range(len(seen)), range(1, len(seen)), kind.moves, strict=False):
            assert seen[after] != seen[before], f"{name}: {key} left the picture as it was"
            assert words[after] != words[before], f"{name}: {key} left the words as they were"
        assert seen[-1] == seen[0] and words[-1] == words[0], f"{name}: the way back leads elsewhere"


def pixels(page, picture):
    """What is drawn there: the pixels of a canvas, or of a drawing in the style that it has on the page.

    The drawing is painted apart: on the page its place between two pixels moves with the text around it.
    """
    if picture.evaluate("(node) => node.localName") == "canvas":
        return page.picture(picture)
    painted = picture.evaluate_handle(
        """async (drawing) => {
            const copy = drawing.cloneNode(true);
            const nodes = (root) => [root, ...root.querySelectorAll("*")];
            const copies = nodes(copy);
            const names = ["fill", "fill-opacity", "stroke", "stroke-width", "opacity", "visibility", "display"];
            nodes(drawing).forEach((node, k) => {
                const style = getComputedStyle(node);
                for (const name of names) copies[k].style.setProperty(name, style.getPropertyValue(name));
            });
            const {width, height} = drawing.viewBox.baseVal;
            for (const [name, value] of Object.entries({width, height})) copy.setAttribute(name, value);
            const image = new Image();
            image.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
            await image.decode();
            const canvas = Object.assign(document.createElement("canvas"), {width, height});
            canvas.getContext("2d").drawImage(image, 0, 0, width, height);
            return canvas;
        }"""
    )
    return page.picture(painted)


def test_every_quiz_of_a_lesson_is_answered_by_keyboard(lesson):
    quizzes = list(lesson.quizzes())
    assert quizzes
    for quiz, output in quizzes:
        right = [choice.right for choice in quiz.choices]
        wrong = [k == right.index(False) for k in range(len(right))]
        for chosen, state in ((wrong, "not yet"), (right, "correct")):
            choose(lesson.page, output, chosen)
            lesson.page.tab.keyboard.press("Enter")
            said = output.get_by_role("status").filter(has_text=f"{quiz.id}: {state}.")
            said.wait_for(timeout=20_000)
            for choice, mine in zip(quiz.choices, chosen, strict=True):
                assert not mine or choice.feedback in said.inner_text()


def choose(page, output, chosen):
    """By keys alone: choose these of the choices, and go on to the button."""
    inputs = output.locator("input")
    assert inputs.count() == len(chosen)
    for box, wanted in zip(inputs.all(), chosen, strict=True):
        if box.is_checked() != wanted and (wanted or box.get_attribute("type") == "checkbox"):
            box.focus()
            page.tab.keyboard.press("Space")
    assert [box.is_checked() for box in inputs.all()] == chosen
    inputs.nth(chosen.index(True)).focus()
    for _ in chosen:
        page.tab.keyboard.press("Tab")
        if page.tab.evaluate("() => document.activeElement.localName") == "button":
            break
    assert page.tab.evaluate("() => document.activeElement.innerText") == "Check"


# On a narrow page text and tables may scroll, pictures and widgets may not.
PLACES = {1280: ".jp-OutputArea-output, .mt-widget", 900: ".jp-OutputArea-output:has(img, svg, input), .mt-widget"}


@pytest.mark.parametrize("width", PLACES)
def test_no_output_of_a_lesson_is_wider_than_its_place(lesson, width):
    lesson.page.tab.set_viewport_size({"width": width, "height": 1000})
    wide = lesson.page.tab.evaluate(
        """async (places) => {
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 200)));
            const cells = [...document.querySelectorAll("[data-mt-cell]")];
            const nodes = cells.flatMap((cell) => [...cell.querySelectorAll(places)]);
            return nodes.filter((node) => node.scrollWidth > node.clientWidth + 1)
                .map((node) => `${node.scrollWidth} in ${node.clientWidth} pixels: ${node.innerText.slice(0, 200)}`);
        }""",
        PLACES[width],
    )
    assert not wide


def test_a_key_shows_at_once_in_a_lesson(lesson, request, capsys):
    times = {}
    for name, widget in lesson.widgets():
        label = name if name not in times else f"{name} {len(times) + 1}"
        kind = KINDS[name]
        widget.locator(kind.control).press(kind.start)
        times[label] = lesson.page.time_keys(widget.locator(kind.control), *kind.timed)
    quiz = next((one for one in lesson.quizzes() if sum(choice.right for choice in one[0].choices) == 1), None)
    answer = time_answers(lesson.page, *quiz) if quiz else None
    with capsys.disabled():
        print(f"\n{request.node.callspec.id}: median of 20 keys, ms until drawn / until on the screen:")
        for label, (drawn, shown) in times.items():
            print(f"  {label:24} {drawn:6.1f} /{shown:6.1f}")
        if answer is not None:
            print(f"  {'quiz, by the kernel':24} {answer:6.1f}")
    for label, (drawn, _) in times.items():
        assert drawn < (VIEWER_MS if label.startswith("SliceViewer") else OTHERS_MS), label
    assert answer is None or answer < OTHERS_MS


def time_answers(page, quiz, output, moves=20):
    """Median milliseconds from Enter on the button of a quiz to the answer, which comes from the kernel."""
    times = []
    last = next((k for k, box in enumerate(output.locator("input").all()) if box.is_checked()), -1)
    for move in range(1, moves + 1):  # each time another choice, else the answer stays as it is
        choose(page, output, [k == (last + move) % len(quiz.choices) for k in range(len(quiz.choices))])
        page.ask("pass")  # until the kernel knows the choice
        output.evaluate(
            """(output) => {
                window.mtAnswer = new Promise((done) => {
                    let start = null;
                    addEventListener("keydown", () => (start = performance.now()), {capture: true, once: true});
                    const seen = new MutationObserver(() => {
                        if (start === null || !output.querySelector("[role=status]")) return;
                        seen.disconnect();
                        done(performance.now() - start);
                    });
                    seen.observe(output, {childList: true, subtree: true, characterData: true});
                });
            }"""
        )
        page.tab.keyboard.press("Enter")
        times.append(page.tab.evaluate("() => mtAnswer"))
    return sorted(times)[moves // 2]


def test_a_lesson_says_nothing_on_the_console_and_asks_nothing_of_the_network(lesson):
    assert len(lesson.page.requests) > 10, "requests are seen"
    lesson.page.assert_quiet()


def test_every_widget_of_the_library_has_keys_here():
    assert set(KINDS) == set(widgets.__all__)
