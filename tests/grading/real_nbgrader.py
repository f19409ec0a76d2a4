"""Commands of the real nbgrader, which is an oracle for the tests and never imported by medtutor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def folder() -> str:
    """Where nbgrader is installed; skips the test where it is not."""
    return str(Path(pytest.importorskip("nbgrader").__file__).parent)


def run(course: Path, *arguments: str) -> str:
    """Run `nbgrader ...` in a course folder; skips the test where nbgrader is not installed."""
    pytest.importorskip("nbgrader")
    # it calls alembic by its name
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": path, "JUPYTER_NO_CONFIG": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
