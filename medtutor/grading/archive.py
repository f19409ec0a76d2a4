"""Folders and zip files as hostile input.

In a folder, links are not followed, and only regular files are taken. Zip files are read member by member, under
limits, into files whose names we choose: nothing of a member's name becomes a path on the disk, so none can leave the
folder ("zip slip"), and links and devices are not made. What cannot be read costs that member only, with a note.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import unicodedata
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from medtutor.errors import DataError, FormatError, StorageError

MEMBERS = 20_000
DEPTH, FILES = 8, 2000  # of one student's folder
NOTEBOOK_BYTES = 20_000_000
FILE_BYTES = 100_000_000
TOTAL_BYTES = 2_000_000_000
# Repeated output makes an honest notebook shrink 100 to 300 times; deflate cannot do more than 1032.
RATIO = 500
RATIO_FROM = 10_000_000  # bytes: below, a bomb does no harm
PARTS, NAME = 16, 1000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Item:
    """Something that was handed in: where it lay (`parts` of its path), and the file that holds it now.

    `path` is None for a folder (`folder`) and for what could not be read (`note` says why). `when` is the time that
    the learning platform or the disk recorded, in seconds since 1970; `rank` orders by age, also where no time can be
    trusted. `own` marks what lay in a student's own archive: its times are the student's word.
    """

    parts: tuple[str, ...]
    path: Path | None = None
    when: float | None = None
    rank: tuple[float, ...] = ()
    note: str = ""
    folder: bool = False
    own: bool = False


@dataclass
class Budget:
    """What may still be unpacked, in bytes, over all archives of one class; and the next file's number."""

    left: int = TOTAL_BYTES
    next: int = 0


def clean(name: str) -> str:
    """A name in Unicode's composed form (macOS hands in decomposed ones), without what UTF-8 cannot write."""
    name = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def ignored(parts: tuple[str, ...]) -> bool:
    """Whether it is what systems leave behind: dot files, `.ipynb_checkpoints`, `__MACOSX`, `__pycache__`."""
    return any(part.startswith(".") or part in ("__MACOSX", "__pycache__", "Thumbs.db") for part in parts)


def limit_of(name: str) -> int:
    """The most bytes that a file of this name may have."""
    return NOTEBOOK_BYTES if name.lower().endswith(".ipynb") else FILE_BYTES


def walk(root: Path) -> list[Item]:
    """Everything below a folder but what systems leave behind; links and devices with a note, and not followed."""
    items: list[Item] = []
    count: Counter[str] = Counter()
    waiting: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    while waiting:
        folder, above = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if not above:
                raise DataError(f"{folder} cannot be read: {error.strerror}.") from None
            items.append(Item(above, note=f"{'/'.join(above)} cannot be read ({error.strerror}).", folder=True))
            continue
        for entry in entries:
            parts = (*above, clean(entry.name))
            if ignored((entry.name,)):
                continue
            count[parts[0]] += len(parts) > 1
            if count[parts[0]] > FILES:
                if count[parts[0]] == FILES + 1:
                    items.append(Item(parts, note=f"More than {FILES} files; the rest was left out."))
                continue
            try:
                told = entry.stat(follow_symlinks=False)
            except OSError as error:
                items.append(Item(parts, note=f"{'/'.join(parts)} cannot be read ({error.strerror})."))
                continue
            if stat.S_ISDIR(told.st_mode):
                items.append(Item(parts, folder=True))
                if len(parts) <= DEPTH:
                    waiting.append((Path(entry.path), parts))
                continue
            note = ""
            if not stat.S_ISREG(told.st_mode):
                note = f"{'/'.join(parts)} is a link or a device, not a file."
            elif told.st_size > limit_of(parts[-1]):
                note = f"{'/'.join(parts)} is larger than {limit_of(parts[-1]) // 1_000_000} MB."
            items.append(Item(parts, None if note else Path(entry.path), told.st_mtime, (told.st_mtime,), note))
    return items


def unpack(archive: Path, to: Path, budget: Budget, members: int = MEMBERS) -> list[Item]:
    """Unpack a zip file into numbered files in `to`. Raises `FormatError` where the archive as a whole is unusable."""
    if _directory_bytes(archive) > members * 512:
        raise FormatError(f"{archive.name} lists more than {members} files; hand in less, or unpack it yourself.")
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
            if len(infos) > members:
                raise FormatError(f"{archive.name} holds {len(infos)} files, more than {members}.")
            named = [(info, *_parts(info)) for info in infos]
            named = [(info, parts, wrong) for info, parts, wrong in named if parts and not ignored(parts)]
            last = {(parts, _is_folder(info)): place for place, (info, parts, _) in enumerate(named)}
            items: dict[int, Item] = {}
            # The small ones first: what one student packs too large is not to take the room of others.
            for place in sorted(last.values(), key=lambda place: (named[place][0].file_size, place)):
                items[place] = _member(opened, *named[place], to, budget)
            for place, (info, parts, _) in enumerate(named):
                kept = last[parts, _is_folder(info)]
                if kept != place and not items[kept].folder and not items[kept].note:
                    note = f"{'/'.join(parts)} is in the archive more than once; the last one counts."
                    items[kept] = replace(items[kept], note=note)
            return [items[place] for place in sorted(items)]
    except (FormatError, StorageError):
        raise
    except Exception as error:  # zipfile raises many kinds for damaged archives, and none of them may end the batch
        raise FormatError(f"{archive.name} is no zip file that can be read ({type(error).__name__}).") from None


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.is_dir() or info.filename.endswith("\\")


