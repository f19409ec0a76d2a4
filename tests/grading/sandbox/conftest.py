"""One sandbox for each level that works here, as we are and (where we are root) as an ordinary user."""

from __future__ import annotations

import os
import sys

import pytest
from grading.sandbox.room import Room, python_for_all

from medtutor.grading import sandbox

ROOMS = [(level, user) for level in ("namespaces", "bare", "landlock", "bubblewrap") for user in ("us", "nobody")]
ROOMS.remove(("bare", "nobody"))  # adds nothing to the others
ROOMS.append(("landlock", "root"))  # there it becomes another user, as it cannot where only root can read Python


def need(level: str, user: str) -> None:
    """Skip what this host has not."""
    if sys.platform != "linux":
        pytest.skip("isolation is written for Linux")
    if user != "us" and os.geteuid() != 0:
        pytest.skip("the tests already run as an ordinary user")
    if user != "us" and not python_for_all():
        pytest.skip("no Python of this version that an ordinary user can start")
    host = sandbox.probe()
    if not {"namespaces": host.userns, "bare": host.userns, "landlock": host.landlock, "bubblewrap": host.bubblewrap}[
        level
    ]:
        pytest.skip(f"this host has no {level}")


@pytest.fixture(scope="session", params=ROOMS, ids=lambda room: "-".join(room))
def room(request):
    """A sandbox with numpy and torch; the tests share its worker, as questions do."""
    need(*request.param)
    made = Room(*request.param, imports=("numpy", "torch"), limits=sandbox.Limits(file_mb=4, scratch_mb=32))
    yield made
    assert made.close() == []
