"""Running a notebook from top to bottom in a fresh kernel of this Python."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from medtutor.errors import LessonError

FOLDERS = ("MEDTUTOR_DATA", "MEDTUTOR_CACHE")  # may be relative to where the user stands
USAGE = "__import__('medtutor.course.usage', fromlist=['usage']).as_json()"


class _ThisPython(KernelSpecManager):
    """One kernel, of the Python that runs this; what the user has installed as `python3` may be another."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def execute(
    notebook: NotebookNode,
    env: Mapping[str, str],
    timeout: float,
    title: str,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Run all cells of `notebook`, which gets their outputs, and return the kernel's `usage()` with "wall_s".

    `env` is added to the environment; the working folder is a temporary one. `timeout` is for one cell, in seconds.
    `progress(i, n, first line)` is called before code cell i of n. Raises `LessonError` for a cell that fails (its
    cause holds the whole traceback), a cell that takes too long, and a kernel that dies.
    """
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="medtutor-") as temporary:
        # not the user's IPython, whose start-up files could change a lesson, and not the user's progress
        own = {"IPYTHONDIR": f"{temporary}/ipython", "MEDTUTOR_PROGRESS": f"{temporary}/progress.json"}
        settings = {**os.environ, **_absolute(), **own, **env}
        work = Path(temporary) / "work"
        work.mkdir()
        with _kernel(notebook, Path(temporary), work, settings, timeout) as client:
            for done, index in enumerate(code, start=1):
                cell = notebook.cells[index]
                if progress:
                    progress(done, len(code), first_line(cell.source))
                where = f"{title} stops in cell {done} of {len(code)} ({first_line(cell.source)!r})"
                try:
                    client.execute_cell(cell, index)
                except CellExecutionError as error:
                    cause = LessonError(_plain(str(error)))
                    raise LessonError(f"{where}: {_last_line(error)}") from cause
                except CellTimeoutError as error:
                    raise LessonError(f"{where}: it took longer than {timeout:.0f} s.") from error
                except DeadKernelError as error:
                    raise LessonError(f"{where}: the kernel died, which most often means out of memory.") from error
            wall = time.perf_counter() - started
            used = _ask(client)
    return used | {"wall_s": wall}


def first_line(source: str) -> str:
    """The first line of code of a cell that is no comment, for a message."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("#")), lines[0] if lines else "")


@contextmanager
def _kernel(notebook: NotebookNode, folder: Path, work: Path, env: dict[str, str], timeout: float):
    manager = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=_ThisPython(),
        connection_file=str(folder / "kernel.json"),
        **_transport(folder),
    )
    # raises-exception means "may raise" to nbclient; in a lesson nothing may raise unless the cell catches it
    client = NotebookClient(notebook, timeout=timeout, force_raise_errors=True, startup_timeout=120)
    client.km = manager  # set here, it counts as the client's own, and is shut down with it
    with client.setup_kernel(cwd=str(work), env=env):
        yield client


def _transport(folder: Path) -> dict[str, str]:
    """Sockets in `folder`, which no one else on the machine can listen to; TCP where there are none, as on Windows."""
    name = str(folder / "ipc")
    fits = len(name) < 90  # the name of a socket is at most about 100 bytes long
    return {"transport": "ipc", "ip": name} if os.name == "posix" and fits else {}


def _ask(client: NotebookClient) -> dict[str, Any]:
    """What the kernel has used: a request beside the notebook, not one of its cells."""
    message = client.kc.execute("", silent=True, store_history=False, user_expressions={"usage": USAGE})
    reply = client.wait_for_reply(message)
    answer = (reply or {}).get("content", {}).get("user_expressions", {}).get("usage", {})
    if answer.get("status") != "ok":
        raise LessonError(f"The kernel does not say what it used: {answer.get('evalue', 'no answer')}.")
    return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


def _absolute() -> dict[str, str]:
    found = {name: os.environ[name] for name in FOLDERS if os.environ.get(name)}
    return {
        name: os.pathsep.join(os.path.abspath(os.path.expanduser(part)) for part in value.split(os.pathsep) if part)
        for name, value in found.items()
    }


def _last_line(error: CellExecutionError) -> str:
    text = _plain(error.evalue).strip()
    return f"{error.ename}: {text}" if text else error.ename


def _plain(text: str) -> str:
    """Text without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
