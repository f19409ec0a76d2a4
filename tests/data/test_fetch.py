"""Finding and downloading: the order of the places, bad lines, wrong bytes, full disks, hostile archives."""

import dataclasses
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data.server import Page, Server

from medtutor.data import card as card_of
from medtutor.data import digests, disk, names, resume, unpack
from medtutor.data.fetch import cache_folder, data_folders, default_keys, fetch, fetch_many, find
from medtutor.errors import (
    CorruptFileError,
    DataError,
    FormatError,
    StorageError,
    UnknownNameError,
    UnreachableError,
)

BODY = np.random.default_rng(0).bytes(1_000_000)
OTHER = np.random.default_rng(1).bytes(1_000_000)
PATH = "medmnist/pneumoniamnist.npz"


@pytest.fixture
def server(monkeypatch, no_folders):
    """A server that may be asked, quick to give up on, with BODY at /a."""
    monkeypatch.delenv("MEDTUTOR_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(resume, "REACH_S", 1.0)
    monkeypatch.setattr(resume, "STALL_S", 0.5)
    monkeypatch.setattr(resume, "PAUSE_S", 0.01)
    monkeypatch.setattr(resume, "_silent", {})
    with Server() as running:
        running.pages["/a"] = Page(BODY)
        yield running


def md5(body):
    return hashlib.md5(body).hexdigest()


def a_card(server, *paths, **changes):
    """PneumoniaMNIST's card with its 28-pixel file at addresses of the test server."""
    card = card_of("pneumoniamnist")
    urls = tuple(server.url(path) for path in paths or ("/a",))
    fields = {"algorithm": "md5", "hash": md5(BODY), "bytes": None, "urls": urls} | changes
    return dataclasses.replace(card, files={"28": dataclasses.replace(card.files["28"], **fields)})


def unverified(server, *paths, **changes):
    return a_card(server, *paths, algorithm=None, hash=None, **changes)


def get(card, **settings):
    return fetch(card, "28", **({"progress": False} | settings))


def cached():
    return cache_folder() / PATH


def part():
    return cached().with_name(cached().name + ".part")


def left_behind(root):
    """Every file under a folder but locks and the memory of hashes."""
    paths = (path for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return sorted(str(path.relative_to(root)) for path in paths if path.name != digests.MEMORY)


# Downloads that go well.


def test_a_download_is_checked_moved_into_place_and_found_again_without_the_network(server, monkeypatch):
    found = get(a_card(server))
    assert (found.source, found.path, found.notes) == ("download", cached(), ())
    assert found.path.read_bytes() == BODY
    assert left_behind(cache_folder()) == [PATH]
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    assert get(a_card(server)).source == "cache"
    assert find(a_card(server), 28).source == "cache"
    assert len(server.requests) == 1


def test_size_source_and_place_are_said_first(server, capfd):
    get(a_card(server), progress=None)
    assert f"pneumoniamnist.npz, 1.0 MB, from {server.url()[7:]} to {cached().parent}" in capfd.readouterr().err
    cached().unlink()
    get(a_card(server))
    assert capfd.readouterr().err == ""


def test_a_redirect_is_followed(server):
    server.pages["/moved"] = Page(redirect=server.url("/a"))
    assert get(a_card(server, "/moved")).path.read_bytes() == BODY


def test_a_file_without_a_stated_length_arrives(server):
    server.pages["/a"].length = False
    assert get(a_card(server)).path.read_bytes() == BODY


# Cuts.


def test_after_a_cut_only_the_rest_is_asked_for(server):
    server.pages["/a"].cuts = [400_000, 300_000]
    assert get(a_card(server)).path.read_bytes() == BODY
    ranges = [wanted for _, wanted, _ in server.requests]
    assert ranges[0] is None and all(wanted for wanted in ranges[1:])
    assert sum(server.sent("/a")) < 1_000_000 + 2 * resume.CHUNK


def test_a_later_try_goes_on_where_an_earlier_one_gave_up(server, capfd):
    server.pages["/a"].cuts = [600_000, 0, 0, 0]
    with pytest.raises(UnreachableError, match=r"(?s)connection.*0\.6 MB that have come are kept"):
        get(a_card(server))
    kept = part().stat().st_size
    assert 600_000 - resume.CHUNK <= kept <= 600_000
    get(a_card(server), progress=None)
    assert cached().read_bytes() == BODY
    assert server.sent("/a")[-1] == 1_000_000 - kept
    assert "going on after 0.6 MB" in capfd.readouterr().err


def test_a_server_that_knows_no_ranges_sends_the_whole_file_again(server):
    server.pages["/a"].ranges = False
    server.pages["/a"].cuts = [600_000]
    assert get(a_card(server)).path.read_bytes() == BODY
    assert server.sent("/a")[1] == 1_000_000


@pytest.mark.parametrize("etag", ['"two"', None])
def test_a_file_that_changed_at_the_server_is_begun_anew(server, etag):
    server.pages["/a"] = Page(OTHER, etag=etag and '"old"', cuts=[600_000, 0, 0, 0])
    with pytest.raises(UnreachableError):
        get(a_card(server))
    server.pages["/a"] = Page(BODY, etag=etag)
    server.requests.clear()
    assert get(a_card(server)).path.read_bytes() == BODY
    if etag:  # the server was asked for the rest of the old version only, and so gave the new one at once
        assert server.sent("/a") == [1_000_000]


def test_a_file_of_another_length_at_the_server_is_begun_anew(server):
    server.pages["/a"] = Page(OTHER[:900_000], etag=None, cuts=[600_000, 0, 0, 0])
    with pytest.raises(UnreachableError):
        get(a_card(server))
    server.pages["/a"] = Page(BODY, etag=None)
    assert get(a_card(server)).path.read_bytes() == BODY


def test_two_versions_are_never_joined_where_no_hash_would_tell(server):
    server.pages["/a"] = Page(OTHER, etag=None, cuts=[600_000, 0, 0, 0])
    with pytest.raises(UnreachableError):
        get(unverified(server))
    server.pages["/a"] = Page(BODY, etag=None)
    assert get(unverified(server)).path.read_bytes() == BODY


def test_the_second_source_gives_the_rest_of_what_the_first_began(server):
    server.pages["/a"].cuts = [600_000, 0, 0, 0]
    server.pages["/b"] = Page(BODY, etag='"other server"')
    assert get(a_card(server, "/a", "/b")).path.read_bytes() == BODY
    assert server.sent("/b")[0] <= 400_000 + resume.CHUNK


def test_a_file_shorter_than_its_stated_length_is_not_taken(server):
    server.pages["/a"].lie = 1000
    with pytest.raises(UnreachableError, match=r"1000000 of 1001000|changed"):
        get(a_card(server))
    assert not cached().exists()
    assert len(server.requests) <= 2 * resume.TRIES


def test_a_connection_that_stalls_is_given_up(server):
    server.pages["/a"].hang = "body"
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="connection broke"):
        get(a_card(server))
    assert time.monotonic() - start < 10


CHILD = """
import dataclasses, sys
from medtutor.data import card as card_of
from medtutor.data.fetch import fetch
url, digest = sys.argv[1:]
card = card_of("pneumoniamnist")
file = dataclasses.replace(card.files["28"], urls=(url,), algorithm="md5", hash=digest)
print(fetch(dataclasses.replace(card, files={"28": file}), "28", progress=False).source)
"""


def child(server):
    command = [sys.executable, "-c", CHILD, server.url("/a"), md5(BODY)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_download_goes_on_where_it_was(server):
    server.pages["/a"].pause = 0.05
    process = child(server)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (part().exists() and part().stat().st_size > 300_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert left_behind(cache_folder()) == [PATH + ".part", PATH + ".part.json"]
    kept = part().stat().st_size
    assert 300_000 < kept < 1_000_000
    server.pages["/a"].pause = 0
    assert get(a_card(server)).path.read_bytes() == BODY
    assert server.requests[-1] == ["/a", f"bytes={kept}-", 1_000_000 - kept]
    assert left_behind(cache_folder()) == [PATH]


def test_two_processes_that_ask_at_once_download_once(server):
    server.pages["/a"].pause = 0.15  # so that the second one comes while the first one loads
    processes = [child(server), child(server)]
    said = [process.communicate(timeout=60) for process in processes]
    assert sorted(out.strip() for out, _ in said) == ["cache", "download"], said
    assert len(server.requests) == 1


# Sources that do not answer.


def test_the_mirror_comes_first_and_then_the_sources_in_order(server, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_MIRROR", server.url("/mirror/"))
    server.pages["/busy"] = Page(status=503)
    assert get(a_card(server, "/gone", "/busy", "/a")).path.read_bytes() == BODY
    asked = list(dict.fromkeys(path for path, *_ in server.requests))
    assert asked == [f"/mirror/{PATH}", "/gone", "/busy", "/a"]
    cached().unlink()
    server.requests.clear()
    server.pages[f"/mirror/{PATH}"] = Page(BODY)
    get(a_card(server))
    assert [path for path, *_ in server.requests] == [f"/mirror/{PATH}"]


def test_a_mirror_that_is_no_address_is_an_error(server, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_MIRROR", "teacher.local")
    with pytest.raises(DataError, match="MEDTUTOR_MIRROR should begin with http"):
        get(a_card(server))


def test_sources_that_hang_are_given_up_within_one_limit_for_all(server):
    with Server() as second, Server() as third:
        for each in (server, second, third):
            each.pages["/a"] = Page(hang="headers")
        card = a_card(server, urls=tuple(each.url("/a") for each in (server, second, third)))
        start = time.monotonic()
        with pytest.raises(UnreachableError, match=r"no answer .*medtutor fetch pneumoniamnist --to DIR"):
            get(card)
        assert 0.9 < time.monotonic() - start < 2.5  # not 1 s for each of the three
        start = time.monotonic()
        with pytest.raises(UnreachableError, match="less than a minute ago"):
            get(card)  # the next split of the same set does not wait again
        assert time.monotonic() - start < 0.8
        assert [len(each.requests) for each in (server, second, third)] == [1, 1, 1]


def test_the_limit_is_ten_seconds():
    assert resume.REACH_S == 10


def test_a_name_service_that_hangs_is_given_up_too(server, monkeypatch):
    import socket

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    start = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer"):
        get(a_card(server, urls=("http://example.invalid/a",)))
    assert time.monotonic() - start < 2.9


def test_a_refused_connection_and_a_missing_file_are_named(server):
    with Server() as gone:
        nowhere = gone.url("/a")
    with pytest.raises(UnreachableError, match=r"no connection; .*answered 404") as error:
        get(a_card(server, urls=(nowhere, server.url("/missing"))))
    assert nowhere[7:-2] in str(error.value)


def test_offline_touches_no_network_and_says_how_to_get_the_file(server, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    with pytest.raises(
        UnreachableError, match=r"MEDTUTOR_OFFLINE is set.*`medtutor fetch pneumoniamnist`.*MEDTUTOR_DATA"
    ):
        get(a_card(server))
    assert server.requests == []
    assert left_behind(cache_folder()) == []


def test_a_set_without_a_source_says_where_to_put_it(server):
    with pytest.raises(UnreachableError, match=rf"no direct download; get it at https://medmnist.com/.*{PATH}"):
        get(a_card(server, urls=()))


# Wrong bytes.


def test_wrong_bytes_are_an_error_that_names_file_expected_and_got(server):
    server.pages["/a"].body = OTHER
    with pytest.raises(CorruptFileError) as error:
        get(a_card(server))
    for text in ("pneumoniamnist.npz", server.url()[7:], md5(BODY), md5(OTHER), "medtutor fetch pneumoniamnist"):
        assert text in str(error.value)
    assert left_behind(cache_folder()) == []


def test_wrong_bytes_of_a_mirror_are_reported_and_the_publisher_is_asked(server, monkeypatch):
    monkeypatch.setenv("MEDTUTOR_MIRROR", server.url("/mirror"))
    server.pages[f"/mirror/{PATH}"] = Page(OTHER)
    found = get(a_card(server))
    assert found.path.read_bytes() == BODY
    assert md5(OTHER) in found.notes[0]


def test_a_login_page_instead_of_a_file_is_recognised(server):
    server.pages["/a"].body = b"<html>Welcome to our network, please log in.</html>"
    with pytest.raises(CorruptFileError, match="looks like a web page"):
        get(a_card(server))


def test_a_file_without_a_publishers_hash_keeps_the_first_one(server):
    found = get(unverified(server))
    record = digests.record_of(found.path).read_text()
    assert record == f"{hashlib.sha256(BODY).hexdigest()}  {found.path.name}\n"
    assert get(unverified(server)).source == "cache"
    found.path.unlink()
    server.pages["/a"].body = OTHER
    with pytest.raises(CorruptFileError, match=r"expected sha256.*publisher has changed the file, delete .*sha256"):
        get(unverified(server))
    digests.record_of(found.path).unlink()
    assert get(unverified(server)).path.read_bytes() == OTHER


@pytest.mark.parametrize("change", ["cut", "altered"])
@pytest.mark.parametrize("make", [a_card, unverified])
def test_a_damaged_file_in_the_cache_is_an_error_until_a_whole_one_is_there(server, monkeypatch, change, make):
    card = make(server)
    get(card)
    damaged = BODY[:1000] if change == "cut" else OTHER
    cached().write_bytes(damaged)
    for ask in (lambda: find(card, "28"), lambda: get(card)):
        monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
        with pytest.raises(
            CorruptFileError, match=r"cut or changed: expected (md5|sha256) \w+, got \w+.*Delete it, and run"
        ):
            ask()
    assert cached().read_bytes() == damaged
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "")
    server.pages["/a"].status = 404  # no source has it: still the same error, and not UnreachableError
    with pytest.raises(CorruptFileError, match="cut or changed"):
        get(card)
    server.pages["/a"].status = 200
    found = get(card)
    assert (found.source, found.path.read_bytes()) == ("download", BODY)
    assert "downloaded again" in found.notes[0]


def test_an_unchanged_file_is_not_hashed_twice(server, monkeypatch):
    get(a_card(server))
    monkeypatch.setattr(digests.hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    assert find(a_card(server), "28").source == "cache"
    (cache_folder() / digests.MEMORY).write_text("[not json")
    with pytest.raises(pytest.fail.Exception):
        find(a_card(server), "28")


# Disks.


@pytest.mark.parametrize("error", [28, 122])
def test_a_full_disk_is_one_sentence_and_what_has_come_stays(server, monkeypatch, error):
    server.pages["/a"].cuts = [600_000, 0, 0, 0]
    with pytest.raises(UnreachableError):
        get(a_card(server))
    kept = part().stat().st_size
    opened = Path.open

    def full(self, mode="r", *rest, **settings):
        stream = opened(self, mode, *rest, **settings)
        if self.suffix == ".part" and "b" in mode and mode != "rb":

            class Full:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    stream.close()

                def write(self, _):
                    raise OSError(error, os.strerror(error))

            return Full()
        return stream

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match=r"disk of .* is full; make room or .*MEDTUTOR_CACHE.*kept"):
        get(a_card(server))
    monkeypatch.setattr(Path, "open", opened)
    assert part().stat().st_size == kept
    assert get(a_card(server)).path.read_bytes() == BODY


def test_too_little_room_is_said_before_anything_is_written(server, monkeypatch):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_500_000}))
    with pytest.raises(StorageError, match=r"needs 1\.0 MB more, and the disk of .* has 1\.5 MB free"):
        get(a_card(server))
    assert left_behind(cache_folder()) == []


def test_a_cache_that_cannot_be_made_is_one_sentence(server, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDTUTOR_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StorageError, match=r"cannot be written \(Not a directory\); choose another folder"):
        get(a_card(server))


def test_a_read_only_cache_is_one_sentence_for_new_files_and_no_matter_for_old_ones(server, monkeypatch):
    get(a_card(server))
    (cache_folder() / digests.MEMORY).unlink()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    for owner, name in ((os, "replace"), (Path, "mkdir"), (Path, "write_text")):
        monkeypatch.setattr(owner, name, refuse)
    assert get(a_card(server)).source == "cache"
    cached().unlink()
    with pytest.raises(StorageError, match=r"cannot be written \(Permission denied\)"):
        get(a_card(server))


# Folders.


def test_a_folder_comes_before_the_cache_and_the_first_folder_first(server, monkeypatch, tmp_path):
    card = a_card(server)
    get(card)
    for name in ("one", "two"):
        (tmp_path / name / "medmnist").mkdir(parents=True)
    monkeypatch.setenv("MEDTUTOR_DATA", os.pathsep.join([str(tmp_path / "one"), "", str(tmp_path / "two")]))
    assert find(card, "28").source == "cache"
    for name in ("two", "one"):
        (tmp_path / name / PATH).write_bytes(BODY)
        found = get(card)
        assert (found.source, found.path, found.notes) == ("folder", tmp_path / name / PATH, ())


def test_another_hash_in_a_folder_is_reported_and_used(server, monkeypatch, tmp_path):
    (tmp_path / "medmnist").mkdir()
    (tmp_path / PATH).write_bytes(OTHER)
    monkeypatch.setenv("MEDTUTOR_DATA", str(tmp_path))
    found = get(a_card(server))
    assert found.source == "folder"
    assert md5(BODY) in found.notes[0] and md5(OTHER) in found.notes[0]
    assert server.requests == []


def test_no_folder_is_named_by_an_empty_variable(monkeypatch):
    monkeypatch.setenv("MEDTUTOR_DATA", "")
    assert data_folders() == []
    monkeypatch.delenv("MEDTUTOR_DATA")
    assert data_folders() == []


def test_a_named_folder_that_does_not_exist_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDTUTOR_DATA", str(tmp_path / "usb"))
    with pytest.raises(DataError, match=r"MEDTUTOR_DATA names the folder .*usb, which does not exist"):
        find("pneumoniamnist", "28")


def test_the_home_folder_may_be_named_by_its_sign(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MEDTUTOR_CACHE", "~/cache")
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("MEDTUTOR_DATA", "~/data")
    assert (cache_folder(), data_folders()) == (tmp_path / "cache", [tmp_path / "data"])
    assert disk.short(tmp_path / "data") == "~/data"


def test_unknown_names_and_keys_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'pneumoniamnist'"):
        find("pneumoniamnst", "28")
    with pytest.raises(UnknownNameError, match="file of pneumoniamnist '29'"):
        find("pneumoniamnist", 29)


def test_the_real_files_are_found(real_data):
    assert find("pneumoniamnist", "28").path == real_data / PATH
    assert find("msd_hippocampus", "data").path == real_data / "msd" / "Task04_Hippocampus"


# Archives.

CASE = {"Task/dataset.json": b"{}", "Task/images/a.nii": BODY[:5000]}


def a_tar(entries, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, body in entries.items():
            member = body if isinstance(body, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.name = name
            data = b"" if body is member else body
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def a_zip(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return out.getvalue()


def archive_card(server, body, kind="tar", **changes):
    server.pages["/archive"] = Page(body)
    place = {"path": f"archives/Case.{kind}", "archive": kind, "unpacked": "msd/Case"}
    return a_card(server, "/archive", **({"hash": md5(body)} | place | changes))


def content(folder):
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if name != unpack.MANIFEST}


INSIDE = {"dataset.json": b"{}", "images/a.nii": BODY[:5000]}
JUNK = {"Task/._dataset.json": b"x", "__MACOSX/Task/._a": b"x", "Task/.DS_Store": b"x", "._Task": b"x"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("tar", a_tar(CASE)),
        ("tar", a_tar(CASE, "w:gz")),
        ("zip", a_zip(CASE)),
        ("zip", a_zip({"Case/" + name.partition("/")[2]: body for name, body in CASE.items()})),
        ("zip", a_zip(INSIDE)),
        ("tar", a_tar({"./" + name: body for name, body in CASE.items()} | JUNK)),
        ("zip", a_zip({"Task/": b""} | CASE | JUNK)),
    ],
    ids=["tar", "tar.gz", "zip", "zip of that name", "zip without a folder", "tar of macOS", "zip of macOS"],
)
def test_an_archive_ends_up_as_the_folder_that_the_card_names(server, kind, body):
    card = archive_card(server, body, kind)
    found = get(card)
    assert (found.source, found.path) == ("download", cache_folder() / "msd" / "Case")
    assert content(found.path) == INSIDE
    assert left_behind(cache_folder() / "archives") == []
    assert [path.name for path in (cache_folder() / "msd").iterdir()] == ["Case"]
    assert get(card).source == "cache"
    assert len(server.requests) == 1


def linked(kind, target):
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, target
    return member


def a_zip_with_a_link():
    member = zipfile.ZipInfo("Task/link")
    member.external_attr = 0o120777 << 16
    return a_zip(CASE | {member: "/etc"})


HOSTILE = {
    "dots": ("tar", a_tar(CASE | {"Task/../../../evil": b"x"})),
    "absolute": ("tar", a_tar(CASE | {"/tmp/evil": b"x"})),
    "symlink out": ("tar", a_tar(CASE | {"Task/link": linked(tarfile.SYMTYPE, "../../..")})),
    "hard link": ("tar", a_tar(CASE | {"Task/link": linked(tarfile.LNKTYPE, "/etc/passwd")})),
    "device": ("tar", a_tar(CASE | {"Task/null": linked(tarfile.CHRTYPE, "")})),
    "zip dots": ("zip", a_zip(CASE | {"../../evil": b"x"})),
    "zip absolute": ("zip", a_zip(CASE | {"/evil": b"x"})),
    "zip backslashes": ("zip", a_zip(CASE | {"Task\\..\\..\\..\\evil": b"x"})),
    "zip drive": ("zip", a_zip(CASE | {"C:evil": b"x"})),
    "zip link": ("zip", a_zip_with_a_link()),
}


@pytest.mark.parametrize(("kind", "body"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_writes_nothing(server, kind, body):
    with pytest.raises(FormatError, match="nothing was unpacked"):
        get(archive_card(server, body, kind))
    assert left_behind(cache_folder()) == [f"archives/Case.{kind}"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("tar", a_tar(CASE)[:3000]),
        ("tar", a_tar(CASE, "w:gz")[:2000]),
        ("zip", a_zip(CASE)[:3000]),
        ("zip", a_zip(CASE).replace(BODY[100:110], bytes(10))),
        ("tar", BODY),
        ("tar", a_tar({})),
    ],
)
def test_a_broken_archive_is_a_format_error_and_is_asked_for_again(server, kind, body):
    card = archive_card(server, body, kind, algorithm=None, hash=None)
    with pytest.raises(FormatError, match=r"not a (tar|zip) archive that can be read|holds no file"):
        get(card)
    assert left_behind(cache_folder()) == []
    server.pages["/archive"].body = a_tar(CASE) if kind == "tar" else a_zip(CASE)
    assert content(get(card).path) == INSIDE


def test_an_interrupted_unpacking_leaves_nothing_half_done_and_loads_nothing_again(server, monkeypatch):
    card = archive_card(server, a_tar(CASE))
    whole = Path.rename

    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        get(card)
    monkeypatch.setattr(Path, "rename", whole)
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    assert find(card, "28") is None
    assert content(get(card).path) == INSIDE
    assert len(server.requests) == 1


@pytest.mark.parametrize("change", ["cut", "altered", "gone"])
def test_a_file_lost_from_an_unpacked_folder_is_an_error_until_it_is_fetched_again(server, monkeypatch, change):
    card = archive_card(server, a_tar(CASE))
    lost = get(card).path / "images" / "a.nii"
    if change == "gone":
        lost.unlink()
    else:
        changed = lost.stat().st_mtime_ns
        lost.write_bytes(b"x" * (10 if change == "cut" else 5000))
        if change == "cut":  # noticed by its size alone
            os.utime(lost, ns=(changed, changed))
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    with pytest.raises(CorruptFileError, match=r"images/a.nii: expected .*, got"):
        get(card)
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "")
    assert content(get(card).path) == INSIDE
    assert find(card, "28").source == "cache"


# Many at once, and a stick for the classroom.


@pytest.fixture
def shelf(server, monkeypatch):
    """Three sets on the test server: a file, an archive, and one whose file is missing there."""
    made = {}
    for name in ("one", "two", "three"):
        file = a_card(server).files["28"]
        if name == "two":
            file = dataclasses.replace(archive_card(server, a_tar(CASE)).files["28"], key="28")
        if name == "three":
            file = dataclasses.replace(file, path="medmnist/three.npz", urls=(server.url("/none"),), bytes=2_000_000)
        files = {"28": file, "64": dataclasses.replace(file, key="64", path="medmnist/64.npz")}
        if name == "two":
            files = {"28": file}
        sizes = () if name == "two" else (28, 64)
        made[name] = dataclasses.replace(card_of("pneumoniamnist"), name=name, sizes=sizes, files=files)

    def card(name):
        if name not in made:
            raise UnknownNameError(name)
        return made[name]

    monkeypatch.setattr(sys.modules["medtutor.data.fetch"], "card_named", card)
    return made


def test_a_stick_that_was_filled_serves_as_data_folder(shelf, server, monkeypatch, tmp_path, capfd):
    stick = tmp_path / "stick"
    results = fetch_many(["one", "two", "three", "one"], to=stick)
    assert [(name, key) for name, key, _ in results] == [("one", "28"), ("two", "28"), ("three", "28")]
    assert [getattr(found, "source", None) for *_, found in results] == ["download", "download", None]
    assert isinstance(results[2][2], UnreachableError)
    assert "3 files to" in capfd.readouterr().err
    assert left_behind(cache_folder()) == []
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    monkeypatch.setenv("MEDTUTOR_DATA", str(stick))
    for name in ("one", "two"):
        found = fetch(name, "28")
        assert (found.source, found.notes) == ("folder", ())
        assert found.path.is_relative_to(stick)
    (stick / "msd/Case/dataset.json").write_text("[]")
    assert "dataset.json: expected sha256" in fetch("two", "28").notes[0]


def test_what_is_in_the_cache_is_copied_to_the_stick(shelf, server, monkeypatch, tmp_path):
    for name in ("one", "two"):
        fetch(name, "28", progress=False)
    monkeypatch.setenv("MEDTUTOR_OFFLINE", "1")
    for source in ("cache", "folder"):
        results = fetch_many(["one", "two"], to=tmp_path / "stick", progress=False)
        assert [found.source for *_, found in results] == [source, source]
    assert (tmp_path / "stick" / PATH).read_bytes() == BODY
    assert content(tmp_path / "stick/msd/Case") == INSIDE
    assert left_behind(tmp_path / "stick" / "medmnist") == ["pneumoniamnist.npz"]
    assert cached().exists() and len(server.requests) == 2


def test_the_size_of_all_is_said_before_the_first_download(shelf, server, capfd):
    fetch("one", "28", progress=False)
    capfd.readouterr()
    fetch_many(["one", "two", "three"])
    first = capfd.readouterr().err.splitlines()[0]
    assert "3 files" in first and "to download: 2, 2.0 MB and 1 whose size only the source knows" in first


def test_sizes_and_keys_can_be_chosen(shelf, server):
    assert default_keys(shelf["one"]) == ["28"]
    assert default_keys(shelf["one"], every_size=True) == ["28", "64"]
    assert default_keys(shelf["two"]) == ["28"]
    assert [key for _, key, _ in fetch_many(["one"], keys=[64], progress=False)] == ["64"]


def test_every_card_has_something_to_fetch():
    for name in names():
        keys = default_keys(card_of(name))
        assert keys and set(keys) <= set(card_of(name).files), name


def test_an_unknown_name_stops_before_anything_is_fetched(shelf, server):
    with pytest.raises(UnknownNameError):
        fetch_many(["one", "four"], progress=False)
    assert server.requests == []


def test_a_damaged_file_on_the_stick_is_mended(shelf, server, tmp_path):
    fetch("one", "28", to=tmp_path, progress=False)
    (tmp_path / PATH).write_bytes(BODY[:10])
    found = fetch("one", "28", to=tmp_path, progress=False)
    assert found.path.read_bytes() == BODY and "downloaded again" in found.notes[0]


def test_threads_that_ask_at_once_download_once(server, capfd):
    server.pages["/a"].pause = 0.02
    sources = []
    threads = [threading.Thread(target=lambda: sources.append(get(a_card(server)).source)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sources) == ["cache", "cache", "download"]
    assert "Another process is fetching" in capfd.readouterr().err
    assert len(server.requests) == 1
