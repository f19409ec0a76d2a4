"""What a student's code may read: what this Python needs for its imports, and no more."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from medtutor import resources
from medtutor.grading.sandbox.syscalls import words

# Shared libraries, time zones, fonts and the devices that give nothing away.
SYSTEM = words("""
/usr/lib /usr/lib32 /usr/lib64 /usr/local/lib /usr/local/lib64 /lib /lib64 /etc/ld.so.cache /etc/alternatives
/etc/localtime /usr/share/zoneinfo /etc/fonts /usr/share/fonts /usr/local/share/fonts /dev/null /dev/zero
/dev/urandom /dev/random
""")
SITES = ("site-packages", "dist-packages")


def readable_paths(*, loaded: bool = True) -> list[Path]:
    """Files and folders for reading, as they are named on this machine (links included), none inside another.

    Of a folder that is on `sys.path` for one project only (an editable install, a checkout) not the folder, but what
    has been imported from it in this process (so ask in the clean one; `loaded=False` leaves that out): the package,
    never the exercises, notebooks, tests or other work beside it. What is to be hidden inside these paths all the
    same is in `hidden_paths`.
    """
    own = {Path(path) for path in SYSTEM}
    own |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own |= {
        Path(prefix) / lib for prefix in (sys.prefix, sys.base_prefix, sys.base_exec_prefix) for lib in ("lib", "lib64")
    }
    own |= {Path(entry) for entry in sys.path if _whole(Path(entry))}
    own |= {resources.PACKAGE, *(path for path in [_datasets()] if path)}
    kept = _outermost(path.absolute() for path in own if path.exists())
    if not loaded:
        return kept
    roots = {root for module in list(sys.modules.values()) for root in _roots_of(module)}
    known = [*kept, *hidden_paths()]
    return _outermost([*kept, *(root for root in roots if root.exists() and not _inside(root, known))])


def hidden_paths() -> list[Path]:
    """Exercises, notebooks, tests and history of medtutor, as far as they are there (real paths)."""
    root = resources.checkout()
    found = [resources.PACKAGE / "_exercises", resources.PACKAGE / "_notebooks"]
    if root:
        found += [root / name for name in ("exercises", "notebooks", "tests", "docs", ".git")]
    return [path.resolve() for path in found if path.exists()]


def real_paths(paths: Iterable[Path]) -> list[Path]:
    """The same files and folders without any link in their names, none inside another."""
    return _outermost(Path(os.path.realpath(path)) for path in paths if os.path.exists(path))


def links_on(path: Path) -> dict[Path, str]:
    """The symbolic links met on the way to what `path` names: where each lies, and its text."""
    links: dict[Path, str] = {}
    todo, at = list(path.parts[1:]), Path("/")
    while todo:
        name = todo.pop(0)
        here = at.parent if name == ".." else at / name
        if not here.is_symlink():
            at = here
            continue
        if here in links:  # round and round
            break
        links[here] = text = os.readlink(here)
        target = Path(text)
        if target.is_absolute():
            at, todo = Path("/"), [*target.parts[1:], *todo]
        else:
            todo = [*target.parts, *todo]
    return links


def open_to_all(paths: Iterable[Path]) -> bool:
    """Whether a user without any right of root or of ours could read these (real) paths."""
    return all(_mode(path, 0o4) and all(_mode(parent, 0o1) for parent in path.parents) for path in paths)


def _mode(path: Path, bit: int) -> bool:
    try:
        return bool(path.stat().st_mode & bit)
    except OSError:
        return False


def _whole(entry: Path) -> bool:
    """Whether an entry of `sys.path` holds nothing but installed packages: a site folder, or an archive."""
    if not entry.is_absolute():
        return False
    sites = {*site.getsitepackages(), site.getusersitepackages()}
    return str(entry) in sites or entry.name in SITES or entry.suffix in (".zip", ".egg", ".whl")


def _datasets() -> Path | None:
    root = resources.checkout()
    return root / "datasets" if root else None


def _roots_of(module: object) -> Iterator[Path]:
    """The folder of a loaded top-level package, or the file of a loaded top-level module."""
    spec = getattr(module, "__spec__", None)
    if spec is None or "." in spec.name or spec.name == "__main__" or not spec.has_location:
        return
    if spec.submodule_search_locations is None:
        yield Path(spec.origin).absolute()
    else:
        yield from (Path(folder).absolute() for folder in spec.submodule_search_locations)


def _inside(path: Path, folders: Iterable[Path]) -> bool:
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda path: (len(path.parts), path)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept
