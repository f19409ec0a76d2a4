"""The widgets as Python sees them: what they check, hold, send, and how their still twins read."""

import base64
import subprocess
import sys

import browser as browser_helper
import numpy as np
import pytest

from medtutor import evaluate
from medtutor.errors import DataError, UnknownNameError
from medtutor.widgets import ConvolutionPlayground, SliceViewer, ThresholdPlayground, WindowingPlayground

CT = np.linspace(-1000, 900, 30 * 40).reshape(30, 40).astype(np.int16)


def scores(n=200):
    generator = np.random.default_rng(0)
    labels = (generator.random(n) < 0.3).astype(int)
    return labels, 1 / (1 + np.exp(-(generator.normal(0, 1, n) + 2 * labels - 1)))


def each():
    """One of each widget."""
    return {
        "viewer": SliceViewer(np.stack([CT] * 9), np.stack([CT > 0] * 9), unit="HU", alt="A ramp."),
        "convolution": ConvolutionPlayground(np.eye(12, dtype=np.uint8) * 255, alt="A line."),
        "windowing": WindowingPlayground(CT, alt="A ramp."),
        "threshold": ThresholdPlayground(*scores(), alt="Scores of a test."),
    }


def test_a_machine_without_chromium_skips_but_ci_fails(monkeypatch):
    monkeypatch.setattr(browser_helper, "CHROMIUM", "/nowhere/chromium")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no chromium here"):
        browser_helper.need_chromium()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must run"):
        browser_helper.need_chromium()


