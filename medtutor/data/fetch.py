"""Where the files of a data set are: the user's folders, the cache, then the sources on the card (lesson 2).

`MEDTUTOR_DATA` names folders (separated as in PATH; empty: none), `MEDTUTOR_CACHE` the cache, `MEDTUTOR_MIRROR` the
address of a classroom server that is asked before the publisher, and `MEDTUTOR_OFFLINE=1` forbids the network.
All of them have one layout: `medmnist/<name>.npz`, `msd/Task04_Hippocampus/`, `bccd/` and so on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from medtutor.data import digests, disk
from medtutor.data import unpack as archives
from medtutor.data.cards import Card, File
from medtutor.data.cards import card as card_named
from medtutor.errors import CorruptFileError, DataError, FormatError, MedtutorError, UnreachableError, unknown


@dataclass(frozen=True)
class Found:
    """A file, or the folder of an unpacked archive, with where it came from: "folder", "cache" or "download".

    `notes` are sentences for the user, such as that a file in a folder is not byte for byte the publisher's.
    """

    path: Path
    source: str
    notes: tuple[str, ...] = ()


def cache_folder() -> Path:
    """Where downloads are kept: `MEDTUTOR_CACHE`, else the user's cache folder of the system."""
    named = os.environ.get("MEDTUTOR_CACHE", "").strip()
    if named:
        return Path(named).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("medtutor"))


def data_folders() -> list[Path]:
    """The user's own folders of data, in order. Raises `DataError` for one that does not exist."""
    named = [name.strip() for name in os.environ.get("MEDTUTOR_DATA", "").split(os.pathsep)]
    folders = [Path(name).expanduser().absolute() for name in named if name]
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"MEDTUTOR_DATA names the folder {folder}, which does not exist; correct or unset it.")
    return folders


def find(card: Card | str, key: str) -> Found | None:
    """The file `key` of a data set in the user's folders or the cache, or None; never the network.

    In a user's folder a file with another hash than the publisher's is used, with a note. Raises `CorruptFileError`
    for a file in the cache that has been cut or changed.
    """
    card, file = _lookup(card, key)
    for folder in data_folders():
        path = _place(folder, file)
        if path.exists():
            return Found(path, "folder", _differences(file, path))
    path = _place(cache_folder(), file)
    if not path.exists():
        return None
    _check(card, file, path)
    return Found(path, "cache")


def fetch(card: Card | str, key: str, *, to: str | Path | None = None, progress: bool | None = None) -> Found:
    """The file `key` of a data set, downloaded into the cache where it is nowhere yet.

    `to` names a folder to put it in instead, in the layout of `MEDTUTOR_DATA`; what is in another folder or in the
    cache is copied there. Size and place are said first, with a bar on stderr, unless `progress` is False. Safe when
    several processes ask at once, and after a cut or a kill it goes on where it was.

    Raises `UnreachableError` (no source answers within 10 s, or `MEDTUTOR_OFFLINE=1`), `CorruptFileError` (wrong
    hash, or a cut or changed file in the cache that cannot be fetched anew), `FormatError` (a broken archive),
    `StorageError` (disk full, folder read-only).
    """
    card, file = _lookup(card, key)
    damaged = found = None
    try:
        found = find(card, key)
    except CorruptFileError as error:
        damaged = error
    if to is None:
        return found or _obtain(card, file, cache_folder(), progress, damaged)
    root = Path(to).expanduser().absolute()
    path = _place(root, file)
    try:
        if path.exists():
            _check(card, file, path)
            return Found(path, "folder")
        damaged = None
    except CorruptFileError as error:
        if found and found.path == path:  # a folder of the user: theirs to keep
            return found
        damaged = error
    if found is None or found.path == path:
        return _obtain(card, file, root, progress, damaged)
    with disk.explained(root), disk.alone(root, file.path):
        disk.copy(found.path, path)
        record = digests.record_of(found.path)
        if record.exists():
            disk.copy(record, digests.record_of(path))
    return replace(found, path=path)


def default_keys(card: Card, every_size: bool = False) -> list[str]:
    """What `fetch_many` gets of a set: of files in several sizes the smallest, else every file."""
    by_size = [str(size) for size in sorted(card.sizes) if str(size) in card.files]
    return by_size[:1] if by_size and not every_size else list(card.files)


def fetch_many(
    names: Iterable[str],
    keys: Iterable[str] | None = None,
    to: str | Path | None = None,
    every_size: bool = False,
    progress: bool | None = None,
) -> list[tuple[str, str, Found | MedtutorError]]:
    """Fetch several data sets, also to a folder or USB stick: (name, key, `Found` or the error) for each file.

    One that fails does not stop the others. The size of all is said first. Raises `UnknownNameError` for a name or
    key that does not exist, before anything is fetched.
    """
    cards = list({c.name: c for c in (card_named(name) for name in names)}.values())
    wanted = None if keys is None else list(map(str, keys))
    jobs = [_lookup(card, key) for card in cards for key in wanted or default_keys(card, every_size)]
    if progress is not False:
        print(_overview(jobs, None if to is None else Path(to).expanduser().absolute()), file=sys.stderr)
    results: list[tuple[str, str, Found | MedtutorError]] = []
    for card, file in jobs:
        try:
            results.append((card.name, file.key, fetch(card, file.key, to=to, progress=progress)))
        except MedtutorError as error:
            results.append((card.name, file.key, error))
    return results


