"""Writes the requirement lists that are derived from pyproject.toml: environment.yml and binder/.

Usage: python scripts/requirements.py [--check]. With --check nothing is written; drift ends with exit status 1.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTE = "# Generated from pyproject.toml by scripts/requirements.py; do not edit.\n"
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
PIP_ONLY = {"medmnist"}  # taken from PyPI
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


def lists(root: Path = ROOT) -> dict[str, str]:
    """Path (relative to the root) to content of every generated list."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needed = sorted(project["dependencies"] + project["optional-dependencies"]["lab"])
    known_good = dict(line.split("==") for line in (root / "constraints.txt").read_text().splitlines() if "==" in line)
    return {
        "environment.yml": _conda(needed),
        "binder/requirements.txt": _binder(needed, known_good),
        "binder/runtime.txt": "python-3.11\n",
        "binder/postBuild": "#!/bin/bash\n" + NOTE + "set -e\npip install --no-cache-dir --no-deps --editable .\n",
    }


def _conda(needed: list[str]) -> str:
    conda, pip = [], []
    for requirement in needed:
        name, bound = re.match(r"([\w.-]+)(.*)", requirement).groups()
        if name in PIP_ONLY:
            pip.append(requirement)
        else:
            conda.append(f"{CONDA_NAMES.get(name, name)}{bound}")
    lines = ["name: medtutor", "channels:", "  - conda-forge", "  - nodefaults", "dependencies:"]
    lines += [f"  - {entry}" for entry in ("python>=3.11,<3.14", *sorted(conda), "pip")]
    lines += ["  - pip:", *(f"      - {entry}" for entry in pip), "      - --editable ."]
    return NOTE + "\n".join(lines) + "\n"


def _binder(needed: list[str], known_good: dict[str, str]) -> str:
    # Binder has no GPU and 2 GB: the CPU builds, both from one place. medtutor itself comes in postBuild, so that a
    # change of text does not build the environment anew.
    lines = [f"--extra-index-url {CPU_WHEELS}"]
    for requirement in needed:
        name = re.match(r"[\w.-]+", requirement).group()
        lines.append(f"{name}=={known_good[name]}+cpu" if name in ("torch", "torchvision") else requirement)
    return NOTE + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    drifted = []
    for name, content in lists().items():
        path = ROOT / name
        if path.exists() and path.read_text() == content:
            continue
        drifted.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
            if name.endswith("postBuild"):
                path.chmod(0o755)
    if drifted and "--check" in arguments:
        print(f"differs from pyproject.toml: {', '.join(drifted)}; run python scripts/requirements.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