def test_naming_the_room_loads_no_widgets():
    code = (
        "import sys, medtutor.widgets as w; dir(w); print([m for m in ('ipywidgets', 'anywidget') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("alt", ["", "   "])
def test_every_widget_needs_a_description(alt):
    for make in (
        lambda: SliceViewer(CT, alt=alt),
        lambda: ConvolutionPlayground(np.eye(12), alt=alt),
        lambda: WindowingPlayground(CT, alt=alt),
        lambda: ThresholdPlayground(*scores(), alt=alt),
    ):
        with pytest.raises(DataError, match="alt="):
            make()


def test_the_sample_is_marked_and_a_mistyped_source_is_refused():
    viewer = SliceViewer(CT, alt="A ramp.", source="sample")
    assert viewer.about["sample"] and viewer.about["alt"].startswith("OFFLINE SAMPLE, not patients")
    assert "OFFLINE SAMPLE, not patients" in viewer.static()._repr_html_()
    assert not SliceViewer(CT, alt="A ramp.", source="folder").about["sample"]
    with pytest.raises(DataError, match="source="):
        SliceViewer(CT, alt="A ramp.", source="samples")


def test_every_widget_has_a_still_twin_that_is_described():
    for name, widget in each().items():
        html = widget.static()._repr_html_()
        alt = html.split('alt="')[1].split('"')[0]
        assert html.startswith("<figure") and "data:image/png;base64," in html
        assert len(alt) > 5, name
    assert "rows -1, 0, 1; -2, 0, 2; -1, 0, 1" in each()["convolution"].static().alt
    assert "from -160 HU, black, to 240 HU, white: 21% of the pixels" in each()["windowing"].static().alt
    assert each()["viewer"].static(alt="Other words.").alt == "Other words."


def test_the_arrays_travel_whole_and_are_sent_again_on_request(monkeypatch):
    viewer = each()["viewer"]
    sent = []
    monkeypatch.setattr(type(viewer), "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    parts = {part["name"]: part for part in viewer.about["parts"]}
    values = np.frombuffer(viewer.blob, "<i2", parts["values"]["size"], parts["values"]["start"])
    np.testing.assert_array_equal(values.reshape(9, 30, 40), np.stack([CT] * 9))
    mask = np.frombuffer(viewer.blob, np.uint8, parts["mask"]["size"], parts["mask"]["start"])
    np.testing.assert_array_equal(mask.reshape(9, 30, 40), np.stack([CT > 0] * 9))
    assert len(viewer.blob) == viewer.about["bytes"] and parts["mask"]["start"] % 8 == 0

    viewer._handle_custom_msg({"kind": "need", "form": "buffer"}, [])
    viewer._handle_custom_msg({"kind": "need", "form": "base64"}, [])
    viewer._handle_custom_msg({"kind": "other"}, [])
    viewer._handle_custom_msg("nonsense", [])
    (first, buffers), (second, none) = sent
    assert first == {"kind": "blob"} and buffers == [viewer.blob] and none is None
    assert base64.b64decode(second["base64"]) == viewer.blob


def test_a_volume_too_large_for_a_browser_is_refused():
    with pytest.raises(DataError, match=r"72 MB, more than the 64 MB.*every second slice"):
        SliceViewer(np.broadcast_to(np.array([[[-5]]], np.int16), (144, 512, 512)), alt="Much.")


def test_the_viewer_begins_in_the_middle_of_a_volume_and_at_the_first_of_a_batch():
    assert SliceViewer(np.zeros((9, 8, 8)), alt="a").index == 4
    assert SliceViewer(np.zeros((9, 1, 8, 8)), alt="a").index == 0
    assert SliceViewer(np.zeros((9, 8, 8)), alt="a", index=8).index == 8
    for index in (9, -1):
        with pytest.raises(DataError, match="index of 9 slices must be a number from 0 to 8"):
            SliceViewer(np.zeros((9, 8, 8)), alt="a", index=index)
    with pytest.raises(DataError, match="9 images but 2 captions"):
        SliceViewer(np.zeros((9, 1, 8, 8)), alt="a", captions=["x", "y"])


def test_window_presets_are_for_hounsfield_units_only():
    viewer = SliceViewer(CT, unit="HU", alt="A ramp.", window="lung")
    assert (viewer.level, viewer.width) == (-600, 1500) and next(iter(viewer.about["presets"])) == "lung"
    assert SliceViewer(CT, unit="HU", alt="A ramp.").level == 40
    plain = SliceViewer(CT, alt="A ramp.")
    assert plain.about["presets"] == {} and plain.about["unit"] == ""
    with pytest.raises(DataError, match="Hounsfield"):
        SliceViewer(CT, alt="A ramp.", window="lung")
    with pytest.raises(UnknownNameError, match="lung"):
        SliceViewer(CT, unit="HU", alt="A ramp.", window="lnug")


def test_a_window_without_width_is_refused_and_an_index_stays_within():
    viewer = each()["viewer"]
    with pytest.raises(DataError, match="above 0"):
        viewer.width = 0
    viewer.index = 99
    assert viewer.index == 8
    with pytest.raises(DataError, match="above 0"):
        SliceViewer(CT, alt="A ramp.", window=(1, 0))


def test_bytes_are_shown_as_they_are_and_a_bright_voxel_does_not_darken_the_rest():
    bytes_ = SliceViewer(np.arange(64, dtype=np.uint8).reshape(8, 8), alt="a")
    assert (bytes_.level, bytes_.width) == (127.5, 255)
    spiked = np.random.default_rng(0).random((4, 32, 32)).astype(np.float32)
    spiked[2, 3, 3] = 1e6
    viewer = SliceViewer(spiked, alt="a")
    assert viewer.width < 1.1 and viewer.about["limits"]["width"][1] > 9e5
    flat = SliceViewer(np.full((4, 8, 8), 3.5, np.float32), alt="a")
    assert flat.width > 0 and flat.about["limits"]["level"][0] < flat.about["limits"]["level"][1]


def test_the_twin_of_the_viewer_shows_the_present_slice_among_others():
    viewer = each()["viewer"]
    viewer.index = 7
    assert len(viewer.static([2, 7]).image) < len(viewer.static().image)
    with pytest.raises(DataError, match="from 0 to 8"):
        viewer.static([9])
    colour = SliceViewer(np.zeros((2, 3, 8, 8), np.uint8), alt="Black.", captions=["a", "b"])
    assert colour.static().alt == "Black."


def test_the_twin_gives_pixels_the_shape_that_they_have_in_the_patient():
    def size(spacing):
        twin = SliceViewer(np.zeros((1, 40, 40), np.uint8), alt="Black.", spacing=spacing).static([0])
        return int.from_bytes(twin.image[20:24], "big") / int.from_bytes(twin.image[16:20], "big")

    flat, tall, wide = size((1, 1, 1)), size((1, 2, 1)), size((1, 1, 2))
    assert tall > 1.6 * flat > 1.6 * wide


def test_kernels_are_named_or_written_out():
    image = np.zeros((16, 16), np.float32)
    image[:, 8:] = 1
    playground = ConvolutionPlayground(image[None], alt="An edge.", kernel="vertical edges")
    assert playground.map().shape == (14, 14) and playground.map().max() == 4
    playground.kernel = np.ones((5, 5)).tolist()
    assert playground.map().shape == (12, 12) and playground.map().max() == 25
    with pytest.raises(UnknownNameError, match="did you mean 'blur'"):
        ConvolutionPlayground(image, alt="a", kernel="blurr")
    for bad in (np.ones((2, 2)), np.ones((3, 5)), [[np.nan] * 3] * 3):
        with pytest.raises(DataError, match="3 x 3 or 5 x 5"):
            playground.kernel = np.asarray(bad).tolist()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((3, 16, 16)), "one gray image"),
        (np.zeros((7, 16)), "8 to 256 pixels"),
        (np.zeros((300, 16)), "crop or shrink"),
        (np.full((16, 16), 3.0), "between 0 and 1"),
    ],
)
def test_images_that_no_kernel_can_play_on_are_refused(image, words):
    with pytest.raises(DataError, match=words):
        ConvolutionPlayground(image, alt="a")


