"""A lone notebook in an empty folder, as it opens on Colab: its setup cell gets medtutor from a wheel served here.

Used by scripts/colab.py and tests/test_setup_alone.py.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
PROBE = """\
import importlib.metadata, json, re, numpy, medtutor
from medtutor import checks, course, data
print(json.dumps({
    "medtutor": medtutor.__file__,
    "cards": len(data.cards()),
    "exercises": len(checks.sheets()),
    "lessons": len(course.lessons()),
    "numpy": numpy.__version__,
    "packages": {re.sub("[-_.]+", "-", one.name).lower(): one.version for one in importlib.metadata.distributions()},
}))"""


def find_uv() -> str | None:
    """The path of uv: on PATH, or where `make` puts it."""
    return shutil.which("uv") or shutil.which("uv", path=ROOT / ".uv" / "bin")


def build_wheel(uv: str, to: Path) -> Path:
    """The wheel of this checkout in `to`. Raises `RuntimeError` with what uv said."""
    command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(to), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:  # without a network the build's own needs are still in uv's cache, since `make`
        done = subprocess.run([*command, "--offline"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"uv could not build the wheel: {done.stderr.strip()}")
    return next(to.glob("medtutor-*.whl"))


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of `folder` on 127.0.0.1, and the list of what was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def execute(notebook: Path, python: Path, folder: Path, env: dict[str, str], timeout: float = 600) -> dict:
    """Run a copy of `notebook` in the empty `folder` with the kernel of `python`, and say what that kernel then has.

    {"medtutor": path it was imported from, "cards", "exercises", "lessons": counts, "numpy": version, "packages":
    {name: version}, "outputs": all text that the cells gave, "answers": {exercise: state}}. `env` is added to the
    environment, of which what points to a medtutor elsewhere is left out. Raises nbclient's `CellExecutionError` for
    a cell that fails.
    """
    folder.mkdir(parents=True)
    copy = Path(shutil.copy(notebook, folder))
    content = nbformat.read(copy, as_version=4)
    cells = len(content.cells)
    content.cells.append(nbformat.v4.new_code_cell(PROBE))
    elsewhere = ("PYTHONPATH", "VIRTUAL_ENV", "MEDTUTOR_LESSONS", "MEDTUTOR_RECORD")
    kept = folder.parent / f"{folder.name}-progress.json"
    own = {
        "IPYTHONDIR": str(folder.parent / f"{folder.name}-ipython"),
        "MEDTUTOR_PROGRESS": str(kept),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger of a kernel complains about Python 3.11 and later
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    settings = {name: value for name, value in os.environ.items() if name not in elsewhere} | own | env

    class OfThatPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    client = NotebookClient(content, timeout=timeout, force_raise_errors=True, startup_timeout=120)
    client.km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=OfThatPython())
    with client.setup_kernel(cwd=str(folder), env=settings):
        for index, cell in enumerate(content.cells):
            if cell.cell_type == "code":
                client.execute_cell(cell, index)
    answers = json.loads(kept.read_text(encoding="utf-8"))["exercises"] if kept.exists() else {}
    outputs = _text(content.cells[:cells])
    return json.loads(_text(content.cells[cells:])) | {"outputs": outputs, "answers": answers}


def _text(cells: list[nbformat.NotebookNode]) -> str:
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(one.get("text") or one.get("data", {}).get("text/plain", "") for one in outputs)


def normal(name: str) -> str:
    """The name of a package as the index writes it."""
    return re.sub("[-_.]+", "-", name).lower()


def fresh(uv: str, folder: Path, python: str = sys.executable) -> Path:
    """The Python of a new virtual environment in `folder`, with pip in it, as on Colab."""
    command = [uv, "venv", "--quiet", "--seed", "--python", python, str(folder)]
    if subprocess.run(command, capture_output=True).returncode:  # no network: the pip that Python brings along
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"