def _member(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...], wrong: str, to: Path, budget: Budget
) -> Item:
    """One member, unpacked; with a note where it cannot be."""
    when, rank = _times(info)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not wrong and _is_folder(info):
        return Item(parts, rank=rank, folder=True)
    limit = limit_of(parts[-1])
    if wrong:
        pass
    elif kind not in (0, stat.S_IFREG):
        wrong = "is a link or a device, not a file"
    elif info.flag_bits & 0x1:
        wrong = "is encrypted"
    elif info.file_size > limit:
        wrong = f"is larger than {limit // 1_000_000} MB"
    elif info.file_size > RATIO_FROM and info.file_size > RATIO * max(info.compress_size, 1):
        wrong = f"is packed more than {RATIO} times, as only an archive made to do harm is"
    elif info.file_size > budget.left:
        wrong = f"is left out: all that was handed in unpacks to more than {TOTAL_BYTES // 1_000_000_000} GB"
    if wrong:
        return Item(parts, rank=rank, note=f"{'/'.join(parts)} {wrong}.")
    budget.next += 1
    path = to / f"{budget.next:06d}{'.ipynb' if limit == NOTEBOOK_BYTES else ''}"
    try:
        target = open(path, "xb")  # noqa: SIM115 (closed below; an error here is the disk's)
    except OSError as error:
        raise StorageError(f"{to} cannot be written: {error.strerror or error}.") from error
    with target:
        try:
            with opened.open(info) as source:
                while chunk := source.read(_CHUNK):  # no more than file_size, whatever the data say
                    budget.left -= len(chunk)
                    _write(target, chunk)
        except StorageError:
            raise
        except Exception as error:  # a wrong checksum, an unknown method, broken data: zlib, lzma and struct errors
            wrong = f"cannot be unpacked ({type(error).__name__})"
    if wrong:
        path.unlink()
        return Item(parts, rank=rank, note=f"{'/'.join(parts)} {wrong}.")
    return Item(parts, path, when, rank)


def _write(target, chunk: bytes) -> None:
    try:
        target.write(chunk)
    except OSError as error:
        raise StorageError(f"{target.name} cannot be written: {error.strerror or error}.") from error


def _parts(info: zipfile.ZipInfo) -> tuple[tuple[str, ...], str]:
    """The parts of a member's name, fit to show, and what is wrong with it ("" where nothing is)."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:  # not said to be UTF-8, and read as cp437; many programs write UTF-8 all the same
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    wrong = ""
    if len(name) > NAME or name.count("/") + name.count("\\") > PARTS:
        wrong, name = "has a name that is too long or too deep", name[:80]
    elif "\0" in name:
        wrong = "has a name with a NUL character"
    slashed = name.replace("\0", "\ufffd").replace("\\", "/")
    parts = tuple(clean(part) for part in slashed.split("/") if part not in ("", "."))
    if slashed.startswith("/") or ".." in parts or (len(slashed) > 1 and slashed[1] == ":"):
        wrong = wrong or "has a name that leads out of the archive"
        # Kept for the note: shown without what makes it a path.
        parts = tuple(part.replace(":", "") for part in parts if part != "..")
        return (parts or ("(no name)",)), wrong
    return parts, wrong


def _times(info: zipfile.ZipInfo) -> tuple[float | None, tuple[float]]:
    """The member's time in seconds since 1970 where it is told in UTC, else None; and what orders by age."""
    when, extra = None, info.extra
    while len(extra) >= 4:
        tag, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if tag == 0x5455 and len(field) >= 5 and field[0] & 1:  # "extended timestamp": seconds in UTC
            when = float(struct.unpack("<i", field[1:5])[0])
    if when is not None:
        return when, (when,)
    try:  # MS-DOS time: local to whoever packed it, so good for an order only
        return None, (datetime(*info.date_time, tzinfo=UTC).timestamp(),)
    except ValueError:
        return None, (0.0,)


def _directory_bytes(archive: Path) -> int:
    """The size of the archive's list of members, before `zipfile` reads all of it into memory; 0 where none is found.

    It finds the end record as `zipfile` does, that of Zip64 included.
    """
    try:
        with open(archive, "rb") as file:
            file.seek(0, 2)
            size = file.tell()
            begin = max(0, size - 65_557 - 76)  # the longest comment, the end record, and Zip64's two before it
            file.seek(begin)
            tail = file.read()
    except OSError as error:
        raise FormatError(f"{archive.name} cannot be read ({error.strerror}).") from None
    plain = len(tail) - 22
    end = plain if tail[plain : plain + 4] == b"PK\x05\x06" and tail[-2:] == b"\0\0" else tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        return 0
    if end >= 76 and tail[end - 20 : end - 16] == b"PK\x06\x07" and tail[end - 76 : end - 72] == b"PK\x06\x06":
        return struct.unpack("<Q", tail[end - 76 + 40 : end - 76 + 48])[0]
    return struct.unpack("<I", tail[end + 12 : end + 16])[0]