def test_bytes_are_scaled_to_one_before_they_meet_a_kernel():
    playground = ConvolutionPlayground(np.full((16, 16), 255, np.uint8), alt="White.", kernel="identity")
    assert (playground.map() == 1).all()


def test_windowing_is_refused_where_there_are_no_hounsfield_units():
    with pytest.raises(DataError, match="air is -1000"):
        WindowingPlayground(np.ones((20, 20), np.int16), alt="a")
    with pytest.raises(DataError, match="one slice"):
        WindowingPlayground(np.stack([CT, CT]), alt="a")
    from medtutor.data import Volume

    with pytest.raises(DataError, match="unit is not HU"):
        WindowingPlayground(Volume(np.zeros((4, 5, 6)), np.eye(4)), alt="a")
    made = WindowingPlayground(Volume(np.stack([CT] * 4, -1), np.eye(4), "HU"), alt="a", index=1, window="bone")
    assert made.level == 400 and (made.about["rows"], made.about["columns"]) == (40, 30)
    assert sum(made.about["counts"]) == CT.size


def test_the_threshold_says_what_evaluate_says():
    labels, probabilities = scores()
    playground = ThresholdPlayground(labels, probabilities, alt="a")
    for threshold in (0.1, 0.5, 0.83):
        playground.threshold = threshold
        now = playground.numbers()
        assert now["sensitivity"] == pytest.approx(evaluate.sensitivity(labels, probabilities, threshold=threshold))
        assert now["specificity"] == pytest.approx(evaluate.specificity(labels, probabilities, threshold=threshold))
        assert now["ppv"] == pytest.approx(evaluate.ppv(labels, probabilities, threshold=threshold))
        assert now["npv"] == pytest.approx(evaluate.npv(labels, probabilities, threshold=threshold))
    before = playground.numbers()
    playground.prevalence = 0.01
    after = playground.numbers()
    assert after["ppv"] < before["ppv"] and after["sensitivity"] == before["sensitivity"]
    assert f"PPV is {after['ppv']:.3f}" in playground.static().alt
    area = evaluate.bootstrap(evaluate.auc, labels, probabilities, resamples=1000)
    assert playground.about["auc"] == f"AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def test_scores_and_shares_that_cannot_be_are_refused():
    labels, probabilities = scores()
    with pytest.raises(DataError, match="both classes"):
        ThresholdPlayground(np.zeros(5, int), np.ones(5) / 2, alt="a")
    with pytest.raises(DataError, match="threshold must be a number from 0 to 1"):
        ThresholdPlayground(labels, probabilities, alt="a", threshold=2)
    playground = ThresholdPlayground(labels, probabilities, alt="a")
    with pytest.raises(DataError, match="prevalence must be"):
        playground.prevalence = 7
