"""The cards: all there, read strictly, true to their publishers and to the files at hand, and part of the wheel."""

import csv
import dataclasses
import hashlib
import html
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from medmnist import INFO

from medtutor import resources
from medtutor.data import card, cards, names
from medtutor.data.card_file import MODALITIES, TASKS, UNITS, read
from medtutor.data.cards import Augment, Fault
from medtutor.errors import DataError, MedtutorError, UnknownNameError

FOLDER = resources.folder("datasets")
MED2D = [name for name, facts in INFO.items() if "3D" not in facts["python_class"]]
MED3D = [name for name, facts in INFO.items() if "3D" in facts["python_class"]]
OTHERS = ["bccd", "brain_mri_study", "covid_cxr", "ct_abdomen", "msd_hippocampus", "nuclei_dsb2018"]
MED_TASKS = {"multi-label, binary-class": "multi-label"}  # every other task has the same name there and here
ZENODO = "https://zenodo.org/records/10519652/files/"
SPLITS = ("train", "val", "test")
SIDED = ("left", "right", "anterior", "posterior")
PLAIN = (FOLDER / "pneumoniamnist.toml").read_text(encoding="utf-8")


@pytest.fixture
def altered(tmp_path):
    """A card file like PneumoniaMNIST's with one piece replaced; each piece must be there."""

    def write(old: str, new: str, text: str = PLAIN) -> Path:
        assert old in text, old
        path = tmp_path / "pneumoniamnist.toml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return write


# What there is, and finding it.


def test_the_cards_that_the_course_needs_are_all_there_and_read():
    assert len(MED2D) == 12 and len(MED3D) == 6
    assert names() == sorted(MED2D + MED3D + OTHERS)
    assert [c.name for c in cards()] == names()


def test_upper_case_and_blanks_do_not_matter():
    assert card(" PneumoniaMNIST ") is card("pneumoniamnist")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pneumonia", "pneumoniamnist"),
        ("organmnist-3d", "organmnist3d"),
        ("BCDC", "bccd"),
        ("nuclei", "nuclei_dsb2018"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(typed, meant):
    with pytest.raises(UnknownNameError, match=f"no data set '{typed.lower()}'; did you mean '{meant}'"):
        card(typed)


def test_a_name_like_no_other_is_answered_with_all_names():
    with pytest.raises(UnknownNameError) as caught:
        card("zzz")
    assert "did you mean" not in str(caught.value)
    assert all(name in str(caught.value) for name in names())


def test_reading_cards_loads_neither_torch_nor_monai():
    code = (
        "import sys; from medtutor.data import cards; assert len(cards()) > 20; "
        "print([m for m in ('torch', 'monai', 'medmnist', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The schema: every mistake names the file and the field.


def test_the_card_that_the_mistakes_start_from_is_right(altered):
    assert read(altered("name", "name")) == card("pneumoniamnist")


TOP_FIELDS = [line.split(" = ")[0] for line in PLAIN.split("[counts]")[0].splitlines() if re.match(r"\w+ = ", line)]


@pytest.mark.parametrize("field", TOP_FIELDS)
def test_a_missing_field_is_named_with_its_file(altered, field):
    table = tomllib.loads(PLAIN)
    piece = re.search(rf'^{field} = (""".*?"""|[^\n]*)\n', PLAIN, re.DOTALL | re.MULTILINE)[0]
    assert field in table
    with pytest.raises(DataError, match=rf"Card pneumoniamnist\.toml: the field {field} is missing"):
        read(altered(piece, ""))


@pytest.mark.parametrize(
    ("old", "field"),
    [
        ("train = 4708\nval = 524\ntest = 624\n", "counts"),
        ("rotate_degrees = 10\n", "augment.rotate_degrees"),
        ("flip_horizontal = false\n", "augment.flip_horizontal"),
        ('algorithm = "md5"\n', "files.28.algorithm"),
        ("auc = 0.944\n", "published.auc"),
        ('source = "counted from the labels"\n', "faults.source"),
    ],
)
def test_a_field_that_is_missing_in_a_table_is_named_with_its_table(altered, old, field):
    with pytest.raises(DataError, match=rf"Card pneumoniamnist\.toml: (the field )?{re.escape(field)}\b.*"):
        read(altered(old, ""))


@pytest.mark.parametrize("group", ["augment", "faults", "files", "counts"])
def test_a_missing_table_is_named(altered, group):
    kept = [part for part in re.split(r"(?m)^(?=\[)", PLAIN) if not re.match(rf"\[+{group}[\].]", part)]
    with pytest.raises(DataError, match=rf"Card pneumoniamnist\.toml: the field {group} is missing"):
        read(altered("", "", "".join(kept)))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('unit = "8-bit"', 'unit = "8-bit"\ncolour = "grey"', "colour"),
        ("[augment]", "[augment]\nflip = true", "augment.flip"),
        ("[files.28]", "[files.28]\nsize = 28", "files.28.size"),
        ("[published]", "[published]\nf1 = 0.9", "published.f1"),
        ("[[faults]]", '[[faults]]\nseverity = "high"', "faults.severity"),
    ],
)
def test_an_unknown_field_is_named_with_those_that_are_known(altered, old, new, field):
    with pytest.raises(DataError, match=rf"Card pneumoniamnist\.toml: the field {re.escape(field)} is unknown; known"):
        read(altered(old, new))


@pytest.mark.parametrize(
    ("old", "new", "field", "expected"),
    [
        ("channels = 1", 'channels = "one"', "channels", "whole number"),
        ("channels = 1", "channels = true", "channels", "whole number"),
        ("channels = 1", "channels = 0", "channels", "whole number of at least 1"),
        ("sizes = [28, 64, 128, 224]", "sizes = 28", "sizes", "a list"),
        ('title = "PneumoniaMNIST"', 'title = "  "', "title", "not empty"),
        ('kind = "images2d"', 'kind = "pictures"', "kind", "one of images2d"),
        ('kind = "images2d"', "kind = [1]", "kind", "one of images2d"),
        ('task = "binary-class"', 'task = "guessing"', "task", "one of"),
        ('modality_key = "xray"', 'modality_key = "x-ray"', "modality_key", "one of"),
        ('unit = "8-bit"', 'unit = "grey"', "unit", "one of"),
        ("train = 4708", "train = -1", "counts", "at least 1"),
        ("train = 4708", "training = 4708", "counts", "some of train"),
        ("flip_horizontal = false", "flip_horizontal = 0", "augment.flip_horizontal", "true or false"),
        ("rotate_degrees = 10", "rotate_degrees = 360", "augment.rotate_degrees", "from 0 to 180"),
        ("shift_fraction = 0.07", "shift_fraction = 7", "augment.shift_fraction", "from 0 to 0.5"),
        ("auc = 0.944", "auc = 94.4", "published.auc", "from 0 to 1"),
        ('doi = "10.1038/', 'doi = "https://doi.org/10.1038/', "doi", "a DOI such as"),
        ('homepage = "https://', 'homepage = "http://', "homepage", "begins with https"),
        ('urls = ["https://zenodo', 'urls = ["ftp://zenodo', "files.28.urls", "begins with https"),
        ('name = "pneumoniamnist"', 'name = "pneumonia"', "name", "like the file"),
        ("sizes = [28, 64, 128, 224]", "sizes = [28]", "files", "one table for each of the sizes"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_what_is_expected(altered, old, new, field, expected):
    with pytest.raises(DataError) as caught:
        read(altered(old, new))
    assert str(caught.value).startswith("Card pneumoniamnist.toml: ")
    assert field in str(caught.value) and expected in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "digest", "expected"),
    [
        ("md5", "28209eda", "32 small hex digits for md5"),
        ("md5", "28209EDA62FECD6E6A2D98B1501BB15F", "32 small hex digits for md5"),
        ("sha256", "28209eda62fecd6e6a2d98b1501bb15f", "64 small hex digits for sha256"),
        ("unverified", "28209eda62fecd6e6a2d98b1501bb15f", "left out where algorithm is unverified"),
    ],
)
def test_a_hash_that_cannot_be_one_of_its_algorithm_is_an_error(altered, algorithm, digest, expected):
    old = 'algorithm = "md5"\nhash = "28209eda62fecd6e6a2d98b1501bb15f"'
    with pytest.raises(DataError, match=rf"pneumoniamnist\.toml: files\.28\.hash should be .*{expected}"):
        read(altered(old, f'algorithm = "{algorithm}"\nhash = "{digest}"'))


def test_an_algorithm_without_a_hash_is_an_error(altered):
    with pytest.raises(DataError, match=r"files\.28\.hash should be 32 small hex digits for md5, got None"):
        read(altered('hash = "28209eda62fecd6e6a2d98b1501bb15f"\n', ""))


@pytest.mark.parametrize("path", ["../outside.npz", "/etc/passwd", "a/../../b", "a//b", "C:\\x", "a/./b", ".", ""])
def test_a_path_that_leaves_the_folder_is_an_error(altered, path):
    new = f"path = '{path}'\n"
    with pytest.raises(DataError, match=r"pneumoniamnist\.toml: files\.28\.path should be a relative path"):
        read(altered('path = "medmnist/pneumoniamnist.npz"\n', new))


def test_an_archive_that_does_not_say_where_it_goes_is_an_error(altered):
    with pytest.raises(DataError, match=r"files\.28\.unpacked is missing"):
        read(altered("[files.28]", '[files.28]\narchive = "zip"'))
    with pytest.raises(DataError, match=r"files\.28\.unpacked should be a relative path"):
        read(altered("[files.28]", '[files.28]\narchive = "zip"\nunpacked = ".."'))


@pytest.mark.parametrize("content", [b"name = ", b"name = \xff\xfe", b"[files.28]\n[files.28]\n"])
def test_a_file_that_is_not_toml_is_named(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"Card broken\.toml is not valid TOML"):
        read(path)


@pytest.mark.parametrize(("old", "new"), [("[[faults]]", "[faults]"), ("[augment]", "[[augment]]")])
def test_a_table_of_the_wrong_form_is_an_error(altered, old, new):
    text = PLAIN if new != "[faults]" else re.sub(r"(?s)\[\[faults\]\].*?(?=\[augment\])", "[[faults]]\n", PLAIN)
    with pytest.raises(DataError, match=r"Card pneumoniamnist\.toml: (faults|augment) should be"):
        read(altered(old, new, text))


def test_lines_of_a_text_are_joined(altered):
    origin = card("pneumoniamnist").origin
    assert "\n" not in origin and "  " not in origin and origin.startswith("5856 chest X-rays")


# MedMNIST's facts, against the package of its authors.


@pytest.mark.parametrize("name", MED2D + MED3D)
def test_a_medmnist_card_agrees_with_the_medmnist_package(name):
    about, facts = card(name), INFO[name]
    assert about.title == facts["python_class"]
    assert about.kind == ("images2d" if name in MED2D else "images3d")
    assert about.counts == facts["n_samples"]
    assert list(about.classes) == [facts["label"][str(i)] for i in range(len(facts["label"]))]
    assert about.task == MED_TASKS.get(facts["task"], facts["task"])
    assert about.channels == facts["n_channels"]
    assert about.licence == facts["license"]
    assert about.licence_url.split("/")[-3] == about.licence.split()[1].lower()


@pytest.mark.parametrize("name", MED2D + MED3D)
def test_a_medmnist_card_has_the_hash_and_address_of_every_size(name):
    about, facts = card(name), INFO[name]
    assert about.sizes == ((28, 64, 128, 224) if name in MED2D else (28, 64))
    assert {key for key in facts if key.startswith("MD5")} == {"MD5" + _end(size) for size in about.sizes}
    for size in about.sizes:
        file = about.files[str(size)]
        assert (file.algorithm, file.hash) == ("md5", facts["MD5" + _end(size)])
        assert file.urls[0] == facts["url" + _end(size)]
        assert file.urls[0].startswith(ZENODO)
        assert file.path == f"medmnist/{name}{_end(size)}.npz"


def _end(size: int) -> str:
    return "" if size == 28 else f"_{size}"


def test_the_published_figures_that_are_known_stand_on_the_cards():
    assert all(card(name).published for name in MED2D)
    for name, auc, acc in [("pneumoniamnist", 0.944, 0.854), ("breastmnist", 0.901, 0.863)]:
        assert card(name).published["model"] == "ResNet-18 (28)"
        assert (card(name).published["auc"], card(name).published["acc"]) == (auc, acc)


def test_the_hippocampus_archive_has_the_hash_that_monai_knows():
    from monai.apps.datasets import DecathlonDataset

    file = card("msd_hippocampus").files["data"]
    assert file.urls[0] == DecathlonDataset.resource["Task04_Hippocampus"]
    assert (file.algorithm, file.hash) == ("md5", DecathlonDataset.md5["Task04_Hippocampus"])


# What every card says.


@pytest.mark.parametrize("about", cards(), ids=lambda c: c.name)
def test_every_card_is_whole(about):
    assert about.faults, "no data set is without a fault"
    for fault in about.faults:
        assert len(fault.text) > 30 and len(fault.source) > 10
    assert len(about.augment.reason) > 40
    assert about.modality_key in MODALITIES and about.task in TASKS and about.unit in UNITS
    for text in (about.origin, about.who, about.missing, about.patients, about.split_rule):
        assert len(text) > 15
    assert not re.search(r"TODO|FIXME|\?\?|/home/|/tmp/", about.summary())
    if about.published:
        assert set(about.published) == {"model", "auc", "acc", "source", "note"}


@pytest.mark.parametrize("about", cards(), ids=lambda c: c.name)
def test_a_file_without_a_publishers_hash_says_so(about):
    shown = about.summary()
    for file in about.files.values():
        assert (file.algorithm is None) == (file.hash is None)
        assert (file.archive is None) == (file.unpacked is None)
    unverified = any(file.urls and file.algorithm is None for file in about.files.values())
    assert ("unverified" in shown) == unverified
    if about.kind not in ("images2d", "images3d"):
        assert set(about.files) == {"data"}


def test_no_chest_xray_and_no_class_with_a_side_may_be_mirrored():
    sided = [c for c in cards() if any(side in name for name in c.classes for side in SIDED)]
    chests = [c for c in cards() if c.modality_key == "xray"]
    assert {c.name for c in chests} == {"pneumoniamnist", "chestmnist", "covid_cxr"}
    assert {c.name for c in sided} == {"organamnist", "organcmnist", "organsmnist", "organmnist3d", "msd_hippocampus"}
    for about in sided + chests:
        assert not about.augment.flip_horizontal and not about.augment.flip_vertical, about.name
        assert about.augment.rotate_degrees <= 15, about.name


def test_images_without_an_up_may_be_turned_in_any_way():
    for name in ("pathmnist", "bloodmnist", "tissuemnist", "dermamnist", "nuclei_dsb2018"):
        augment = card(name).augment
        assert augment.flip_horizontal and augment.flip_vertical and augment.rotate_degrees == 180, name


def test_sizes_that_are_the_diagnosis_are_not_changed():
    for name in ("adrenalmnist3d", "nodulemnist3d"):
        assert card(name).augment.scale_fraction == 0, name


def test_what_is_read_and_not_trained_on_is_not_changed():
    for about in cards():
        if about.task == "reading":
            changes = dataclasses.asdict(about.augment)
            del changes["reason"]
            assert not any(changes.values()), about.name


def test_the_leak_of_dermamnist_is_told_with_its_source():
    leak = card("dermamnist").faults[0]
    assert "train and test" in leak.text and "10.1038/s41597-025-04382-5" in leak.source


# Shown to the reader.


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = Counter(), []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_data(self, data):
        self.text.append(data)


def test_the_summary_holds_every_row_and_no_wide_line_but_addresses():
    for about in cards():
        shown = about.summary()
        assert shown.startswith(f"{about.name}: {about.title}\n")
        words = shown.split()
        for heading, text in about.rows():
            assert heading.split()[0] in words and set(text.split()) <= set(words)
        for line in shown.splitlines():
            assert len(line) <= 100 or "https://" in line, line


def test_what_stands_on_a_card_cannot_become_markup():
    attack = '<script>alert("x")</script> & <b>bold</b>'
    about = dataclasses.replace(
        card("bccd"),
        title=attack,
        who=attack,
        faults=(Fault(attack, attack),),
        augment=Augment(False, False, 0, 0, 0, 0, attack),
    )
    page = about._repr_html_()
    assert "<script" not in page and "<b>" not in page
    assert page.count(html.escape(attack)) >= 5
    cells = Cells()
    cells.feed(page)
    assert set(cells.tags) == {"table", "caption", "tr", "th", "td"}
    assert cells.tags["td"] == cells.tags["th"] == len(about.rows())
    assert attack in cells.text
    assert attack in about.summary()  # plain text stays as it is


def test_a_set_without_addresses_says_that_a_folder_is_needed():
    assert card("brain_mri_study").files["data"].urls == ()
    last = card("brain_mri_study").rows()[-1]
    assert last == ("file", "dicom/brain_mri_study, in a folder of yours only: there is no file to download")


# Against the real files.


def test_the_real_pneumonia_images_are_as_many_as_the_card_says(real_data):
    about = card("pneumoniamnist")
    with np.load(real_data / about.files["28"].path, allow_pickle=False) as file:
        for split, count in about.counts.items():
            assert file[f"{split}_images"].shape == (count, 28, 28)
            assert set(np.unique(file[f"{split}_labels"])) == {0, 1}
        train, test = file["train_labels"], file["test_labels"]
    assert f"({int(train.sum())} of {len(train)})" in about.who
    assert f"{int(test.sum())} of {len(test)}" in about.who


def test_the_duplicates_on_the_pneumonia_card_are_in_the_file(real_data):
    with np.load(real_data / "medmnist" / "pneumoniamnist.npz", allow_pickle=False) as file:
        found = {
            s: [hashlib.sha256(x.tobytes()).digest() for x in file[f"{s}_images"]] for s in ("train", "val", "test")
        }
        shared = set(found["train"]) & set(found["val"])
        labels = {int(y) for h, y in zip(found["val"], file["val_labels"].ravel(), strict=True) if h in shared}
    surplus = {split: len(hashes) - len(set(hashes)) for split, hashes in found.items()}
    text = card("pneumoniamnist").faults[0].text
    assert f"{len(shared)} images (all pneumonia) are in both train and validation" in text and labels == {1}
    assert f"{surplus['train']} surplus copies lie within train, {surplus['test']} within test" in text
    assert surplus["val"] == 0
    assert not set(found["train"]) & set(found["test"]) and "No image is in both train and test" in text


def test_the_real_blood_smears_are_as_the_card_says(real_data):
    about, folder = card("bccd"), real_data / "bccd"
    lists = {split: (folder / f"ImageSets/Main/{split}.txt").read_text().split() for split in SPLITS}
    assert {split: len(items) for split, items in lists.items()} == about.counts
    boxes, without = Counter(), 0
    for path in folder.glob("Annotations/*.xml"):
        labels = re.findall(r"<name>(\w+)</name>", path.read_text(encoding="utf-8"))
        boxes.update(labels)
        without += "RBC" not in labels
    assert set(boxes) == set(about.classes)
    assert f"{boxes['RBC']} red cells, {boxes['WBC']} white cells and {boxes['Platelets']} platelets" in about.who
    assert f"{without} of the 364 images" in about.summary().replace("\n" + " " * 14, " ")
    assert "BloodImage_00037" in lists["val"] and "BloodImage_00038" in lists["train"]
    assert _alike(folder, "BloodImage_00037", "BloodImage_00038") > 0.95 > _alike(folder, *lists["train"][:2])


def _alike(folder: Path, one: str, other: str) -> float:
    from PIL import Image

    small = []
    for name in (one, other):
        with Image.open(folder / "JPEGImages" / f"{name}.jpg") as image:
            small.append(np.asarray(image.convert("L").resize((64, 48)), dtype=float).ravel())
    return float(np.corrcoef(small)[0, 1])


def test_the_real_covid_table_gives_the_classes_that_the_card_says(real_data):
    about = card("covid_cxr")
    with open(real_data / "covid_cxr" / "metadata.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labelled = [row for row in rows if row["finding"] not in ("todo", "Unknown", "")]
    counts = Counter(_covid_class(row["finding"]) for row in labelled)
    assert len(labelled) == sum(counts.values()) == about.counts["total"]
    assert f"{len(labelled)} of {len(rows)} images: {counts[0]}, {counts[1]} and {counts[2]}" in about.split_rule
    assert f"{len({row['patientid'] for row in rows})} patients with {len(rows)} images" in about.who
    hannover = [_covid_class(row["finding"]) for row in labelled if row["source"] == "hannover"]
    others = [_covid_class(row["finding"]) for row in labelled if row["source"] == "radiopaedia"]
    confounded = about.faults[0].text
    assert f"{hannover.count(1)} of the {len(hannover)} labelled Hannover images are COVID-19" in confounded
    assert f"none of the {len(others)} of Radiopaedia" in confounded and 1 not in others


def _covid_class(finding: str) -> int:
    return 1 if "COVID-19" in finding else 0 if finding == "No Finding" else 2


def test_the_real_nuclei_and_brain_slices_are_as_the_cards_say(real_data):
    with open(real_data / "nuclei_dsb2018" / "index.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    nuclei = [int(row["n_nuclei"]) for row in rows]
    stains = Counter(row["stain"] for row in rows)
    fault = card("nuclei_dsb2018").faults[1]
    assert f"from {min(nuclei)} to {max(nuclei)} in a sample of {len(rows)} images" in fault.text
    assert f"({stains['histology']} histology, {stains['fluorescence']} fluorescence)" in fault.source
    series = [p for p in (real_data / card("brain_mri_study").files["data"].path).iterdir() if p.is_dir()]
    assert len(series) == card("brain_mri_study").counts["total"]
    assert all(len(list(p.glob("*.dcm"))) == 13 for p in series)


def test_the_files_of_every_set_at_hand_lie_where_the_card_says(real_data):
    for name in ("pneumoniamnist", "bccd", "brain_mri_study", "covid_cxr", "msd_hippocampus", "nuclei_dsb2018"):
        file = next(iter(card(name).files.values()))
        assert (real_data / (file.unpacked or file.path)).exists(), name


# In a wheel.


def test_the_wheel_is_told_to_hold_the_cards():
    root = resources.checkout()
    if root is None:
        pytest.skip("an installed wheel: there is no pyproject.toml to look at")
    build = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"]["datasets"] == "medtutor/_datasets"


def test_a_built_wheel_holds_every_card_and_finds_them_without_the_checkout(tmp_path):
    root = resources.checkout()
    uv = next((u for u in (root and root / ".uv/bin/uv", shutil.which("uv")) if u and Path(u).exists()), None)
    if uv is None:
        pytest.skip("no checkout, or uv is neither in .uv/bin nor on the path: a wheel cannot be built")
    done = subprocess.run(
        [uv, "build", "--wheel", "--python", sys.executable, "--out-dir", tmp_path, root],
        capture_output=True,
        text=True,
    )
    if done.returncode and re.search(r"failed to (fetch|resolve)|network|dns", done.stderr, re.IGNORECASE):
        pytest.skip("the build needs hatchling, and no package index answers")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("medtutor-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if n.startswith("medtutor/_datasets/")}
        assert held == {f"medtutor/_datasets/{name}.toml" for name in names()}
        archive.extractall(site)
    code = (
        "import medtutor; from medtutor.data import card, names; "
        "print(medtutor.__file__, len(names()), card('bccd').name)"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    where, count, name = shown.stdout.split()
    assert Path(where).is_relative_to(site) and int(count) == len(names()) and name == "bccd"


def test_an_installation_without_cards_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "medtutor")
    with pytest.raises(MedtutorError, match="'datasets' is missing from this installation"):
        resources.folder("datasets")
