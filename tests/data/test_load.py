"""`load`: the same values as the medmnist package, from the first place that has them, and clear words otherwise."""

import dataclasses
import importlib
import zipfile
from pathlib import Path

import medmnist
import numpy as np
import pytest
import torch
from PIL import Image

from medtutor.data import assert_no_leak, card, load, sources_used
from medtutor.data import sources as sources_of_process
from medtutor.data.medmnist_file import read_split
from medtutor.data.xrays import _square, class_of
from medtutor.errors import CorruptFileError, DataError, FormatError, StorageError, UnknownNameError, UnreachableError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _new_process():
    """What one test loads, another has not."""
    sources_of_process.forget()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A data folder of our own, with a folder medmnist in it."""
    (tmp_path / "medmnist").mkdir()
    monkeypatch.setenv("MEDTUTOR_DATA", str(tmp_path))
    return tmp_path


def write(folder: Path, name: str, size: int = 28, n: int = 5, compressed: bool = False, **changes) -> Path:
    """A small file in MedMNIST's layout; `changes` replace arrays, None leaves one out."""
    about = card(name)
    sides = (size,) * (3 if about.kind == "images3d" else 2) + ((3,) if about.channels == 3 else ())
    arrays = {}
    for split in ("train", "val", "test"):
        arrays[f"{split}_images"] = RNG.integers(0, 256, (n, *sides), dtype=np.uint8)
        several = about.task == "multi-label"
        top, columns = (2, len(about.classes)) if several else (len(about.classes), 1)
        arrays[f"{split}_labels"] = RNG.integers(0, top, (n, columns), dtype=np.uint8)
    arrays = {key: array for key, array in (arrays | changes).items() if array is not None}
    path = folder / about.files[str(size)].path
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def from_package(name: str, folder: Path, split: str, size: int):
    """Images uint8 (N, C, ...) and labels as the medmnist package's own class gives them."""
    made = getattr(medmnist, medmnist.INFO[name]["python_class"])(
        split=split, root=str(folder / "medmnist"), download=False, size=size
    )
    images, labels = zip(*[made[i] for i in range(len(made.imgs))], strict=True)
    images = np.stack([np.asarray(image) for image in images])
    if images.ndim == 5:  # volumes come as (1, D, H, W) from 0 to 1
        return np.rint(images * 255).astype(np.uint8), np.stack(labels)
    return (images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)), np.stack(labels)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_real_images_and_labels_are_those_of_the_medmnist_package(real_data, split):
    ours = load("pneumoniamnist", split)
    images, labels = from_package("pneumoniamnist", real_data, split, 28)
    assert ours.source == "folder"
    assert ours.images.dtype == torch.uint8 and ours.labels.dtype == torch.int64
    assert ours.images.shape == (card("pneumoniamnist").counts[split], 1, 28, 28)
    assert np.array_equal(ours.images.numpy(), images)
    assert np.array_equal(ours.labels.numpy(), labels[:, 0])
    assert ours.patients is None


@pytest.mark.parametrize(
    ("name", "size", "shape", "labels"),
    [
        ("pneumoniamnist", 64, (5, 1, 64, 64), (5,)),
        ("pneumoniamnist", 224, (5, 1, 224, 224), (5,)),
        ("pathmnist", 28, (5, 3, 28, 28), (5,)),
        ("retinamnist", 128, (5, 3, 128, 128), (5,)),
        ("chestmnist", 28, (5, 1, 28, 28), (5, 14)),
        ("organmnist3d", 28, (5, 1, 28, 28, 28), (5,)),
        ("adrenalmnist3d", 64, (5, 1, 64, 64, 64), (5,)),
    ],
)
def test_every_layout_of_medmnist_reads_as_the_package_reads_it(folder, name, size, shape, labels):
    write(folder, name, size, compressed=True)
    ours = load(name, "val", size)
    theirs, their_labels = from_package(name, folder, "val", size)
    assert ours.images.shape == shape and ours.labels.shape == labels
    assert np.array_equal(ours.images.numpy(), theirs)
    assert np.array_equal(ours.labels.numpy(), their_labels.reshape(labels))
    assert ours.size == size and ours.split == "val" and ours.card is card(name)


def test_only_the_split_that_is_asked_for_is_read(folder):
    path = write(folder, "pneumoniamnist", train_images=np.zeros((3, 9), np.float64))
    assert len(load("pneumoniamnist", "test")) == 5
    with pytest.raises(DataError, match="train_images are float64"):
        load("pneumoniamnist", "train")
    assert path.exists()


