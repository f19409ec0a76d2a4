"""`make test-colab`: the lessons' kernel side beside what Google Colab has preinstalled, at the smoke budget.

Usage: python scripts/colab.py VENV [LESSON ...] [--python PATH]. Makes VENV anew with the versions of
constraints-colab.txt and without what Colab lacks. Each lesson's solution notebook then
opens alone in an empty folder, its setup cell installs what is missing with pip, and it runs to its end. No version
that was there before may have moved. Real images are used where MEDTUTOR_DATA names them. Every lesson if none named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import alone

from medtutor.course import lesson, lessons
from medtutor.course.build import as_bytes, build, notebook_path
from medtutor.course.exercise_cells import ids

LIST = alone.ROOT / "constraints-colab.txt"
# on Colab too, in a version that our copy of its list does not name: the newest that fits
MORE = ["filelock", "pandas", "pillow", "pooch", "requests", "scikit-learn", "scipy", "tqdm", "typer"]
# not on Colab; the last two come along with an old ipywidgets here, and nothing in a kernel may need them
ABSENT = ["captum", "medmnist", "medtutor", "monai", "pydicom", "jupyterlab", "notebook"]


def environment(uv: str, folder: Path, python: str) -> Path:
    """Make the environment in `folder` anew, and return its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing what Colab has into {folder} (about 6 GB with the GPU build of PyTorch) ...", flush=True)
    made = alone.fresh(uv, folder, python)
    names = [line.split("==")[0] for line in LIST.read_text().splitlines() if "==" in line]
    install = [uv, "pip", "install", "--quiet", "--python", str(made), "--constraint", str(LIST)]
    subprocess.run([*install, *names, *MORE], check=True)
    return made


def remove(uv: str, python: Path, names: list[str]) -> None:
    """Uninstall those of `names` that are installed beside `python`."""
    subprocess.run([uv, "pip", "uninstall", "--quiet", "--python", str(python), *names], check=True)


def versions(uv: str, python: Path) -> dict[str, str]:
    """Name to version of what is installed beside `python`."""
    command = [uv, "pip", "list", "--quiet", "--format", "freeze", "--python", str(python)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {alone.normal(name): version for name, _, version in (line.partition("==") for line in lines)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path)
    parser.add_argument("lessons", nargs="*")
    parser.add_argument("--python", default="3.13", help="Colab's version, or a path")
    parser.add_argument("--keep", action="store_true", help="use VENV as it is, if it is there")
    arguments = parser.parse_args()
    uv = alone.find_uv()
    if uv is None:
        sys.exit("uv is missing; make puts it into .uv")
    python = arguments.venv.absolute() / "bin" / "python"
    if not (arguments.keep and python.exists()):
        python = environment(uv, arguments.venv.absolute(), arguments.python)
    remove(uv, python, ABSENT)
    before = versions(uv, python)
    wanted = [lesson(name) for name in arguments.lessons] or lessons()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="medtutor-colab-") as name:
        folder = Path(name)
        wheel = alone.build_wheel(uv, folder / "wheel")
        with alone.served(wheel.parent) as (address, _):
            for one in wanted:
                env = {"MEDTUTOR_WHEEL": f"{address}/{wheel.name}", "MEDTUTOR_BUDGET": "smoke"}
                if os.environ.get("MEDTUTOR_DATA"):
                    env["MEDTUTOR_DATA"] = os.path.abspath(os.environ["MEDTUTOR_DATA"])
                # as on Colab: each notebook gets a machine on which nothing of the course is installed yet
                if added := [name for name in versions(uv, python) if name not in before]:
                    remove(uv, python, added)
                notebook = folder / notebook_path(one).name
                failed += not run(one, notebook, python, folder / f"empty-{one.number}", env, before)
    return failed


def run(one, notebook: Path, python: Path, folder: Path, env: dict[str, str], before: dict[str, str]) -> bool:
    """Run one lesson and say how it went in one line."""
    started = time.perf_counter()
    try:
        notebook.write_bytes(as_bytes(build(one, "solution")))
        has = alone.execute(notebook, python, folder, env)
    except Exception as error:  # whatever it was, the other lessons still run
        print(f"{one}: FAILED: {error}", flush=True)
        return False
    moved = {name: (old, has["packages"].get(name)) for name, old in before.items() if has["packages"].get(name) != old}
    added = sorted(f"{name} {version}" for name, version in has["packages"].items() if name not in before)
    answered = list(has["answers"].values()).count("correct")
    exercises = len(ids(one.path.read_text(encoding="utf-8")))
    print(f"{one}: {time.perf_counter() - started:.0f} s; {answered} of {exercises} exercises correct", flush=True)
    print(f"  installed {', '.join(added)}; changed {moved or 'nothing'}", flush=True)
    return not moved and answered == exercises


if __name__ == "__main__":
    sys.exit(main())
