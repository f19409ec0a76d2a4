"""What was handed in: every layout that platforms have, hostile archives, odd names, and class lists."""

import io
import os
import stat
import struct
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor.errors import DataError
from medtutor.grading import archive
from medtutor.grading.intake import MISSING, collect, gather
from medtutor.grading.names import LONGEST, safe_name, safe_names

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def put(root: Path, *names: str, content: bytes = NOTEBOOK, when: float | None = None) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if when is not None:
            os.utime(path, (when, when))
    return root


def zipped(path: Path, members: dict[str, bytes] | list[tuple], method=zipfile.ZIP_DEFLATED) -> Path:
    """A zip file of names (or ZipInfo) and contents, in order."""
    pairs = members.items() if isinstance(members, dict) else members
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in pairs:
            if isinstance(name, str):
                name, date = zipfile.ZipInfo(name, (2026, 3, 1, 12, 0, 0)), method
                name.compress_type = date
            made.writestr(name, content)
    return path


def by_student(found):
    return {one.student: one for one in found}


def said(one) -> str:
    return " ".join(one.notes)


# Layouts


def test_a_folder_for_each_student_gives_one_submission_each_in_order(tmp_path):
    put(tmp_path, "bob/lesson.ipynb", "ann/lesson.ipynb", "ann/guesses.csv", "README.md")
    took = gather(tmp_path)
    assert [one.student for one in took.submissions] == ["ann", "bob"]
    ann = took.submissions[0]
    assert ann.notebook == tmp_path / "ann/lesson.ipynb" and ann.files == {"guesses.csv": tmp_path / "ann/guesses.csv"}
    assert ann.notes == () and took.notes == ("README.md is no student's folder, notebook or zip file: left out.",)
    assert ann.when == pytest.approx(time.time(), abs=60) and ann.late_minutes is None


def test_a_flat_folder_names_students_by_their_files(tmp_path):
    put(tmp_path, "ann.ipynb", "bob.smith.ipynb")
    assert [one.student for one in collect(tmp_path)] == ["ann", "bob.smith"]


def test_one_notebook_is_one_submission(tmp_path):
    assert [one.student for one in collect(put(tmp_path, "ann.ipynb") / "ann.ipynb")] == ["ann"]


def test_notebooks_one_folder_deeper_are_found(tmp_path):
    (one,) = collect(put(tmp_path, "ann/work/lesson.ipynb"))
    assert one.student == "ann" and one.notebook == tmp_path / "ann/work/lesson.ipynb"


def test_of_several_notebooks_the_newest_whose_name_fits_counts_and_a_note_says_so(tmp_path):
    put(tmp_path, "ann/lesson.ipynb", when=1000)
    put(tmp_path, "ann/lesson-final.ipynb", when=2000)
    put(tmp_path, "ann/scratch.ipynb", when=3000)
    (one,) = collect(tmp_path, wanted="lesson.ipynb")
    assert one.notebook.name == "lesson-final.ipynb" and one.when == 2000
    assert "graded lesson-final.ipynb, not lesson.ipynb, scratch.ipynb" in said(one)


def test_the_name_that_most_students_use_is_the_one_that_fits(tmp_path):
    put(tmp_path, "bob/lesson.ipynb", "cid/lesson.ipynb")
    put(tmp_path, "ann/lesson-Copy1.ipynb", when=1000)
    put(tmp_path, "ann/other.ipynb", when=2000)
    assert by_student(collect(tmp_path))["ann"].notebook.name == "lesson-Copy1.ipynb"


def test_a_student_without_a_notebook_still_has_a_submission_with_a_note(tmp_path):
    put(tmp_path, "ann/essay.pdf", "bob/lesson.ipynb")
    (tmp_path / "cid").mkdir()
    found = by_student(collect(tmp_path))
    assert found["ann"].notebook is None and found["cid"].notebook is None
    assert "No notebook" in said(found["ann"]) and MISSING not in found["ann"].notes


def test_nbgraders_tree_gives_the_time_of_its_timestamp_and_the_assignment_that_is_wanted(tmp_path):
    put(tmp_path, "submitted/ann/ps1/problem.ipynb", "submitted/ann/ps2/problem.ipynb", "source/ps1/problem.ipynb")
    put(tmp_path, "submitted/ann/ps1/timestamp.txt", content=b"2026-02-02 15:58:23.5 UTC\n")
    put(tmp_path, "submitted/ann/ps2/timestamp.txt", content=b"2026-02-09 00:00:00 Europe/Berlin\n")
    (one,) = collect(tmp_path, wanted="ps1")
    assert one.student == "ann" and one.notebook == tmp_path / "submitted/ann/ps1/problem.ipynb"
    assert one.when == 1770047903.5 and one.files == {}
    (two,) = collect(tmp_path / "submitted", wanted="ps2")
    assert two.when == 1770591600.0


def test_moodles_download_gives_name_and_participant_number_with_folders_old_and_new_and_without(tmp_path):
    put(
        tmp_path,
        "Ada Lovelace_12345_assignsubmission_file_/lesson.ipynb",
        "Bo Li_77_assignsubmission_file/sub/lesson.ipynb",
        "Cy_78_assignsubmission_file_my_lesson.ipynb",
        "Team A_assignsubmission_file/lesson.ipynb",
        "_79_assignsubmission_file/lesson.ipynb",
        "Bo Li_77_assignsubmission_onlinetext/onlinetext.html",
    )
    took = gather(tmp_path)
    assert [one.student for one in took.submissions] == ["Ada Lovelace", "Bo Li", "Cy", "Team A", "participant 79"]
    assert took.students["Ada Lovelace"] == {"moodle_id": "12345"} and took.students["Team A"] == {}
    assert all(one.notebook and one.when is None for one in took.submissions)
    assert "onlinetext.html" in by_student(took.submissions)["Bo Li"].files


def test_canvas_download_gives_ids_and_the_last_resubmission_and_says_who_is_late(tmp_path):
    path = zipped(
        tmp_path / "submissions.zip",
        {
            "lovelaceada_LATE_1234_56789_lesson-2.ipynb": b"new",
            "lovelaceada_LATE_1234_56700_lesson.ipynb": b"old",
            "lovelaceada_LATE_1234_56701_guesses-2.csv": b"1",
            "libo_77_600_lesson-1.ipynb": NOTEBOOK,
            "libo_77_text.html": b"hello",
            "anon_x9Ab_601_lesson.ipynb": NOTEBOOK,
        },
    )
    took = gather(path)
    found = by_student(took.submissions)
    assert list(found) == ["anon_x9Ab", "libo", "lovelaceada"]
    assert took.students["lovelaceada"] == {"canvas_id": "1234"}
    ada = found["lovelaceada"]
    assert ada.notebook.read_bytes() == b"new" and ada.when is None and "Canvas marks it late" in said(ada)
    assert set(ada.files) == {"guesses-2.csv", "guesses.csv"} and found["libo"].notes == ()


def test_two_students_of_one_name_stay_two_in_canvas_and_moodle(tmp_path):
    put(tmp_path / "c", "leeann_1_11_a.ipynb", "leeann_2_12_a.ipynb")
    assert [one.student for one in collect(tmp_path / "c")] == ["leeann (1)", "leeann (2)"]
    put(tmp_path / "m", "Ann Lee_1_assignsubmission_file_/a.ipynb", "Ann Lee_2_assignsubmission_file_/a.ipynb")
    assert [one.student for one in collect(tmp_path / "m")] == ["Ann Lee (1)", "Ann Lee (2)"]


def test_names_that_look_like_canvas_by_chance_are_not_merged(tmp_path):
    put(tmp_path, "exam_2026_03_ann.ipynb", "exam_2026_03_bob.ipynb")
    assert [one.student for one in collect(tmp_path)] == ["exam_2026_03_ann", "exam_2026_03_bob"]


@pytest.mark.parametrize("prefix", ["", "class/", "submissions/"])
def test_a_zip_of_any_layout_reads_as_the_folder_does(tmp_path, prefix):
    path = zipped(tmp_path / "class.zip", {f"{prefix}ann/x.ipynb": NOTEBOOK, f"{prefix}bob/x.ipynb": NOTEBOOK})
    assert [one.student for one in collect(path)] == ["ann", "bob"]
    flat = zipped(tmp_path / "flat.zip", {f"{prefix}ann.ipynb": NOTEBOOK, f"{prefix}bob.ipynb": NOTEBOOK})
    assert [one.student for one in collect(flat)] == ["ann", "bob"]


def test_a_students_own_zip_is_opened_once_and_not_those_within_it(tmp_path):
    inner = zipped(tmp_path / "make/inner.zip", {"deep.ipynb": NOTEBOOK}).read_bytes()
    put(tmp_path / "in", "bob/lesson.ipynb")
    zipped(tmp_path / "in/ann/work.zip", {"work/lesson.ipynb": b"{}", "more.zip": inner, "guesses.csv": b"1"})
    zipped(tmp_path / "in/cid.zip", {"lesson.ipynb": NOTEBOOK})
    found = by_student(collect(tmp_path / "in"))
    assert found["ann"].notebook.read_bytes() == b"{}" and found["ann"].files["guesses.csv"].read_bytes() == b"1"
    assert "archive in an archive is not opened" in said(found["ann"])
    assert found["cid"].notebook is not None
    assert found["ann"].when == pytest.approx(time.time(), abs=60)  # of the zip, not what the student wrote in it


def test_the_same_student_as_file_and_as_folder_is_one_and_the_note_says_which_counts(tmp_path):
    put(tmp_path, "ann.ipynb", when=2000)
    put(tmp_path, "ann/ann.ipynb", when=1000)
    (one,) = collect(tmp_path)
    assert one.when == 2000 and "Several notebooks" in said(one)


def test_what_systems_leave_behind_is_ignored(tmp_path):
    put(
        tmp_path,
        "ann/lesson.ipynb",
        "ann/.ipynb_checkpoints/lesson-checkpoint.ipynb",
        "__MACOSX/ann/._lesson.ipynb",
        ".DS_Store",
        "ann/.hidden.ipynb",
        "ann/__pycache__/x.pyc",
    )
    took = gather(tmp_path)
    assert [one.student for one in took.submissions] == ["ann"] and took.notes == ()
    assert took.submissions[0].notes == () and took.submissions[0].files == {}


@pytest.mark.parametrize("make", ["nothing", "empty", "text"])
def test_nothing_to_read_is_one_clear_sentence(tmp_path, make):
    path = tmp_path / "in"
    if make == "empty":
        path.mkdir()
    elif make == "text":
        path.write_text("no zip")
    with pytest.raises(DataError, match="does not exist|no notebook|neither a folder nor a zip"):
        collect(path)


# Hostile folders


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_links_and_devices_are_not_followed_or_read(tmp_path):
    secret = put(tmp_path, "secret/key.ipynb") / "secret"
    put(tmp_path / "in", "bob/lesson.ipynb")
    (tmp_path / "in/ann").mkdir()
    (tmp_path / "in/ann/lesson.ipynb").symlink_to(secret / "key.ipynb")
    (tmp_path / "in/ann/other").symlink_to(secret)
    (tmp_path / "in/eve").symlink_to(secret)
    (tmp_path / "in/zoe.ipynb").symlink_to(tmp_path / "in/bob/lesson.ipynb")
    os.mkfifo(tmp_path / "in/ann/pipe.ipynb")  # reading it would wait for ever
    found = by_student(collect(tmp_path / "in"))
    assert set(found) == {"ann", "bob", "eve", "zoe"}
    for name in ("ann", "eve", "zoe"):
        assert found[name].notebook is None and found[name].files == {}
        assert "link or a device" in said(found[name])