def _overview(jobs: list[tuple[Card, File]], to: Path | None) -> str:
    roots = [*data_folders(), cache_folder(), *([to] if to else [])]
    missing = [file for _, file in jobs if file.urls and not any(_place(root, file).exists() for root in roots)]
    known = sum(file.bytes or 0 for file in missing)
    unstated = sum(file.bytes is None for file in missing)
    size = disk.size_text(known) + (f" and {unstated} whose size only the source knows" if unstated else "")
    files = f"{len(jobs)} file{'s' if len(jobs) != 1 else ''}"
    return f"{files} to {disk.short(to or cache_folder())}; to download: {len(missing)}, {size}"


def _lookup(card: Card | str, key: str) -> tuple[Card, File]:
    card = card if isinstance(card, Card) else card_named(card)
    if str(key) not in card.files:
        raise unknown(f"file of {card.name}", key, card.files)
    return card, card.files[str(key)]


def _place(root: Path, file: File) -> Path:
    return root / (file.unpacked or file.path)


def _differences(file: File, path: Path) -> tuple[str, ...]:
    """Notes on a file in a user's folder that is not what the publisher gives."""
    if path.is_dir():
        problem = archives.damage(path)
        return (f"{path} is not as it was unpacked: {problem}.",) if problem else ()
    known = digests.expected(file, path)
    got = known and digests.digest(path, known[0], cache_folder())
    if not known or got == known[1]:
        return ()
    whose = "the publisher's" if file.algorithm else "the one first downloaded"
    return (f"{path} is not byte for byte {whose} (expected {known[0]} {known[1]}, got {got}); it is used as it is.",)


def _check(card: Card, file: File, path: Path) -> None:
    """`CorruptFileError` where a file of ours has been cut or changed since it was downloaded."""
    if path.is_dir():
        problem = archives.damage(path)
        problem = problem and f"{path} has been changed: {problem}"
    else:
        known = digests.expected(file, path)
        if known is None:  # its record was lost: from now on it counts
            known = ("sha256", digests.digest(path, "sha256", cache_folder()))
            with suppress(OSError):
                digests.record(path, known[1])
        got = digests.digest(path, known[0], cache_folder())
        cut = f" ({path.stat().st_size} of {file.bytes} bytes)" if file.bytes else ""
        problem = got != known[1] and f"{path} has been cut or changed: expected {known[0]} {known[1]}, got {got}{cut}"
    if problem:
        raise CorruptFileError(f"{problem}. Delete it, and run `medtutor fetch {card.name}` with a network.")


def _obtain(card: Card, file: File, root: Path, progress: bool | None, damaged: CorruptFileError | None) -> Found:
    """Download, check and unpack into `root`. A damaged file stays, and stays an error, until a whole one is there."""
    target, path = _place(root, file), root / file.path
    if not file.urls:
        raise damaged or UnreachableError(
            f"{card.name} has no direct download; get it at {card.homepage}, put it at {file.unpacked or file.path} in "
            "a folder of yours, and set MEDTUTOR_DATA to that folder."
        )
    from medtutor.data.download import download, offline, unreachable

    if offline() and not (file.archive and _whole(file, path)):
        raise damaged or unreachable(card, path.name, "MEDTUTOR_OFFLINE is set")
    with disk.explained(root), disk.alone(root, file.path):
        if target.exists():
            try:
                _check(card, file, target)  # another process may have brought it while we waited
                return Found(target, "cache")
            except CorruptFileError as error:
                damaged = error
        try:
            notes = download(card, file, path, progress=progress)
        except UnreachableError as error:
            if damaged:
                raise damaged from error
            raise
        if file.archive:
            _unpack(file, path, target)
        elif known := digests.expected(file, path):
            digests.remember(path, *known, cache_folder())
    if damaged:
        notes = (*notes, f"{target} had been cut or changed and was downloaded again.")
    return Found(target, "download", notes)


def _whole(file: File, path: Path) -> bool:
    """Whether a downloaded archive lies there still, because its unpacking was interrupted."""
    known = digests.expected(file, path)
    return bool(known) and path.is_file() and digests.digest(path, known[0], cache_folder()) == known[1]


def _unpack(file: File, path: Path, target: Path) -> None:
    try:
        archives.unpack(path, file.archive, target)
    except FormatError:
        if not file.algorithm:  # cut, and no hash could tell: else it would be taken for the right one for ever
            path.unlink()
            digests.record_of(path).unlink(missing_ok=True)
        raise
    path.unlink()
