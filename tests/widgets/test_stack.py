"""Every kind of image becomes pictures to leaf through, left and right where they belong; the rest is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medtutor.data import Volume
from medtutor.errors import DataError, UnknownNameError
from medtutor.widgets.stack import stack


@pytest.mark.parametrize(
    ("shape", "expected", "noun"),
    [
        ((5, 6), (1, 5, 6), "image"),
        ((4, 5, 6), (4, 5, 6), "slice"),
        ((1, 4, 5, 6), (4, 5, 6), "slice"),
        ((7, 1, 5, 6), (7, 5, 6), "image"),
        ((7, 3, 5, 6), (7, 5, 6, 3), "image"),
    ],
)
def test_arrays_and_tensors_of_the_course_are_taken(shape, expected, noun):
    values = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    for images in (values, torch.from_numpy(values)):
        made = stack(images)
        assert made.values.shape == expected and made.values.dtype == np.uint8
        assert made.noun == noun
    index = (2, 3, 4) if expected[0] > 2 else (0, 3, 4)
    place = made.place.format(*index)
    np.testing.assert_array_equal(made.values[index], eval(f"values{place}"))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3,), r"\(H, W\), a volume \(D, H, W\) or a batch"),
        ((2, 5, 6, 7), "1 or 3 channels"),
        ((9, 8, 8, 3), r"channels last; give images.transpose\(0, 3, 1, 2\)"),
        ((8, 8, 3), r"transpose\(2, 0, 1\)\[None\]"),
        ((2, 1, 4, 5, 6), r"show one of them: images\[0\]"),
        ((0, 5, 6), "nothing to show"),
    ],
)
def test_shapes_that_cannot_be_shown_are_refused_with_what_to_do(shape, words):
    with pytest.raises(DataError, match=words):
        stack(np.zeros(shape, np.uint8))


def test_values_keep_their_numbers_in_the_smallest_type():
    assert stack(np.array([[0, 200]])).values.dtype == np.uint8
    assert stack(np.array([[-1000, 3000]])).values.dtype == np.int16
    assert stack(np.array([[0, 70000]])).values.tolist() == [[[0, 70000]]]
    assert stack(torch.tensor([[0.5, 2.0]], dtype=torch.bfloat16)).values.dtype == np.float32
    assert stack(np.array([[True, False]])).values.tolist() == [[[1, 0]]]
    with pytest.raises(DataError, match="1 values that are NaN"):
        stack(np.array([[0.0, np.nan]]))
    with pytest.raises(DataError, match="floats between 0 and 1"):
        stack(np.full((1, 3, 4, 4), 7.0))


def turned_volume():
    """A volume whose file runs left, posterior, superior, with one bright voxel high up at the right front."""
    array = np.zeros((6, 5, 4), np.int16)
    array[0, 1, 3] = 900  # i = 0: right, since i grows to the left; j = 1: nearly at the front
    affine = np.diag([-2.0, -3.0, 5.0, 1.0])
    affine[:3, 3] = (10, 20, 30)
    return Volume(array, affine, "HU")


@pytest.mark.parametrize(
    ("plane", "shape", "at", "sides"),
    [
        ("axial", (4, 5, 6), (3, 1, 0), ("R", "L", "A", "P")),
        ("coronal", (5, 4, 6), (3, 0, 0), ("R", "L", "S", "I")),
        ("sagittal", (6, 4, 5), (5, 0, 1), ("A", "P", "S", "I")),
    ],
)
def test_a_volume_is_laid_out_as_radiologists_see_it(plane, shape, at, sides):
    volume = turned_volume()
    made = stack(volume, plane=plane)
    assert made.values.shape == shape and made.sides == sides and made.unit == "HU"
    assert made.values[at] == 900 and (made.values == 900).sum() == 1
    index = np.array(made.to_index) @ [*at, 1]
    assert index.tolist() == [0, 1, 3], "the index of the file, not of the picture"
    np.testing.assert_allclose(np.array(made.to_mm) @ [*at, 1], (volume.affine @ [0, 1, 3, 1])[:3])
    steps = {"axial": 3 / 2, "coronal": 5 / 2, "sagittal": 5 / 3}
    assert made.aspect == pytest.approx(steps[plane])


def test_the_mask_of_a_volume_lies_where_its_voxels_lie():
    volume = turned_volume()
    mask = Volume((volume.array > 0).astype(np.uint8) * 2, volume.affine, "label")
    for given in (mask, mask.array):
        made = stack(volume, given, plane="coronal")
        np.testing.assert_array_equal(made.mask == 2, made.values == 900)
    moved = volume.affine.copy()
    moved[0, 3] += 4
    with pytest.raises(DataError, match="lies elsewhere"):
        stack(volume, Volume(mask.array, moved, "label"))
    with pytest.raises(DataError, match="both must be on one grid"):
        stack(volume, mask.array[:-1])
    with pytest.raises(UnknownNameError, match="did you mean 'axial'"):
        stack(volume, plane="axiall")


def test_masks_of_arrays_must_fit_and_be_labels():
    images = np.zeros((4, 1, 5, 6), np.uint8)
    assert stack(images, np.ones((4, 1, 5, 6), bool)).mask.shape == (4, 5, 6)
    assert stack(images[:, 0], np.ones((1, 4, 5, 6))).mask.shape == (4, 5, 6)
    with pytest.raises(DataError, match=r"has shape \(3, 5, 6\), but should have \(4, 5, 6\)"):
        stack(images, np.ones((3, 5, 6)))
    with pytest.raises(DataError, match="Threshold probabilities first"):
        stack(images, np.full((4, 5, 6), 0.5))


def test_cases_and_sets_bring_their_mask_and_their_source():
    volume = turned_volume()
    case = SimpleNamespace(image=volume, mask=Volume(np.ones((6, 5, 4)), volume.affine, "label"), source="sample")
    made = stack(case)
    assert made.source == "sample" and made.mask.shape == made.values.shape
    cell = SimpleNamespace(image=np.zeros((3, 8, 9), np.uint8), mask=np.eye(8, 9, dtype=np.int32), source="folder")
    made = stack(cell)
    assert made.values.shape == (1, 8, 9, 3) and made.mask.sum() == 8 and made.source == "folder"
    images = SimpleNamespace(images=torch.zeros(5, 1, 8, 8, dtype=torch.uint8), source="cache")
    assert stack(images).values.shape == (5, 8, 8)


def test_spacing_of_arrays_gives_pixels_their_shape():
    assert stack(np.zeros((3, 4, 5)), spacing=(5, 2, 1)).aspect == 2
    with pytest.raises(DataError, match="spacing must be"):
        stack(np.zeros((3, 4, 5)), spacing=(1, 0, 1))