def test_a_folder_of_thousands_of_files_costs_that_student_only(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FILES", 20)
    put(tmp_path, *(f"ann/{place:03}.txt" for place in range(50)), "bob/lesson.ipynb")
    found = by_student(collect(tmp_path))
    assert len(found["ann"].files) == 20 and "More than 20 files" in said(found["ann"])
    assert found["bob"].notes == ()


def test_a_loop_of_folders_deeper_than_any_hand_in_ends(tmp_path):
    put(tmp_path, "ann/" + "d/" * 30 + "x.ipynb", "bob/x.ipynb")
    assert by_student(collect(tmp_path))["ann"].notebook is None


# Hostile archives


def evil(name: str, mode: int | None = None, flag: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("placeholder", (2026, 3, 1, 12, 0, 0))
    info.filename = info.orig_filename = name
    info.compress_type = zipfile.ZIP_DEFLATED
    if mode is not None:
        info.create_system, info.external_attr = 3, mode << 16
    info.flag_bits |= flag
    return info


@pytest.mark.parametrize(
    "name", ["../../evil.ipynb", "/tmp/evil.ipynb", "ann/../../evil.ipynb", "C:\\evil.ipynb", "..\\..\\evil.ipynb"]
)
def test_a_name_that_leads_out_of_the_archive_writes_nothing_and_gives_a_note(tmp_path, name):
    path = zipped(tmp_path / "in/class.zip", [(evil(name), NOTEBOOK), ("bob/x.ipynb", NOTEBOOK), ("c/x.ipynb", b"")])
    before = set(tmp_path.rglob("*"))
    found = collect(path)
    assert any("leads out of the archive" in said(one) and one.notebook is None for one in found)
    assert by_student(found)["bob"].notebook is not None
    assert set(tmp_path.rglob("*")) == before and not Path("/tmp/evil.ipynb").exists()
    for one in found:
        assert one.notebook is None or one.notebook.parent != tmp_path


def test_a_nul_in_a_name_does_not_cut_it_short(tmp_path):
    content = zipped(tmp_path / "a.zip", {"ann/x.ipynb?.txt": NOTEBOOK, "bob/x.ipynb": NOTEBOOK}).read_bytes()
    path = tmp_path / "class.zip"
    path.write_bytes(content.replace(b"x.ipynb?.txt", b"x.ipynb\0.txt"))
    found = by_student(collect(path))
    assert found["ann"].notebook is None and "NUL" in said(found["ann"]) and found["bob"].notebook


def test_windows_separators_are_separators(tmp_path):
    path = zipped(tmp_path / "class.zip", [(evil("ann\\x.ipynb"), NOTEBOOK), (evil("bob\\x.ipynb"), NOTEBOOK)])
    assert [one.student for one in collect(path)] == ["ann", "bob"]


def test_links_devices_and_encrypted_members_are_not_unpacked(tmp_path):
    path = zipped(
        tmp_path / "class.zip",
        [
            (evil("ann/x.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd"),
            (evil("bob/x.ipynb", stat.S_IFIFO | 0o666), b""),
            (evil("cid/x.ipynb"), NOTEBOOK),
            ("dan/x.ipynb", NOTEBOOK),
        ],
    )
    content = bytearray(path.read_bytes())
    at = content.rfind(b"cid/x.ipynb") - 46  # its record in the central directory
    content[at + 8] |= 1  # says that it is encrypted
    path.write_bytes(content)
    found = by_student(collect(path))
    assert "link or a device" in said(found["ann"]) and "link or a device" in said(found["bob"])
    assert "encrypted" in said(found["cid"]) and found["dan"].notebook.read_bytes() == NOTEBOOK
    assert all(found[name].notebook is None for name in ("ann", "bob", "cid"))


def test_a_bomb_costs_its_student_only(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_FROM", 1_000_000)
    path = zipped(
        tmp_path / "class.zip",
        {"ann/x.csv": b"\0" * 20_000_000, "bob/x.ipynb": b" " * 21_000_000, "cid/x.ipynb": NOTEBOOK},
    )
    found = by_student(collect(path))
    assert "made to do harm" in said(found["ann"]) and "larger than 20 MB" in said(found["bob"])
    assert found["ann"].files == {} and found["cid"].notebook.read_bytes() == NOTEBOOK


def test_what_one_student_packs_too_large_does_not_take_the_room_of_others(tmp_path):
    budget = archive.Budget(left=10_000)
    big = os.urandom(9_990)
    path = zipped(tmp_path / "c.zip", {"ann/a.csv": big, "ann/b.csv": big, "bob/x": b"small"})
    items = {"/".join(item.parts): item for item in archive.unpack(path, tmp_path, budget)}
    assert items["bob/x"].path.read_bytes() == b"small" and items["ann/a.csv"].path
    assert "is left out" in items["ann/b.csv"].note and budget.left >= 0


def test_a_student_whose_own_archive_unpacks_to_too_much_leaves_the_others_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("medtutor.grading.intake.OWN_BYTES", 50_000)
    put(tmp_path, "bob/x.ipynb")
    zipped(tmp_path / "ann/work.zip", {"big.csv": os.urandom(60_000), "x.ipynb": NOTEBOOK})
    found = by_student(collect(tmp_path))
    assert found["ann"].notebook and "left out" in said(found["ann"]) and found["bob"].notes == ()


def test_an_archive_that_lists_too_many_files_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = zipped(tmp_path / "many.zip", {f"s{place:05}/x.ipynb": b"" for place in range(300)})
    monkeypatch.setattr(zipfile, "ZipFile", lambda *a, **k: pytest.fail("it was read"))
    with pytest.raises(DataError, match="more than 20 files"):
        archive.unpack(path, tmp_path, archive.Budget(), members=20)


def test_the_size_of_the_list_is_found_with_a_comment_and_in_zip64_too(tmp_path):
    path = zipped(tmp_path / "a.zip", {"ann/x.ipynb": NOTEBOOK})
    size = archive._directory_bytes(path)
    assert 46 <= size < 200
    with zipfile.ZipFile(path, "a") as made:
        made.comment = b"handed in on Monday" * 200
    assert archive._directory_bytes(path) == size
    plain = zipped(tmp_path / "b.zip", {"ann/x.ipynb": NOTEBOOK}).read_bytes()
    start = len(plain) - 22 - size
    end64 = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    big = tmp_path / "c.zip"
    big.write_bytes(plain[:-22] + end64 + locator + end)
    assert archive._directory_bytes(big) == size
    assert len(archive.unpack(big, tmp_path, archive.Budget())) == 1  # zipfile agrees that it is one


def test_a_damaged_member_becomes_a_submission_with_a_note(tmp_path):
    path = zipped(tmp_path / "class.zip", {"ann/x.ipynb": NOTEBOOK, "bob/x.ipynb": NOTEBOOK}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(NOTEBOOK, NOTEBOOK.replace(b"cells", b"CELLS"), 1))
    found = by_student(collect(path))
    assert found["ann"].notebook is None and "cannot be unpacked" in said(found["ann"])
    assert found["bob"].notebook is not None


def test_a_name_that_is_twice_in_an_archive_counts_once_the_last_time(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "c.zip", [("ann/x.ipynb", b"1"), ("ann/x.ipynb", b"22"), ("bob/x.ipynb", b"3")])
    found = by_student(collect(path))
    assert found["ann"].notebook.read_bytes() == b"22" and "more than once" in said(found["ann"])


def test_a_students_broken_zip_becomes_a_note(tmp_path):
    put(tmp_path, "bob/lesson.ipynb")
    put(tmp_path, "ann/work.zip", content=b"PK\x03\x04 nothing more")
    found = by_student(collect(tmp_path))
    assert found["ann"].notebook is None and "work.zip is no zip file" in said(found["ann"])


def test_a_broken_class_zip_is_one_clear_sentence(tmp_path):
    path = zipped(tmp_path / "class.zip", {"ann/x.ipynb": NOTEBOOK})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"class\.zip"):
        collect(path)


def test_times_in_a_zip_are_used_only_where_they_are_told_in_utc(tmp_path):
    info = evil("ann/x.ipynb")
    info.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_770_000_000)
    found = by_student(collect(zipped(tmp_path / "c.zip", [(info, NOTEBOOK), ("bob/x.ipynb", NOTEBOOK)])))
    assert found["ann"].when == 1_770_000_000 and found["bob"].when is None


def test_names_of_macos_archives_without_the_utf8_flag_are_read_right(tmp_path):
    plain = zipped(tmp_path / "a.zip", {"JosXX/x.ipynb": NOTEBOOK, "bob/x.ipynb": NOTEBOOK}).read_bytes()
    path = tmp_path / "c.zip"
    path.write_bytes(plain.replace(b"JosXX", "José".encode()))
    assert [one.student for one in collect(path)] == ["José", "bob"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_archive_whatsoever_ends_the_batch_with_another_error_than_ours(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("fuzz")
    names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=30)
    members = data.draw(st.lists(st.tuples(names, st.binary(max_size=50)), min_size=1, max_size=5))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in dict(members).items():
            made.writestr(evil(name), content)
        made.writestr("good/x.ipynb", NOTEBOOK)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (root / "in/bob").mkdir(parents=True)
    (root / "in/bob/x.ipynb").write_bytes(NOTEBOOK)
    (root / "in/ann").mkdir()
    (root / "in/ann/work.zip").write_bytes(content)
    (root / "class.zip").write_bytes(content)
    assert by_student(collect(root / "in"))["bob"].notebook is not None
    try:
        for one in collect(root / "class.zip"):
            assert one.notebook is None or root not in one.notebook.parents
    except DataError:
        pass
    assert {path.name for path in root.iterdir()} == {"in", "class.zip"}


# Names


def test_plain_names_are_kept_as_file_names():
    for name in ("ann", "Ann", "s-01", "Lovelace, Ada", "a.b@uni.example", "O_1"):
        assert safe_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "CON", "nul.txt", "x" * 300, "é", "a\nb", "a."])
def test_odd_names_become_safe_ones(name):
    safe = safe_name(name)
    assert safe != name and safe == safe_name(name) and safe.isascii() and len(safe) <= LONGEST
    assert not set(safe) & set('/\\:*?"<>|\0\n') and safe.strip(". ") == safe


def test_names_that_differ_in_capitals_only_do_not_share_a_file():
    names = safe_names(["Ann", "ann", "bob"])
    assert names["bob"] == "bob" and len({name.casefold() for name in names.values()}) == 3


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.text(max_size=100), unique=True, max_size=8))
def test_no_two_students_share_a_file_name(students):
    names = safe_names([*students, *map(safe_name, students)])
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert name not in ("", ".", "..") and "/" not in name and "\\" not in name and "\0" not in name


def test_names_on_the_disk_that_are_no_utf8_and_of_300_letters_survive(tmp_path):
    try:
        os.makedirs(os.fsencode(tmp_path) + b"/caf\xe9")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    put(tmp_path, os.fsdecode(b"caf\xe9/x.ipynb"), "n" * 240 + ".ipynb", "José ß/x.ipynb", "Ann/x.ipynb", "ann/x.ipynb")
    found = by_student(collect(tmp_path))
    assert set(found) == {"caf\\udce9", "n" * 240, "José ß", "Ann", "ann"}
    assert all(one.notebook.read_bytes() == NOTEBOOK for one in found.values())


# Class lists


def test_a_class_list_adds_who_handed_in_nothing_and_says_who_is_not_on_it(tmp_path):
    put(tmp_path / "in", "ann/x.ipynb", "eve/x.ipynb")
    (tmp_path / "list.csv").write_text("student,email,late_minutes\nann,ann@uni.example,90\nbob,,\n")
    took = gather(tmp_path / "in", tmp_path / "list.csv")
    found = by_student(took.submissions)
    assert found["bob"].notebook is None and found["bob"].notes == (MISSING,)
    assert "Not on the class list" in said(found["eve"]) and found["ann"].late_minutes == 90
    assert took.students == {"ann": {"email": "ann@uni.example"}, "bob": {}, "eve": {}}


def test_canvas_gradebook_is_a_class_list_that_gives_names_and_ids(tmp_path):
    put(tmp_path / "in", "lovelaceada_1234_56789_x.ipynb")
    (tmp_path / "list.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Lesson 3 (99)\n"
        ",,,,,Manual Posting\n"
        "    Points Possible,,,,,10.0\n"
        '"Lovelace, Ada",1234,u1,ada,A,\n"Li, Bo",77,u2,bo,A,\n"Student, Test",5,,,A,\n',
        encoding="utf-8-sig",
    )
    took = gather(tmp_path / "in", tmp_path / "list.csv")
    assert [one.student for one in took.submissions] == ["Li, Bo", "Lovelace, Ada"]
    assert took.students["Lovelace, Ada"] == {"canvas_id": "1234", "sis_user_id": "u1", "sis_login_id": "ada"}


def test_folders_called_by_login_are_found_in_canvas_gradebook_and_keep_their_names(tmp_path):
    put(tmp_path / "in", "ada/x.ipynb")
    (tmp_path / "list.csv").write_text('Student,ID,SIS Login ID,Section\n"Lovelace, Ada",1234,ADA,A\n')
    took = gather(tmp_path / "in", tmp_path / "list.csv")
    assert [one.student for one in took.submissions] == ["ada"] and took.students["ada"]["canvas_id"] == "1234"


def test_moodles_worksheet_and_gradebook_are_class_lists(tmp_path):
    put(tmp_path / "in", "Ada Lovelace_12345_assignsubmission_file/x.ipynb")
    (tmp_path / "sheet.csv").write_text(
        "Identifier,Full name,Email address,Grade\nParticipant 12345,Ada Lovelace,a@x.example,\n"
        "Participant 12346,Bo Li,b@x.example,\n"
    )
    took = gather(tmp_path / "in", tmp_path / "sheet.csv")
    assert took.students["Ada Lovelace"] == {"moodle_id": "12345", "email": "a@x.example"}
    assert took.students["Bo Li"]["moodle_id"] == "12346"
    (tmp_path / "book.csv").write_text("First name;Surname;ID number;Email address\nAda;Lovelace;9;a@x.example\n")
    took = gather(tmp_path / "in", tmp_path / "book.csv")
    assert took.students["Ada Lovelace"] == {"moodle_id": "12345", "id_number": "9", "email": "a@x.example"}


def test_a_class_list_with_two_of_one_name_keeps_both(tmp_path):
    put(tmp_path / "in", "leeann_1_11_x.ipynb")
    (tmp_path / "list.csv").write_text('Student,ID,Section\n"Lee, Ann",1,A\n"Lee, Ann",2,A\n')
    took = gather(tmp_path / "in", tmp_path / "list.csv")
    assert [(one.student, one.notebook is None) for one in took.submissions] == [
        ("Lee, Ann (1)", False),
        ("Lee, Ann (2)", True),
    ]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"name,mail\nann,x\n", "no column student .found: name, mail"),
        (b"student,late_minutes\nann,soon\n", "line 2: late_minutes 'soon' is no number"),
        (b"student\n", "lists no student"),
        (b"", "is empty"),
        (b"student\nJos\xe9\n", "not in UTF-8; save it again"),
    ],
)
def test_a_class_list_that_cannot_be_read_is_one_clear_sentence(tmp_path, content, message):
    put(tmp_path / "in", "ann/x.ipynb")
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        collect(tmp_path / "in", tmp_path / "list.csv")


def test_a_class_of_ten_thousand_is_read_in_seconds(tmp_path):
    path = zipped(tmp_path / "c.zip", {f"s{place:05}/x.ipynb": b"{}" for place in range(10_000)}, zipfile.ZIP_STORED)
    (tmp_path / "list.csv").write_text("student\n" + "\n".join(f"s{place:05}" for place in range(10_000)))
    begun = time.process_time()
    assert len(collect(path, tmp_path / "list.csv")) == 10_000
    assert time.process_time() - begun < 30
