"""`ImageSet`: it keeps what belongs together, and refuses what does not fit."""

import dataclasses

import numpy as np
import pytest
import torch

from medtutor.data.cards import card
from medtutor.data.imageset import ImageSet
from medtutor.errors import DataError

GREY = card("pneumoniamnist")
SEVERAL = dataclasses.replace(GREY, task="multi-label", classes=("nodule", "mass", "hernia"))


def made(**changes) -> ImageSet:
    """Six images of three patients, changed as a test wants."""
    parts = {
        "images": torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 1, 8, 8),
        "labels": torch.tensor([0, 1, 1, 0, 1, 1]),
        "patients": ("a", "a", "b", "b", "b", "c"),
        "card": GREY,
        "source": "folder",
        "split": "train",
        "size": 8,
        "columns": {"sex": ("F", "F", "M", "M", "M", "")},
    }
    return ImageSet(**parts | changes)


def refused(match: str, **changes) -> None:
    with pytest.raises(DataError, match=match):
        made(**changes)


def test_a_set_knows_its_length_task_and_classes():
    train = made()
    assert len(train) == 6
    assert train.task == "binary-class"
    assert train.classes == ("normal", "pneumonia")
    assert made(
        card=dataclasses.replace(SEVERAL, task="multi-label, binary-class"), labels=torch.eye(6, 3).long()
    ).task == ("multi-label")


def test_volumes_and_several_findings_are_sets_too():
    volumes = made(images=torch.zeros(6, 1, 8, 8, 8, dtype=torch.uint8))
    assert "1 x 8 x 8 x 8" in repr(volumes)
    several = made(card=SEVERAL, labels=torch.tensor([[1, 0, 1]] * 6))
    assert "6 nodule, 0 mass, 6 hernia" in repr(several)


def test_it_says_in_one_line_what_it_is():
    assert repr(made()) == (
        "<ImageSet pneumoniamnist train: 6 images, 1 x 8 x 8 uint8; 2 normal, 4 pneumonia; 3 patients; from folder>"
    )
    assert "patients unknown" in repr(made(patients=None))


def test_the_sample_never_passes_for_patients():
    assert made().banner() is None
    sample = made(source="sample")
    assert "OFFLINE SAMPLE, not patients" in sample.banner()
    assert "medtutor fetch pneumoniamnist" in sample.banner()
    assert "OFFLINE SAMPLE, not patients" in repr(sample)


@pytest.mark.parametrize(
    "indices",
    [
        [4, 0],
        (4, 0),
        np.array([4, 0]),
        torch.tensor([4, 0]),
        np.array([-2, 0], dtype=np.int32),
        slice(4, None, -4),
        range(4, -1, -4),
    ],
    ids=str,
)
def test_a_subset_keeps_labels_patients_and_columns_together(indices):
    part = made().subset(indices)
    assert part.images[:, 0, 0, 0].tolist() == [4, 0]
    assert part.labels.tolist() == [1, 0]
    assert part.patients == ("b", "a")
    assert part.columns == {"sex": ("M", "F")}
    assert part.split == "train" and part.source == "folder"


def test_a_subset_can_be_chosen_by_true_and_false():
    train = made()
    assert train.subset(train.labels == 0).patients == ("a", "b")
    assert train.subset(np.array(train.columns["sex"]) == "M").labels.tolist() == [1, 0, 1]
    assert made(patients=None).subset([1]).patients is None


@pytest.mark.parametrize(
    ("indices", "match"),
    [
        ([6], "no image 6; the 6 images have the indices 0 to 5"),
        ([-7], "no image -7"),
        ([], "would be empty"),
        ([False] * 6, "would be empty"),
        ([True] * 5, "needs 6 of them, got 5"),
        ([0.5], "whole numbers, got float32"),
    ],
    ids=str,
)
def test_a_subset_that_does_not_exist_is_refused(indices, match):
    with pytest.raises(DataError, match=match):
        made().subset(indices)


@pytest.mark.parametrize(
    "shape", [(6, 8, 8), (6, 1, 8, 9), (6, 1, 9, 9), (6, 0, 8, 8), (6, 1, 8, 8, 8, 8), (6, 1, 8)], ids=str
)
def test_images_of_a_wrong_shape_are_refused_with_the_shape_expected(shape):
    refused(r"of size 8 should have the shape \(N, C, 8, 8\).*got", images=torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool], ids=str)
def test_images_of_a_wrong_dtype_are_refused(dtype):
    name = str(dtype).removeprefix("torch.")
    refused(f"should be uint8 .*got {name}", images=torch.zeros(6, 1, 8, 8).to(dtype))


def test_images_with_nan_are_refused_and_the_first_is_named():
    images = torch.zeros(6, 1, 8, 8)
    images[2, 0, 3, 3] = images[5, 0, 0, 0] = float("nan")
    refused("2 images hold NaN, first at index 2", images=images)


def test_a_set_without_images_is_refused():
    refused("there are no images", images=torch.zeros(0, 1, 8, 8, dtype=torch.uint8), labels=torch.zeros(0).long())


def test_arrays_in_place_of_tensors_are_refused():
    refused("images should be a torch tensor, got ndarray", images=np.zeros((6, 1, 8, 8), np.uint8))
    refused("labels should be a torch tensor, got list", labels=[0, 1, 1, 0, 1, 1])


def test_labels_of_a_wrong_dtype_or_shape_are_refused():
    refused(r"should be int64, got int32; use labels.long\(\)", labels=torch.zeros(6, dtype=torch.int32))
    refused(r"should have the shape \(6,\), got \(6, 1\)", labels=torch.zeros(6, 1).long())
    refused(r"should have the shape \(6, 3\), got \(6, 2\)", labels=torch.zeros(6, 2).long(), card=SEVERAL)
    refused("labels hold NaN", labels=torch.tensor([0, 1, float("nan"), 0, 1, 1]))


def test_lengths_that_differ_are_refused():
    refused("6 images but 5 labels", labels=torch.zeros(5).long())
    refused("6 images but 2 patients", patients=("a", "b"))
    refused("6 images but 1 column sex", columns={"sex": ("F",)})


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_out_of_range_is_refused_and_its_image_named(label):
    labels = torch.tensor([0, 1, 1, label, 1, 1])
    refused(
        rf"label out of range: image 3 has {label}; a label is a class from 0 to 1 \(normal, pneumonia\)", labels=labels
    )


def test_with_several_findings_a_label_is_0_or_1():
    labels = torch.zeros(6, 3).long()
    labels[4, 2] = 2
    refused("label out of range: image 4 has 2; a label is 0 or 1 for each finding", labels=labels, card=SEVERAL)


def test_patients_are_names_and_the_source_is_known():
    refused("patients should be names", patients=("a", "a", "b", "b", "b", ""))
    refused("patients should be names", patients=(1, 2, 3, 4, 5, 6))
    refused("source should be one of folder, cache, download, sample, got 'web'", source="web")
