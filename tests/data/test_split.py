"""Splitting by patient: no patient on two sides, the same parts each time, and copies found."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from medtutor.data import ImageSet, assert_no_leak, card, duplicates_across, load, split_by_patient
from medtutor.errors import DataError, LeakageError, MedtutorError

# 60 patients with one to five images each; every fourth patient is ill.
RNG = np.random.default_rng(0)
PATIENTS = [f"p{i:02d}" for i in range(60) for _ in range(RNG.integers(1, 6))]
ILL = [int(int(patient[1:]) % 4 == 0) for patient in PATIENTS]


def people(part) -> set[str]:
    return {PATIENTS[i] for i in part}


def imageset(values, split, patients=None) -> ImageSet:
    images = torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(len(values), 1, 4, 4)
    labels = torch.zeros(len(values)).long()
    return ImageSet(images, labels, patients, card("pneumoniamnist"), "folder", split, 4)


def test_every_image_is_in_one_part_and_every_patient_on_one_side():
    parts = split_by_patient(PATIENTS)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(PATIENTS)))
    assert [len(people(part)) for part in parts] == [42, 9, 9]
    assert (
        not people(parts[0]) & people(parts[1])
        | people(parts[0]) & people(parts[2])
        | people(parts[1]) & people(parts[2])
    )
    assert all(part.dtype == np.int64 and (np.diff(part) > 0).all() for part in parts)


def test_the_same_seed_gives_the_same_parts_and_another_seed_others():
    a, b, c = split_by_patient(PATIENTS, seed=1), split_by_patient(PATIENTS, seed=1), split_by_patient(PATIENTS, seed=2)
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert people(a[2]) != people(c[2])


def test_the_order_of_the_images_does_not_change_who_goes_where():
    mixed = RNG.permutation(len(PATIENTS))
    parts = split_by_patient(PATIENTS, stratify=ILL)
    again = split_by_patient([PATIENTS[i] for i in mixed], stratify=[ILL[i] for i in mixed])
    assert [people(part) for part in parts] == [people(mixed[part]) for part in again]


@pytest.mark.parametrize("seed", range(5))
def test_stratified_parts_have_the_same_share_of_ill_patients(seed):
    parts = split_by_patient(PATIENTS, fractions=(0.5, 0.25, 0.25), seed=seed, stratify=ILL)
    ill = [sum(int(p[1:]) % 4 == 0 for p in people(part)) for part in parts]
    assert [len(people(part)) for part in parts] == [30, 15, 15]
    assert max(abs(n - 15 * share) for n, share in zip(ill, (0.5, 0.25, 0.25), strict=True)) <= 1


def test_without_stratifying_the_shares_may_differ():
    shares = set()
    for seed in range(5):
        part = split_by_patient(PATIENTS, fractions=(0.5, 0.25, 0.25), seed=seed)[2]
        shares.add(sum(int(p[1:]) % 4 == 0 for p in people(part)))
    assert max(shares) - min(shares) > 2


def test_a_patient_with_two_findings_still_goes_to_one_part():
    patients, findings = ["a"] * 3 + ["b", "c", "d"], [0, 1, 1, 0, 1, 0]
    parts = split_by_patient(patients, fractions=(0.5, 0.5), stratify=findings)
    assert sum(0 in part for part in parts) == 1
    assert any({0, 1, 2} <= set(part.tolist()) for part in parts)


@pytest.mark.parametrize("n", range(3, 12))
def test_no_part_is_empty_where_there_are_patients_enough(n):
    parts = split_by_patient([f"p{i}" for i in range(n)], fractions=(0.98, 0.01, 0.01))
    assert all(len(part) for part in parts)
    assert sum(map(len, parts)) == n


def test_fewer_patients_than_parts_is_an_error():
    with pytest.raises(DataError, match="too few patients for 3 parts: 2"):
        split_by_patient(["a", "a", "a", "b"])


@pytest.mark.parametrize("unknown", [None, "", " "])
def test_an_unknown_patient_is_an_error_that_names_the_image(unknown):
    with pytest.raises(DataError, match=r"patient of image 2 .* is not known"):
        split_by_patient(["a", "b", unknown, "c"])


def test_a_set_without_patients_cannot_be_split_by_patient():
    with pytest.raises(DataError, match="not known, so they cannot be kept apart"):
        split_by_patient(imageset([1, 2, 3], "train").patients)


@pytest.mark.parametrize("fractions", [(0.5, 0.4), (1.2, -0.2), (), (1, 0)], ids=str)
def test_fractions_that_do_not_add_up_are_an_error(fractions):
    with pytest.raises(DataError, match="above 0 and add up to 1"):
        split_by_patient(PATIENTS, fractions=fractions)


def test_one_class_per_image_is_needed_to_stratify():
    with pytest.raises(DataError, match=r"one per image\) but 2 classes"):
        split_by_patient(PATIENTS, stratify=[0, 1])


def test_splits_that_share_a_patient_raise_and_name_them():
    train, test = imageset([1, 2, 3], "train", ("a", "b", "c")), imageset([4, 5, 6], "test", ("c", "d", "a"))
    with pytest.raises(LeakageError, match=r"train and test share 2 patients: a, c\. Split by patient") as caught:
        assert_no_leak(train, test)
    assert caught.value.patients == ("a", "c")
    assert isinstance(caught.value, MedtutorError)


def test_a_long_list_of_shared_patients_is_cut_in_the_message_only():
    everyone = [f"p{i:02d}" for i in range(14)]
    with pytest.raises(LeakageError, match=r"share 14 patients: p00, .*p09 and 4 more") as caught:
        assert_no_leak(everyone, everyone)
    assert len(caught.value.patients) == 14


def test_every_pair_of_splits_is_looked_at():
    with pytest.raises(LeakageError, match=r"a and c share 1 patient: x\. b and c share 1 patient: y\."):
        assert_no_leak(["x"], ["y"], ["x", "y"], names=("a", "b", "c"))


def test_splits_by_patient_pass():
    parts = split_by_patient(PATIENTS)
    assert_no_leak(*[[PATIENTS[i] for i in part] for part in parts])


def test_a_split_by_image_does_not_pass():
    mixed = RNG.permutation(len(PATIENTS))
    with pytest.raises(LeakageError):
        assert_no_leak(*[[PATIENTS[i] for i in part] for part in np.array_split(mixed, 3)])


def test_cases_with_a_patient_can_be_looked_at_too():
    case = SimpleNamespace(patient="7")
    with pytest.raises(LeakageError, match="set 1 and set 2 share 1 patient: 7"):
        assert_no_leak([case], [case, SimpleNamespace(patient="8")])
    with pytest.raises(DataError, match="patient of image 0 of val is not known"):
        assert_no_leak([case], [SimpleNamespace(patient=None)], names=("train", "val"))


def test_nothing_is_promised_about_a_set_without_patients():
    with pytest.raises(DataError, match="patients of test are not known"):
        assert_no_leak(imageset([1], "train", ("a",)), imageset([1], "test"))


def test_names_must_fit_the_sets():
    with pytest.raises(DataError, match="2 sets but 1 names"):
        assert_no_leak(["a"], ["b"], names=("train",))


def test_copies_across_splits_are_found_and_reported(capsys):
    train, val, test = imageset([1, 2, 2, 3], "train"), imageset([9, 2], "val"), imageset([5, 5], "test")
    found = duplicates_across(train, val, test)
    assert found == [("train", 1, "val", 1), ("train", 2, "val", 1)]
    assert found[0].split_b == "val" and found[0].index_b == 1
    printed = capsys.readouterr().out
    assert "train and val: 1 image is in both" in printed
    assert "val and test: no image is in both" in printed


def test_one_pixel_makes_another_image(capsys):
    train = imageset([7], "train")
    other = train.images.clone()
    other[0, 0, 3, 3] += 1
    assert duplicates_across(train, dataclasses.replace(train, images=other, split="val"), report=False) == []
    assert capsys.readouterr().out == ""


def test_images_of_different_shapes_cannot_be_compared():
    small = imageset([1], "train")
    large = dataclasses.replace(small, images=torch.zeros(1, 1, 8, 8, dtype=torch.uint8), size=8)
    with pytest.raises(DataError, match=r"different shapes cannot be compared: \(1, 4, 4\), \(1, 8, 8\)"):
        duplicates_across(small, large)


def test_pneumoniamnist_has_eight_images_in_both_train_and_val_and_none_in_test(real_data):
    sets = [load("pneumoniamnist", split) for split in ("train", "val", "test")]
    found = duplicates_across(*sets)
    assert len({pair.index_b for pair in found}) == 8
    assert {(pair.split_a, pair.split_b) for pair in found} == {("train", "val")}
    assert all(sets[0].labels[pair.index_a] == 1 for pair in found)
    for pair in found:
        assert torch.equal(sets[0].images[pair.index_a], sets[1].images[pair.index_b])
