"""Nothing stays: no process, whichever of them is killed, no mount and no file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from grading.sandbox.conftest import need
from grading.sandbox.room import Room, gone_or_left

from medtutor.grading.sandbox import outside

LEVELS = ["namespaces", "landlock", "bubblewrap"]


def settled(room: Room, number: int) -> list[int]:
    """The processes of the room, once there are this many, from the first that was started down."""
    until = time.monotonic() + 20
    while len(found := room.processes()) < number and time.monotonic() < until:
        time.sleep(0.01)
    assert len(found) == number
    return found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("which", [1, 2, 3, 4], ids=["clean process", "process outside", "worker", "student"])
def test_when_one_process_is_killed_all_below_it_end(level, which):
    need(level, "us")
    room = Room(level)
    try:
        room.start("while True: pass", 60).close()
        # Under bubblewrap two more stand before the clean process; below that it is the same everywhere.
        processes = settled(room, 4 + 2 * (level == "bubblewrap"))[-4:]
        os.kill(processes[which - 1], signal.SIGKILL)
        assert gone_or_left(processes[which:]) == []
    finally:
        room.close()


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_mounted_and_no_file_stays(level):
    need(level, "us")
    mounts = Path("/proc/self/mountinfo").read_text()
    room = Room(level)
    room.run("open('file', 'w').write('x')")
    assert os.listdir(room.scratch) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert room.close() == []
    assert not room.folder.exists()


@pytest.mark.parametrize("level", LEVELS)
def test_files_that_only_root_may_read_stay_unreadable(level, tmp_path):
    need(level, "us")
    if os.geteuid() != 0:
        pytest.skip("the tests do not run as root")
    room = Room(level)
    try:
        for path in ("/etc/shadow", "/root/.bashrc", "/proc/1/environ"):
            assert room.run(f"open({path!r})").error.startswith(("PermissionError", "FileNotFoundError")), path
    finally:
        room.close()


@pytest.mark.parametrize("level", LEVELS)
def test_a_scratch_folder_that_is_reached_by_a_link_works_and_widens_nothing(level, tmp_path, monkeypatch):
    need(level, "us")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "link"))
    room = Room(level)
    try:
        reply = room.run("import tempfile; open('file', 'w').write('x'); result = tempfile.TemporaryFile().write(b'x')")
        assert (reply.value, reply.left) == (1, []), reply
        assert room.run("import os; open(os.__file__, 'r+')").error.startswith(("PermissionError", "OSError"))
    finally:
        assert room.close() == []


def test_the_processes_of_a_process_and_their_memory_are_seen(monkeypatch):
    need("landlock", "us")
    proc = os.open("/proc", os.O_RDONLY)
    hold = "import sys; kept = bytearray(b'x') * 50_000_000; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert child.pid in outside.children(os.getpid(), proc)
        assert 50e6 < outside.held(child.pid, proc) < 100e6
        read = outside._read

        def without(name: str, proc: int) -> str:
            if name.endswith("children"):
                raise FileNotFoundError(name)
            return read(name, proc)

        monkeypatch.setattr(outside, "_read", without)
        assert child.pid in outside.children(os.getpid(), proc)
        child.stdin.close()
    os.close(proc)
