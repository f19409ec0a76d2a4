"""What the browser computes is what Python computes, and both are what the field's libraries compute."""

import numpy as np
import pytest
import torch
from browser import run_module

from medtutor import evaluate
from medtutor.errors import UnknownNameError
from medtutor.widgets.arithmetic import PRESETS, at_prevalence, convolved, preset, wilson, windowed
from medtutor.widgets.modules import FOLDER, module


@pytest.fixture
def hounsfield():
    return np.random.default_rng(0).integers(-1024, 2000, (13, 17)).astype(np.int16)


@pytest.mark.parametrize(("level", "width"), [*PRESETS.values(), (0, 1), (12.5, 333)])
def test_windows_are_the_same_in_the_browser(browser, hounsfield, level, width):
    seen = run_module(
        browser,
        module("pixels.js"),
        """(() => {
            const {values, level, width} = argument;
            const rgba = new Uint8ClampedArray(4 * values.length);
            module.grey(Int16Array.from(values), 0, values.length, level, width, rgba);
            return Array.from(rgba);
        })()""",
        {"values": hounsfield.ravel().tolist(), "level": level, "width": width},
    )
    expected = windowed(hounsfield, level, width).ravel()
    rgba = np.array(seen).reshape(-1, 4)
    for channel in range(3):
        np.testing.assert_array_equal(rgba[:, channel], expected)
    assert (rgba[:, 3] == 255).all()


def test_a_window_is_black_below_white_above_and_grey_in_its_middle():
    assert windowed(np.array([-161, -160, 40, 240, 241]), 40, 400).tolist() == [0, 0, 128, 255, 255]
    assert preset("lung") == (-600, 1500) and preset((3, 4)) == (3, 4)
    with pytest.raises(UnknownNameError, match="did you mean 'lung'"):
        preset("lungs")


def test_masks_are_blended_as_the_formula_says(browser):
    generator = np.random.default_rng(1)
    grey, mask = generator.integers(0, 256, 40), generator.integers(0, 3, 40)
    palette = {1: (230, 159, 0), 2: (86, 180, 233)}
    seen = run_module(
        browser,
        module("pixels.js"),
        """(() => {
            const rgba = Uint8ClampedArray.from(argument.grey.flatMap((v) => [v, v, v, 255]));
            module.tint(rgba, argument.mask, 0, argument.mask.length, argument.palette, 0.35);
            return Array.from(rgba);
        })()""",
        {"grey": grey.tolist(), "mask": mask.tolist(), "palette": {str(k): v for k, v in palette.items()}},
    )
    rgb = np.array(seen).reshape(-1, 4)[:, :3]
    colours = np.array([palette.get(int(label), (0, 0, 0)) for label in mask])
    expected = np.where(mask[:, None] > 0, np.rint(grey[:, None] * 0.65 + colours * 0.35), grey[:, None])
    np.testing.assert_array_equal(rgb, expected)
    assert (rgb[mask > 0] != grey[mask > 0, None]).any()


def test_outlines_run_around_every_label_and_between_labels(browser):
    mask = [[0, 0, 0, 0], [0, 1, 2, 2], [0, 1, 2, 2]]
    edges = run_module(browser, module("pixels.js"), "module.outlines(argument.flat(), 0, 4, 3)", mask)
    lines = {label: {tuple(values[i : i + 4]) for i in range(0, len(values), 4)} for label, values in edges.items()}
    assert set(lines) == {"1", "2"}
    assert lines["1"] == {(1, 1, 2, 1), (1, 3, 2, 3), (1, 1, 1, 2), (1, 2, 1, 3), (2, 1, 2, 2), (2, 2, 2, 3)}
    assert (4, 1, 4, 2) in lines["2"], "a label that touches the edge of the image is closed there"


@pytest.mark.parametrize("k", [3, 5])
def test_the_map_of_a_kernel_is_the_same_in_the_browser_and_in_torch(browser, k):
    generator = np.random.default_rng(2)
    image, kernel = generator.random((11, 9)).astype(np.float32), generator.normal(size=(k, k))
    seen = run_module(
        browser,
        module("convolve.js"),
        """(() => {
            const {image, kernel} = argument;
            const made = module.convolve(image.flat(), image.length, image[0].length, kernel);
            return {shape: [made.height, made.width], map: Array.from(made.map)};
        })()""",
        {"image": image.tolist(), "kernel": kernel.tolist()},
    )
    ours = convolved(image, kernel)
    torchs = torch.nn.functional.conv2d(torch.tensor(image).double()[None, None], torch.tensor(kernel)[None, None])[
        0, 0
    ]
    assert tuple(seen["shape"]) == ours.shape == (12 - k, 10 - k)
    np.testing.assert_allclose(np.reshape(seen["map"], ours.shape), ours, atol=1e-12)
    np.testing.assert_allclose(ours, torchs.numpy(), atol=1e-12)


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.77, 1.0])
def test_decisions_at_a_threshold_are_those_of_evaluate(browser, threshold):
    generator = np.random.default_rng(3)
    labels = np.arange(80) % 3 // 2
    scores = np.round(generator.random(80), 2)  # many lie on the threshold itself
    argument = {"labels": labels.tolist(), "scores": scores.tolist(), "threshold": threshold}
    n = run_module(
        browser, module("decisions.js"), "module.count(argument.labels, argument.scores, argument.threshold)", argument
    )
    matrix = evaluate.confusion(labels, evaluate.decide(scores, threshold=threshold), 2)
    assert [[n["tn"], n["fp"]], [n["fn"], n["tp"]]] == matrix.tolist()


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "prevalence"), [(0.9, 0.9, 0.01), (1, 0, 0.3), (0.42, 0.97, 0.5)]
)
def test_predictive_values_are_the_same_in_the_browser(browser, sensitivity, specificity, prevalence):
    values = (sensitivity, specificity, prevalence)
    seen = run_module(browser, module("decisions.js"), "module.atPrevalence(...argument)", values)
    np.testing.assert_allclose([seen["ppv"], seen["npv"]], at_prevalence(*values), equal_nan=True)


def test_at_the_prevalence_of_the_images_the_ppv_is_that_of_the_images():
    labels, scores = np.arange(60) % 4 // 3, np.random.default_rng(4).random(60)
    rates = evaluate.sensitivity(labels, scores), evaluate.specificity(labels, scores)
    expected = evaluate.ppv(labels, scores), evaluate.npv(labels, scores)
    np.testing.assert_allclose(at_prevalence(*rates, labels.mean()), expected)


@pytest.mark.parametrize(("successes", "n"), [(0, 9), (9, 9), (351, 390), (1, 3)])
def test_intervals_are_scipys(browser, successes, n):
    seen = run_module(browser, module("decisions.js"), "module.wilson(...argument)", [successes, n])
    np.testing.assert_allclose(seen, wilson(successes, n), atol=1e-9)


def test_a_module_is_whole_and_uses_each_name_once():
    for name in ("slice_viewer.js", "convolution.js", "windowing.js", "threshold.js"):
        text = module(name)
        assert "import {" not in text and text.count("export ") == 1
        names = [
            line.split()[1].split("(")[0] for line in text.splitlines() if line.startswith(("function ", "const "))
        ]
        assert len(names) == len(set(names)), f"{name} has a name twice: {sorted(names)}"


def test_no_file_of_a_widget_asks_for_anything_on_the_network():
    for path in [*FOLDER.glob("*.js"), *FOLDER.glob("*.css")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")  # a name, not an address
        assert not any(word in text for word in ("http:", "https:", "fetch(", "@import", "url(//")), path.name
