"""Volumes, boxes and masks by name: both layouts, the sample, and clear words for what is broken."""

import importlib
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from medtutor.data import assert_no_leak, card, load_boxes, load_masks, load_volumes, read_voc, sources_used
from medtutor.data import sources as sources_of_process
from medtutor.data.cases import stain_of
from medtutor.errors import CorruptFileError, DataError, FormatError, LeakageError, UnknownNameError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _new_process():
    """What one test loads, another has not."""
    sources_of_process.forget()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A data folder of our own."""
    monkeypatch.setenv("MEDTUTOR_DATA", str(tmp_path))
    return tmp_path


def nifti(path: Path, array: np.ndarray, affine=None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)


def hippocampus(folder: Path, number: int, shape=(4, 5, 6), mask=None, affine=None) -> Path:
    root = folder / "msd" / "Task04_Hippocampus"
    name = f"hippocampus_{number:03d}.nii.gz"
    nifti(root / "imagesTr" / name, RNG.random(shape, np.float32))
    nifti(root / "labelsTr" / name, RNG.integers(0, 3, (4, 5, 6), np.uint8) if mask is None else mask, affine)
    return root


def picture(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def smear(root: Path, name: str, cell=("RBC", 1, 2, 10, 12)) -> None:
    """One image of a smear with one cell, and its lists."""
    picture(root / "JPEGImages" / f"{name}.jpg", RNG.integers(0, 255, (30, 40, 3), np.uint8))
    label, *box = cell
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    (root / "Annotations").mkdir(exist_ok=True)
    (root / "Annotations" / f"{name}.xml").write_text(
        f"<annotation><size><width>40</width><height>30</height></size>"
        f"<object><name>{label}</name><bndbox>{corners}</bndbox></object></annotation>"
    )
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    with open(lists / "train.txt", "a") as file:
        file.write(f"{name}\n")


# Volumes


def test_the_hippocampus_comes_with_masks_and_two_files_a_person(folder):
    for number in (1, 2, 3, 10):
        root = hippocampus(folder, number)
    (root / "imagesTr" / "._hippocampus_001.nii.gz").write_bytes(b"from a Mac")
    cases = load_volumes("msd_hippocampus")
    assert [case.id for case in cases] == [f"hippocampus_{n:03d}" for n in (1, 2, 3, 10)]
    assert [case.patient for case in cases] == ["1", "1", "2", "5"]
    assert all(case.mask.unit == "label" and case.image.unit == "arbitrary" for case in cases)
    assert all(case.source == "folder" for case in cases)
    assert sources_used() == {"msd_hippocampus": "folder"}
    with pytest.raises(LeakageError, match="share 1 patient: 1"):
        assert_no_leak(cases[:1], cases[1:])


def test_a_limit_reads_no_more_than_it_says(folder):
    hippocampus(folder, 1)
    (hippocampus(folder, 2) / "imagesTr" / "hippocampus_002.nii.gz").write_bytes(b"broken")
    assert len(load_volumes("msd_hippocampus", limit=1)) == 1
    with pytest.raises(FormatError, match="hippocampus_002"):
        load_volumes("msd_hippocampus")
    with pytest.raises(DataError, match="limit should be at least 1"):
        load_volumes("msd_hippocampus", limit=0)


def test_a_mask_on_another_grid_or_with_an_unknown_label_is_refused(folder):
    hippocampus(folder, 1, shape=(4, 5, 7))
    with pytest.raises(DataError, match="do not lie on the same grid"):
        load_volumes("msd_hippocampus")
    hippocampus(folder, 1, affine=np.diag([-1.0, 1, 1, 1]))
    with pytest.raises(DataError, match="do not lie on the same grid"):
        load_volumes("msd_hippocampus")
    hippocampus(folder, 1, mask=np.full((4, 5, 6), 3, np.uint8))
    with pytest.raises(DataError, match="label out of range: 3; the labels are 0 to 2"):
        load_volumes("msd_hippocampus")
    (folder / "msd/Task04_Hippocampus/labelsTr/hippocampus_001.nii.gz").unlink()
    with pytest.raises(DataError, match=r"There is no file .*labelsTr"):
        load_volumes("msd_hippocampus")


def test_one_nifti_file_is_one_case_in_the_unit_of_its_card(folder):
    values = RNG.integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    nifti(folder / card("ct_abdomen").files["data"].path, values, np.diag([-3.0, -3, 3, 1]))
    (case,) = load_volumes("ct_abdomen")
    assert case.image.unit == "HU" and case.mask is None and case.patient is None
    assert case.image.orientation == ("L", "P", "S") and np.array_equal(case.image.array, values)
    assert case.id == "example_ct"


def test_the_real_study_is_two_cases_of_one_patient(real_data):
    flair, t1 = load_volumes("brain_mri_study")
    assert (flair.id, t1.id) == ("FLAIR_reg", "T1post")
    assert flair.patient == t1.patient == "PGBM-003"
    assert flair.image.array.shape == t1.image.array.shape == (280, 320, 13)
    assert np.allclose(flair.image.affine, t1.image.affine, atol=0.02)
    assert t1.image.spacing[2] == pytest.approx(6.5, abs=1e-3)


def test_the_real_hippocampi_have_masks_of_their_two_parts(real_data):
    cases = load_volumes("msd_hippocampus", limit=20)
    assert all(set(np.unique(case.mask.array)) == {0, 1, 2} for case in cases)
    assert all(case.image.spacing == pytest.approx((1, 1, 1)) for case in cases)


def test_an_empty_folder_is_an_error_and_not_the_sample(folder):
    for name in ("msd_hippocampus", "nuclei_dsb2018", "bccd", "brain_mri_study"):
        file = next(iter(card(name).files.values()))
        (folder / (file.unpacked or file.path)).mkdir(parents=True)
    for loader, name in (
        (load_volumes, "msd_hippocampus"),
        (load_volumes, "brain_mri_study"),
        (load_masks, "nuclei_dsb2018"),
        (load_boxes, "bccd"),
    ):
        with pytest.raises(DataError, match=r"is empty|holds no case|put the whole data set"):
            loader(name)
    assert sources_used() == {}


# Boxes


@pytest.mark.parametrize("inside", ["", "BCCD", "BCCD_Dataset-1.0/BCCD"])
def test_boxes_come_from_the_curated_folder_and_from_the_archive(folder, inside):
    root = folder / "bccd" / inside
    smear(root, "a")
    smear(root, "b", ("WBC", 3, 4, 20, 20))
    first, second = load_boxes("bccd", "train")
    assert (first.id, second.id) == ("a", "b")
    assert first.image.shape == (3, 30, 40) and first.image.dtype == np.uint8
    assert second.boxes.tolist() == [[3, 4, 20, 20]] and second.labels.tolist() == [1]
    assert first.source == "folder" and sources_used() == {"bccd": "folder"}


def test_the_pixels_of_a_jpeg_are_those_of_pillow(folder):
    smear(folder / "bccd", "a")
    (case,) = load_boxes("bccd")
    with Image.open(folder / "bccd" / "JPEGImages" / "a.jpg") as image:
        assert np.array_equal(case.image.transpose(1, 2, 0), np.asarray(image))


def test_degenerate_boxes_are_left_out_or_kept(folder):
    smear(folder / "bccd", "a", ("RBC", 5, 5, 5, 5))
    with pytest.warns(UserWarning, match=r"a\.xml: left out 1 of 1 boxes"):
        assert len(load_boxes("bccd")[0].boxes) == 0
    assert len(load_boxes("bccd", clean=False)[0].boxes) == 1


def test_a_missing_split_or_file_of_boxes_is_named(folder):
    smear(folder / "bccd", "a")
    with pytest.raises(DataError, match=r"has no ImageSets/Main/val\.txt"):
        load_boxes("bccd", "val")
    with pytest.raises(UnknownNameError, match="no split 'vall'; did you mean 'val'"):
        load_boxes("bccd", "vall")
    (folder / "bccd/JPEGImages/a.jpg").write_bytes(b"no image")
    with pytest.raises(FormatError, match=r"a\.jpg cannot be read as an image"):
        load_boxes("bccd")
    (folder / "bccd/JPEGImages/a.jpg").unlink()
    with pytest.raises(DataError, match=r"a\.jpg is missing"):
        load_boxes("bccd")


def test_the_real_smears_hold_the_boxes_that_the_card_counts(real_data):
    about = card("bccd")
    counts = np.zeros(3, int)
    with pytest.warns(UserWarning, match="left out 1 of") as seen:
        for path in sorted((real_data / "bccd" / "Annotations").glob("*.xml")):
            counts += np.bincount(read_voc(path, about.classes)[1], minlength=3)
    assert counts.tolist() == [4155 - 2, 372, 361]
    assert [str(one.message)[:20] for one in seen] == ["BloodImage_00338.xml", "BloodImage_00343.xml"]
    cases = load_boxes("bccd", "test")
    assert len(cases) == about.counts["test"]
    assert all(case.image.shape == (3, 480, 640) and len(case.boxes) == len(case.labels) for case in cases)


# Masks


def curated(folder: Path) -> Path:
    root = folder / "nuclei_dsb2018"
    picture(root / "images" / "x.png", RNG.integers(0, 255, (6, 8, 3), np.uint8))
    picture(root / "labels" / "x.png", RNG.integers(0, 400, (6, 8)).astype(np.uint16))
    (root / "index.csv").write_text("image_id,stain\nx,histology\n")
    return root


def test_label_maps_come_from_the_curated_folder(folder):
    root = curated(folder)
    (case,) = load_masks("nuclei_dsb2018")
    assert case.id == "x" and case.group == "histology" and case.source == "folder"
    assert case.image.shape == (3, 6, 8) and case.mask.dtype == np.int32
    assert np.array_equal(case.mask, np.asarray(Image.open(root / "labels" / "x.png")))


@pytest.mark.parametrize("inside", ["", "stage1_train"])
def test_masks_of_the_sources_own_layout_are_merged_into_a_label_map(folder, inside):
    root = folder / "nuclei_dsb2018" / inside / "abc"
    picture(root / "images" / "abc.png", np.dstack([np.full((6, 8, 3), 20, np.uint8), np.full((6, 8), 255, np.uint8)]))
    first, second = np.zeros((6, 8), np.uint8), np.zeros((6, 8), np.uint8)
    first[0:3, 0:3] = second[2:5, 2:5] = 255  # they overlap in one pixel
    picture(root / "masks" / "a.png", first)
    picture(root / "masks" / "b.png", second)
    (case,) = load_masks("nuclei_dsb2018")
    assert case.image.shape == (3, 6, 8)
    assert case.group == "fluorescence"
    assert case.mask[2, 2] == 1 and np.bincount(case.mask.ravel()).tolist() == [48 - 17, 9, 8]


def test_a_mask_that_does_not_fit_its_image_is_refused(folder):
    root = curated(folder)
    picture(root / "labels" / "x.png", np.zeros((6, 9), np.uint16))
    with pytest.raises(DataError, match=r"mask of x has the shape \(6, 9\), its image \(6, 8\)"):
        load_masks("nuclei_dsb2018")
    (root / "index.csv").write_text("image\nx\n")
    with pytest.raises(FormatError, match="should have the columns image_id and stain"):
        load_masks("nuclei_dsb2018")


def test_the_real_nuclei_are_as_counted_and_their_looks_tell_the_stain(real_data):
    cases = load_masks("nuclei_dsb2018")
    assert len(cases) == 134
    assert sum(int(case.mask.max()) for case in cases) == 4455
    assert [stain_of(case.image) for case in cases] == [case.group for case in cases]


# All of them

LOADERS = {"msd_hippocampus": load_volumes, "ct_abdomen": load_volumes, "brain_mri_study": load_volumes}
LOADERS |= {"bccd": partial(load_boxes, split="val"), "nuclei_dsb2018": load_masks}


@pytest.mark.parametrize("name", LOADERS)
def test_where_no_source_answers_the_sample_comes_with_its_banner(no_folders, capsys, name):
    cases = LOADERS[name](name)
    assert cases and all(case.source == "sample" for case in cases)
    assert sources_used() == {name: "sample"}
    assert capsys.readouterr().err.count("OFFLINE SAMPLE, not patients") == 1


def test_the_banner_sends_nobody_to_a_download_that_does_not_exist():
    assert "medtutor fetch bccd" in sources_of_process.sample_banner(card("bccd"))
    banner = sources_of_process.sample_banner(card("brain_mri_study"))
    assert "medtutor fetch" not in banner and card("brain_mri_study").homepage in banner


def test_the_banner_comes_once_and_a_limit_holds_for_the_sample_too(no_folders, capsys):
    assert len(load_volumes("msd_hippocampus", limit=1)) == 1
    assert "OFFLINE SAMPLE" in capsys.readouterr().err
    assert len(load_volumes("msd_hippocampus", limit=2)) == 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", LOADERS)
def test_a_corrupt_download_never_falls_back(monkeypatch, name):
    def fetch(*args, **kwargs):
        raise CorruptFileError("wrong hash")

    monkeypatch.setattr(importlib.import_module("medtutor.data.cases"), "fetch", fetch)
    with pytest.raises(CorruptFileError, match="wrong hash"):
        LOADERS[name](name)
    assert sources_used() == {}


def test_a_set_of_another_kind_names_its_own_loader():
    with pytest.raises(DataError, match=r"load_volumes does not fit bccd; load it with load_boxes\('bccd'\)"):
        load_volumes("bccd")
    with pytest.raises(DataError, match=r"load it with load\('pneumoniamnist'\)"):
        load_masks("pneumoniamnist")
    with pytest.raises(UnknownNameError, match="did you mean 'bccd'"):
        load_boxes("bcd")