def test_a_name_in_capitals_is_the_same_set(folder):
    write(folder, "pneumoniamnist")
    assert load("PneumoniaMNIST", "val").card.name == "pneumoniamnist"


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="no data set 'pneumonia-mnist'; did you mean 'pneumoniamnist'"):
        load("pneumonia-mnist")


def test_an_unknown_split_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="no split 'training'; did you mean 'train'.*test, train, val"):
        load("pneumoniamnist", "training")


@pytest.mark.parametrize("size", [32, "28", 28.0, True, None], ids=repr)
def test_an_unknown_size_lists_the_sizes(size):
    with pytest.raises(UnknownNameError, match=r"pneumoniamnist has no size .*; its sizes are 28, 64, 128, 224\."):
        load("pneumoniamnist", size=size)


def test_a_set_of_volumes_with_masks_names_its_own_loader():
    with pytest.raises(DataError, match=r"load it with load_volumes\('msd_hippocampus'\)"):
        load("msd_hippocampus")


def test_a_hash_that_differs_in_a_folder_is_said_once_and_is_not_fatal(folder, capsys):
    path = write(folder, "pneumoniamnist")
    load("pneumoniamnist", "val")
    said = capsys.readouterr().err
    assert str(path) in said and card("pneumoniamnist").files["28"].hash in said
    assert "has 5 images in val; the published set has 524" in said
    load("pneumoniamnist", "val")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_a_truncated_file_says_file_expected_got_and_what_to_do(folder, part):
    path = write(folder, "pneumoniamnist", n=50)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(CorruptFileError) as caught:
        load("pneumoniamnist")
    message = str(caught.value)
    assert str(path) in message
    assert "Expected" in message and "md5 28209eda62fecd6e6a2d98b1501bb15f" in message
    assert f"got {path.stat().st_size} bytes, md5 " in message
    assert "medtutor fetch pneumoniamnist" in message


@pytest.mark.parametrize("compressed", [False, True])
def test_an_altered_byte_is_found_by_the_checksum_in_the_file(folder, compressed):
    path = write(folder, "pneumoniamnist", n=50, compressed=compressed)
    with zipfile.ZipFile(path) as opened:
        start = opened.getinfo("train_images.npy").header_offset
    content = bytearray(path.read_bytes())
    content[start + 5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match="cut off or altered"):
        load("pneumoniamnist")
    assert len(load("pneumoniamnist", "test")) == 50  # the other splits are whole


def test_an_empty_file_is_cut_off(folder):
    write(folder, "pneumoniamnist").write_bytes(b"")
    with pytest.raises(CorruptFileError, match="it is empty.*got 0 bytes"):
        load("pneumoniamnist")


def test_a_file_that_is_no_zip_is_refused(folder):
    path = write(folder, "pneumoniamnist")
    path.write_text("<html>please log in</html>")
    with pytest.raises(FormatError, match="no .npz file: it begins with b'<htm'.*web page"):
        load("pneumoniamnist")
    path.unlink()
    path.mkdir()
    with pytest.raises(FormatError, match="cannot be opened"):
        load("pneumoniamnist")


def test_a_zip_with_other_things_in_it_is_refused(folder):
    path = write(folder, "pneumoniamnist")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("train_images.npy", b"not an array")
        file.writestr("train_labels.npy", b"not an array")
    with pytest.raises(DataError, match="train_images is no array"):
        load("pneumoniamnist")


