"""Where the cards, lessons and exercises lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from medtutor.errors import MedtutorError

PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The root of the source checkout that this package is imported from, or None for an installed wheel."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "datasets").is_dir() else None


def folder(name: str) -> Path:
    """The folder `datasets`, `notebooks` or `exercises`.

    Raises `MedtutorError` where the installation is incomplete.
    """
    root = checkout()
    found = root / name if root else PACKAGE / f"_{name}"
    if not found.is_dir():
        raise MedtutorError(f"The folder {name!r} is missing from this installation of medtutor; install it again.")
    return found
