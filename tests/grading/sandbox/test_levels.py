"""Which level is chosen, what is refused, and that what was probed is what then works."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from grading.sandbox.conftest import need
from grading.sandbox.room import Room

from medtutor import resources
from medtutor.errors import MedtutorError
from medtutor.grading import sandbox
from medtutor.grading.sandbox import Host, IsolationError

BWRAP = "/usr/bin/bwrap"


@pytest.mark.parametrize(
    ("host", "level"),
    [
        (Host(seccomp=True, landlock=7, userns=True, bubblewrap=BWRAP), "namespaces"),
        (Host(root=True, seccomp=True, userns=True), "namespaces"),
        (Host(seccomp=True, landlock=1, bubblewrap=BWRAP), "bubblewrap"),
        (Host(seccomp=True, landlock=1), "landlock"),
        (Host(root=True, seccomp=True, landlock=4), "landlock"),
    ],
)
def test_the_strongest_level_that_works_is_chosen(host, level):
    plan = sandbox.plan("auto", host)
    assert plan.level == level and plan.meets_floor
    assert sandbox.plan(level, host) == plan
    assert bool(plan.prefix) == (level == "bubblewrap")
    for subject in ("Network", "Files", "Processes", "Memory", "Rights"):
        assert any(sentence.startswith(subject) for sentence in plan.means), subject
    assert ("Landlock" in " ".join(plan.means)) == bool(host.landlock)
    assert all(sentence.endswith(".") for sentence in (*plan.means, *plan.gaps))


@pytest.mark.parametrize(
    ("host", "lacks"),
    [
        (Host(root=True, landlock=7, userns=True, bubblewrap=BWRAP), "seccomp"),
        (Host(seccomp=True), "Landlock"),
        (Host(seccomp=True, bubblewrap=BWRAP), "Landlock"),
        (Host(), "seccomp"),
    ],
)
def test_a_host_below_the_floor_is_refused_and_the_way_out_is_named(host, lacks):
    for wanted in ("auto", "namespaces", "bubblewrap", "landlock"):
        with pytest.raises(IsolationError, match="--isolation none") as refused:
            sandbox.plan(wanted, host)
        assert "lacks" in str(refused.value)
    with pytest.raises(IsolationError, match=lacks):
        sandbox.plan("auto", host)
    assert issubclass(IsolationError, MedtutorError)


def test_a_level_that_does_not_work_here_is_an_error_though_another_does():
    host = Host(seccomp=True, landlock=3, notes=("namespaces: unshare: Operation not permitted",))
    with pytest.raises(IsolationError, match=r"'namespaces' does not work .*Operation not permitted"):
        sandbox.plan("namespaces", host)
    with pytest.raises(IsolationError, match="'bubblewrap' does not work"):
        sandbox.plan("bubblewrap", host)
    with pytest.raises(IsolationError, match="no isolation level 'best'"):
        sandbox.plan("best", host)


def test_without_isolation_only_by_name_and_the_gaps_are_said():
    plan = sandbox.plan("none", Host())
    assert not plan.meets_floor
    assert [gap.split(":")[0] for gap in plan.gaps] == ["Network", "Files", "Processes"]


def test_without_isolation_limits_hold_and_a_process_is_its_own():
    need("landlock", "us")
    room = Room("none", limits=sandbox.Limits(file_mb=1))
    try:
        assert room.run("bytearray(4 * 10**9)").error.startswith("MemoryError")
        assert (
            room.run("open('big', 'wb', buffering=0).write(bytes(3 * 10**6)); open('x', 'ab').write(b'y')").left == []
        )
        assert room.run("import os; os.abort()").status == 6
        assert room.run("import os; result = os.getcwd()").value == str(room.scratch)
    finally:
        assert room.close() == []


def test_what_was_probed_is_what_works():
    host = sandbox.probe()
    works = {"namespaces": host.userns, "landlock": bool(host.landlock), "bubblewrap": bool(host.bubblewrap)}
    for level, there in works.items():
        if there and host.seccomp:
            room = Room(level)
            assert room.run("result = 6 * 7").value == 42
            assert room.close() == []
        else:
            with pytest.raises(IsolationError):
                sandbox.plan(level)
    assert sandbox.probe() is host  # tried once


# Starts a probe with some calls refused, as containers and hardened hosts refuse them.
REFUSING = """
import dataclasses, json, os, sys
sys.path.insert(0, {root!r})
if len(sys.argv) > 1:
    from medtutor.grading.sandbox import seccomp, syscalls, system
    system.no_new_privileges()
    allow = (seccomp.RETURN, 0, 0, seccomp.ALLOW)
    answers = {{
        "clone": [seccomp._load(0), (seccomp.ANY_BIT, 0, 1, 0x7E020000), *seccomp._deny(), allow],
        "clone3": seccomp._deny(38),
    }}
    rules = [(name, answers.get(name, seccomp._deny())) for name in sys.argv[1:]]
    seccomp.install(seccomp._program(rules, syscalls.machine()))
    os.execv(sys.executable, [sys.executable, "-I", "-c", {again!r}])
"""
AGAIN = """
import dataclasses, json, sys
sys.path.insert(0, {root!r})
from medtutor.grading import sandbox
try:
    level = sandbox.plan().level
except sandbox.IsolationError as error:
    level = str(error)
print(json.dumps([dataclasses.asdict(sandbox.probe()), level]))
"""


@pytest.mark.parametrize(
    ("refused", "level"),
    [
        ("unshare clone clone3", "landlock"),
        ("unshare", "bubblewrap"),
        ("landlock_create_ruleset", "namespaces"),
        ("landlock_create_ruleset unshare", "lacks Landlock"),
        ("mount clone3", "landlock"),
    ],
)
def test_a_host_that_refuses_calls_is_seen_as_it_is(refused, level):
    for needed in ("namespaces", "bubblewrap", "landlock"):
        need(needed, "us")
    root = str(resources.PACKAGE.parent)
    source = REFUSING.format(root=root, again=AGAIN.format(root=root))
    command = [sys.executable, "-I", "-c", source, *refused.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    host, chosen = json.loads(done.stdout)
    assert level in chosen
    assert host["userns"] == ("unshare" not in refused and "mount" not in refused)
    assert bool(host["landlock"]) == ("landlock" not in refused)
    assert host["notes"]
