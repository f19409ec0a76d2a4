"""Downloads: the sources of a file, asked in order, and the errors that say what to do.

pooch compares the hash and moves the file into place; `resume.Resuming` is its downloader.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch

from medtutor.data import digests, resume
from medtutor.data.cards import Card, File
from medtutor.data.disk import size_text
from medtutor.data.resume import NoAnswer, Resuming, host
from medtutor.errors import CorruptFileError, DataError, UnreachableError


def offline() -> bool:
    """Whether `MEDTUTOR_OFFLINE` forbids the network."""
    return os.environ.get("MEDTUTOR_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def sources(file: File) -> list[str]:
    """The addresses of a file in the order in which they are asked: `MEDTUTOR_MIRROR`, then those of the card."""
    mirror = os.environ.get("MEDTUTOR_MIRROR", "").strip()
    if not mirror:
        return list(file.urls)
    if not mirror.startswith(("http://", "https://")):
        raise DataError(f"MEDTUTOR_MIRROR should begin with http:// or https://, got {mirror!r}.")
    return [f"{mirror.rstrip('/')}/{file.path}", *file.urls]


def download(card: Card, file: File, path: Path, *, progress: bool | None = None) -> tuple[str, ...]:
    """Download a file to `path`, from the first source whose bytes have the right hash; notes for the user.

    Raises `UnreachableError` where no source gives it, `CorruptFileError` where the hash is wrong, `OSError` or
    `StorageError` where it cannot be written. Call it under a lock. What has come is kept, unless it is wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    known = digests.expected(file, path)
    failed: list[str] = []
    wrong: list[str] = []
    urls = sources(file)
    end = time.monotonic() + resume.REACH_S
    reached = False
    for index, url in enumerate(urls):
        # Silent sources share the ten seconds. Once one has answered, each has them anew.
        wait = resume.REACH_S if reached else max(0.1, (end - time.monotonic()) / (len(urls) - index))
        for again in (False, True):
            get = Resuming(part, known, wait=wait, size=file.bytes, progress=progress)
            try:
                with _quiet_pooch():
                    pooch.retrieve(url, known and ":".join(known), fname=path.name, path=path.parent, downloader=get)
            except NoAnswer as error:
                failed.append(f"{host(url)}: {error}")
            except ValueError as error:  # pooch: a wrong hash
                if not get.digest:
                    raise
                if get.resumed and not again:
                    continue  # perhaps two versions were joined: once more from the start
                wrong.append(_wrong(path, url, known, get, error))
            else:
                if known is None and get.digest:
                    digests.record(path, get.digest.hexdigest())
                return tuple(wrong)
            break
        reached = reached or get.answered
    if wrong:
        where = digests.record_of(path)
        accept = "" if file.algorithm else f" If the publisher has changed the file, delete {where} and fetch it again."
        raise CorruptFileError(
            f"{' '.join(wrong)} What came was deleted; run `medtutor fetch {card.name}` again, and if that does not "
            f"help, look at {card.homepage} for a new version.{accept}"
        )
    kept = part.stat().st_size if part.exists() else 0
    keep = f" The {size_text(kept)} that have come are kept, and the next try goes on from there." if kept else ""
    raise unreachable(card, path.name, "; ".join(failed), keep)


def unreachable(card: Card, name: str, why: str, more: str = "") -> UnreachableError:
    """The error for a file that no source gives, with what to do."""
    return UnreachableError(
        f"{name} is in no folder of MEDTUTOR_DATA and not in the cache, and could not be downloaded ({why}).{more} Run "
        f"`medtutor fetch {card.name}` with a network, or `medtutor fetch {card.name} --to DIR` on another machine and "
        "set MEDTUTOR_DATA to a copy of DIR."
    )


def _wrong(path: Path, url: str, known: tuple[str, str], get: Resuming, error: ValueError) -> str:
    page = " It looks like a web page: perhaps this network asks you to log in first." if get.web_page else ""
    got = get.digest.hexdigest()
    if got == known[1]:  # right when it came, wrong when read again
        page, got = " It changed on the way to the disk.", str(error)
    return f"{path.name} from {host(url)} is not the file expected: expected {known[0]} {known[1]}, got {got}.{page}"


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    log = pooch.get_logger()
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