class _Trap:
    """Unpickling this writes a file."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_pickled_arrays_are_refused_and_not_run(folder, tmp_path):
    mark = tmp_path / "ran"
    write(folder, "pneumoniamnist", train_images=np.array([_Trap(mark)] * 5, dtype=object))
    with pytest.raises(FormatError, match="train_images is a pickled object, which can run code"):
        load("pneumoniamnist")
    assert not mark.exists()


def test_a_missing_split_names_what_there_is(folder):
    write(folder, "pneumoniamnist", val_images=None, val_labels=None)
    with pytest.raises(
        DataError, match="has no val_images; it holds test_images, test_labels, train_images, train_labels"
    ):
        load("pneumoniamnist", "val")
    write(folder, "pneumoniamnist", val_labels=None)
    with pytest.raises(DataError, match="has no val_labels"):
        load("pneumoniamnist", "val")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"train_images": np.zeros((5, 28, 28), np.int16)}, "train_images are int16, expected uint8"),
        ({"train_images": np.full((5, 28, 28), np.nan)}, "train_images hold NaN"),
        ({"train_images": np.zeros((5, 28, 29), np.uint8)}, r"shape \(5, 28, 29\), expected \(N, 28, 28\)"),
        ({"train_images": np.zeros((5, 28, 28, 3), np.uint8)}, r"shape \(5, 28, 28, 3\), expected \(N, 28, 28\)"),
        ({"train_images": np.zeros((0, 28, 28), np.uint8)}, r"shape \(0, 28, 28\)"),
        ({"train_images": np.uint8(3)}, r"shape \(\)"),
        ({"train_labels": np.zeros((5, 1))}, "train_labels are float64, expected whole numbers"),
        ({"train_labels": np.full((5, 1), np.nan)}, "train_labels hold NaN"),
        ({"train_labels": np.zeros((4, 1), np.uint8)}, r"shape \(4, 1\), expected \(5, 1\) for the 5 images"),
        ({"train_labels": np.zeros((5, 2), np.uint8)}, r"shape \(5, 2\), expected \(5, 1\)"),
        ({"train_labels": np.full((5, 1), 2, np.uint8)}, "label out of range: image 0 has 2"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_arrays_that_do_not_fit_are_refused(folder, changes, match):
    write(folder, "pneumoniamnist", **changes)
    with pytest.raises(DataError, match=match):
        load("pneumoniamnist")


def test_a_card_without_a_hash_still_says_what_was_expected(tmp_path):
    about = card("pneumoniamnist")
    bare = dataclasses.replace(about.files["28"], algorithm=None, hash=None, bytes=None)
    path = tmp_path / "cut.npz"
    path.write_bytes(b"PK\x03\x04cut")
    with pytest.raises(CorruptFileError, match=r"Expected a whole \.npz file; got 7 bytes"):
        read_split(path, dataclasses.replace(about, files={"28": bare}), "train", 28)


def fetch_that_raises(monkeypatch, error: Exception) -> None:
    def fetch(*args, **kwargs):
        raise error

    monkeypatch.setattr(importlib.import_module("medtutor.data.fetch"), "fetch", fetch)


def test_where_no_source_answers_the_sample_comes_with_its_banner_once(no_folders, capsys):
    train = load("pneumoniamnist")
    assert train.source == "sample" and train.patients is not None
    assert train.images.shape[1:] == (1, 28, 28)
    assert set(train.labels.tolist()) == {0, 1}
    assert sources_used() == {"pneumoniamnist": "sample"}
    assert capsys.readouterr().err.count("OFFLINE SAMPLE, not patients") == 1
    val = load("pneumoniamnist", "val")
    assert capsys.readouterr().err == ""
    assert_no_leak(train, val)


@pytest.mark.parametrize(
    "error", [CorruptFileError("wrong hash"), StorageError("disk full"), FormatError("broken")], ids=str
)
def test_a_damaged_file_or_a_full_disk_never_falls_back(monkeypatch, capsys, error):
    fetch_that_raises(monkeypatch, error)
    with pytest.raises(type(error), match=str(error)):
        load("pneumoniamnist")
    assert sources_used() == {}
    assert "SAMPLE" not in capsys.readouterr().err


def test_damaged_content_does_not_fall_back_either(folder, capsys):
    write(folder, "pneumoniamnist").write_bytes(b"PK\x03\x04")
    with pytest.raises(CorruptFileError):
        load("pneumoniamnist")
    assert "SAMPLE" not in capsys.readouterr().err


def test_once_the_sample_was_used_the_record_says_so_to_the_end(folder, monkeypatch):
    write(folder, "pneumoniamnist")
    load("pneumoniamnist")
    assert sources_used() == {"pneumoniamnist": "folder"}
    with monkeypatch.context() as patch:
        fetch_that_raises(patch, UnreachableError("no network"))
        load("pneumoniamnist")
    load("pneumoniamnist")
    assert sources_used() == {"pneumoniamnist": "sample"}


# The X-ray collection: a table and a folder of images, split by us.

FINDINGS = ["COVID-19", "COVID-19, ARDS", "Klebsiella", "No Finding", "ARDS", "Pneumonia/Viral/COVID-19"]


def write_xrays(folder: Path, rows: list[dict] | None = None, size=(40, 30)) -> Path:
    """A small folder like covid_cxr: the left half of each image dark, the right bright."""
    root = folder / card("covid_cxr").files[next(iter(card("covid_cxr").files))].unpacked
    (root / "images").mkdir(parents=True)
    if rows is None:
        rows = [
            {
                "filename": f"{i}.png",
                "patientid": str(i // 2),
                "finding": FINDINGS[i // 2 % 6],
                "view": "PA",
                "sex": "F",
            }
            for i in range(36)
        ]
    lines = [",".join(rows[0]), *[",".join(f'"{value}"' for value in row.values()) for row in rows]]
    (root / "metadata.csv").write_text("\n".join(lines))
    picture = np.zeros(size[::-1], np.uint8)
    picture[:, size[0] // 2 :] = 200
    for row in rows:
        Image.fromarray(picture).save(root / "images" / row["filename"])
    return root


def test_xrays_come_with_patients_and_columns_and_no_patient_is_in_two_splits(folder):
    write_xrays(folder)
    sets = [load("covid_cxr", split) for split in ("train", "val", "test")]
    assert sum(map(len, sets)) == 36
    assert_no_leak(*sets)
    for one in sets:
        assert one.images.shape[1:] == (1, 28, 28)
        for patient, label, finding in zip(one.patients, one.labels.tolist(), one.columns["finding"], strict=True):
            assert finding == FINDINGS[int(patient) % 6]
            assert label == class_of(finding, one.card)
        assert set(one.columns["sex"]) == {"F"} and set(one.columns["survival"]) == {""}


def test_xrays_are_cropped_to_the_central_square_and_shrunk_by_area(folder):
    write_xrays(folder, size=(112, 56))
    image = load("covid_cxr", "train", 28).images[0, 0].numpy()
    assert np.array_equal(image, np.repeat([[0] * 14 + [200] * 14], 28, axis=0))


def test_an_xray_of_16_bits_keeps_its_greys(tmp_path):
    deep = np.linspace(0, 4095, 64, dtype=np.uint16).reshape(8, 8)  # 12 of the 16 bits are used
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.abs(_square(tmp_path / "deep.png", 8) - deep / 4095 * 255).max() <= 0.5


def test_each_finding_goes_to_its_class_and_no_label_to_none():
    about = card("covid_cxr")

    def named(finding):
        label = class_of(finding, about)
        return label if label is None else about.classes[label].lower()

    assert all("covid" in named(text) for text in ("COVID-19", "COVID-19, ARDS", "Pneumonia/Viral/COVID-19"))
    assert "no finding" in named("No Finding")
    others = ("ARDS", "Pneumonia", "E.Coli", "Mycoplasma Bacterial Pneumonia", "Pneumonia/Bacterial/E.Coli")
    assert all("other" in named(text) for text in others)
    assert [named(text) for text in ("todo", "Unknown", "", "Tuberculosis")] == [None] * 4


def test_side_views_ct_and_unlabelled_rows_are_left_out(folder):
    row = {"patientid": "1", "finding": "COVID-19", "view": "PA", "modality": "X-ray"}
    rows = [{"filename": f"{i}.png", **row, "patientid": str(i)} for i in range(6)]
    rows += [
        {"filename": "side.png", **row, "view": "L"},
        {"filename": "ct.png", **row, "modality": "CT"},
        {"filename": "todo.png", **row, "finding": "todo"},
    ]
    write_xrays(folder, rows)
    assert sum(len(load("covid_cxr", split)) for split in ("train", "val", "test")) == 6


def test_an_xray_folder_that_is_not_whole_is_refused(folder):
    root = write_xrays(folder)
    (root / "images" / "0.png").write_bytes(b"\x89PNG cut")
    with pytest.raises(FormatError, match="0.png cannot be read as an image"):
        [load("covid_cxr", split) for split in ("train", "val", "test")]
    (root / "images" / "0.png").unlink()
    with pytest.raises(DataError, match="0.png is missing, though metadata.csv names it"):
        [load("covid_cxr", split) for split in ("train", "val", "test")]
    (root / "metadata.csv").write_text("filename,patientid,view\na.png,1,PA\n")
    with pytest.raises(FormatError, match="has no column finding"):
        load("covid_cxr")
    (root / "metadata.csv").write_text("filename,patientid,view,finding\na.png,1,PA,todo\n")
    with pytest.raises(DataError, match="no frontal X-ray with a finding"):
        load("covid_cxr")
    (root / "metadata.csv").unlink()
    with pytest.raises(DataError, match=r"has no metadata\.csv"):
        load("covid_cxr")


def test_xrays_come_in_the_sizes_of_their_card():
    with pytest.raises(UnknownNameError, match="covid_cxr has no size 512; its sizes are 28, 64, 128, 224"):
        load("covid_cxr", size=512)


def test_the_real_xrays_split_as_their_card_says(real_data):
    sets = [load("covid_cxr", split) for split in ("train", "val", "test")]
    assert_no_leak(*sets)
    assert sum(map(len, sets)) == 175  # 198 less 22 not labelled and 1 unknown
    people = [len(set(one.patients)) for one in sets]
    assert people == [62, 21, 20]
    for one in sets:
        assert set(one.labels.tolist()) == {0, 1, 2}
        assert one.card.split_rule
    assert set(sets[0].columns["source"]) == {"hannover", "eurorad", "journals", "radiopaedia"}
    again = load("covid_cxr", "test", 64)
    assert again.patients == sets[2].patients and again.images.shape[-1] == 64
