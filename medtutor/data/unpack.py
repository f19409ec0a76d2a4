"""Archives: unpacked whole or not at all, and never outside their folder.

Only plain files and folders are taken. What an archive wants beyond that (a path that leads out, a link, a device)
is an error. `.medtutor.json` in the folder keeps size and hash of every file, so that a loss is noticed later.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from medtutor.data.disk import check_space
from medtutor.errors import FormatError

MANIFEST = ".medtutor.json"
BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


def unpack(archive: Path, kind: str, target: Path) -> None:
    """Unpack a "tar" (also compressed) or "zip" so that its content lies in the folder `target`.

    A single folder that holds all the rest is stepped into; what macOS adds is left out. A killed process leaves at
    most a hidden folder, removed by the next try. Call it under a lock. Raises `FormatError` for an archive that is
    damaged or wants to write elsewhere; `OSError` where the disk is full.
    """
    work = target.with_name(f".{target.name}.unpacking")
    old = target.with_name(f".{target.name}.old")
    for left in (work, old):
        shutil.rmtree(left, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        check_space(target.name, _room(archive, kind), work)
        members = _tar(archive) if kind == "tar" else _zip(archive)
        files = _write(members, archive.name, work)
    except BROKEN as error:
        shutil.rmtree(work, ignore_errors=True)
        raise FormatError(f"{archive} is not a {kind} archive that can be read: {error}.") from error
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    if not files:
        shutil.rmtree(work)
        raise FormatError(f"{archive} holds no file.")
    content = work
    top = list(work.iterdir())
    if len(top) == 1 and top[0].is_dir():
        content = top[0]
        files = {name.partition("/")[2]: facts for name, facts in files.items()}
    (content / MANIFEST).write_text(json.dumps(files, indent=0), encoding="utf-8")
    if target.exists():
        target.rename(old)
    content.rename(target)
    for left in (work, old):
        shutil.rmtree(left, ignore_errors=True)


def _room(archive: Path, kind: str) -> int:
    """Bytes that the content needs; of a compressed tar, which does not say, at least as much as the archive."""
    if kind == "tar":
        return archive.stat().st_size
    with zipfile.ZipFile(archive) as opened:
        return sum(member.file_size for member in opened.infolist())


def _tar(path: Path) -> Iterator[tuple[str, str, IO[bytes] | None]]:
    """(name, "file" or "folder" or "other", stream) of each member."""
    with tarfile.open(path) as archive:
        for member in archive:
            kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
            yield member.name, kind, archive.extractfile(member) if kind == "file" else None


def _zip(path: Path) -> Iterator[tuple[str, str, IO[bytes] | None]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if stat.S_ISLNK(member.external_attr >> 16):
                yield member.filename, "other", None
            elif member.is_dir():
                yield member.filename, "folder", None
            else:
                with archive.open(member) as stream:
                    yield member.filename, "file", stream


def _write(members: Iterator[tuple[str, str, IO[bytes] | None]], archive: str, folder: Path) -> dict[str, list]:
    """Write all files under `folder`; {name: [size, time of change in ns, sha256]}."""
    files = {}
    for name, kind, stream in members:
        parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
        if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name):
            raise FormatError(f"{archive} holds {name!r}, which leads out of its folder; nothing was unpacked.")
        if "__MACOSX" in parts or (parts and (parts[-1].startswith("._") or parts[-1] == ".DS_Store")):
            continue
        if kind == "other":
            raise FormatError(f"{archive} holds the link or device {name!r}; nothing was unpacked.")
        path = folder.joinpath(*parts)
        if kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("wb") as out:
            while chunk := stream.read(1 << 18):
                digest.update(chunk)
                out.write(chunk)
        state = path.stat()
        files["/".join(parts)] = [state.st_size, state.st_mtime_ns, digest.hexdigest()]
    return files


def damage(folder: Path) -> str | None:
    """What is missing, cut or changed in an unpacked folder: "file: expected .., got ..", or None.

    A file whose size and time of change are as they were is not read. None too for a folder without a manifest.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        items = [(name, *facts) for name, facts in files.items()]
        assert all(len(item) == 4 for item in items)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, TypeError, AssertionError):
        return f"{MANIFEST}: expected the list of files, got something else"
    for name, size, changed, digest in items:
        try:
            state = os.stat(folder / name)
        except OSError:
            return f"{name}: expected {size} bytes, got no file"
        if state.st_size != size:
            return f"{name}: expected {size} bytes, got {state.st_size}"
        if state.st_mtime_ns != changed:
            with open(folder / name, "rb") as stream:
                got = hashlib.file_digest(stream, "sha256").hexdigest()
            if got != digest:
                return f"{name}: expected sha256 {digest}, got {got}"
    return None
