"""A downloader for pooch that goes on after a cut.

What has come lies in `<name>.part`, and `<name>.part.json` says of which version; the next try, also of another
process, asks for the rest only.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from medtutor.data.disk import check_space, short, size_text

STALL_S = 10.0  # a connection on which nothing comes any more
SILENT_S = 60.0  # a source that gave no answer is not asked again for this long: three splits do not wait three times
REACH_S = 10.0  # until the first byte, over all sources together
TRIES = 3  # cuts in a row that bring next to nothing (less than a chunk), before the next source is asked
PAUSE_S = 1.0
CHUNK = 1 << 15

_silent: dict[str, float] = {}


class NoAnswer(Exception):
    """A source that does not give the file; the text says why."""


class _Cut(Exception):
    """A connection that ended early: worth going on from here."""


def host(url: str) -> str:
    """The server of an address, with its port."""
    return urlsplit(url).netloc


class Resuming:
    """A downloader for pooch: `part` grows until it is whole, over cuts, and then becomes the output file.

    `known` is (algorithm, hash) or None. Without a known hash only bytes of the very same version are joined. `wait`
    is the longest time in seconds until the server answers.
    """

    def __init__(self, part: Path, known: tuple[str, str] | None, *, wait: float, size: int | None = None,
                 progress: bool | None = None):  # fmt: skip
        self.part, self.known, self.wait, self.size, self.progress = part, known, wait, size, progress
        self.facts = part.with_name(f"{part.name}.json")
        self.digest = None  # of all bytes, once they are there
        self.answered = self.resumed = self.web_page = self._said = False

    def __call__(self, url: str, output_file: str, _pooch: object = None) -> None:
        """Called by pooch. Raises `NoAnswer`, or `OSError` where the file cannot be written."""
        if time.monotonic() - _silent.get(host(url), -SILENT_S) < SILENT_S:
            raise NoAnswer("no answer less than a minute ago")
        Path(output_file).unlink(missing_ok=True)  # else pooch's empty file would stay when we are killed
        most, failures = self._have(), 0
        while True:
            try:
                self._go_on(url)
                break
            except _Cut as cut:
                failures = failures + 1 if self._have() < most + CHUNK else 0
                most = max(most, self._have())
                if failures >= TRIES:
                    raise NoAnswer(str(cut)) from cut
                time.sleep(PAUSE_S * failures)
        os.replace(self.part, output_file)
        self.facts.unlink(missing_ok=True)

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.facts.unlink(missing_ok=True)

    def _go_on(self, url: str) -> None:
        """One connection: ask for what is missing and write it down."""
        have, facts = self._have(), _read_facts(self.facts)
        same = facts.get("url") == url
        if have and not self.known and not (same and facts.get("version")):
            have = 0
        if have and have == facts.get("total"):  # killed between the last byte and the move
            self._hash(have)
            return
        headers = {"Accept-Encoding": "identity", "User-Agent": "medtutor (a teaching toolkit)"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if same and facts.get("version"):
                headers["If-Range"] = facts["version"]
        try:
            response, first = _ask(url, headers, REACH_S if self.answered else self.wait)
        except NoAnswer as error:
            if self.answered:  # it did a moment ago: worth another try
                raise _Cut(str(error)) from error
            _silent[host(url)] = time.monotonic()
            raise
        self.answered = True
        try:
            total = _total(response, have)
            fits = response.status_code == 206 and total is not None and facts.get("total") in (None, total)
            if response.status_code == 416 or (response.status_code == 206 and not fits):
                self._forget()  # the file at the server is another one
                raise _Cut("the file at the server has changed, and it does not give the new one")
            if response.status_code == 429 or response.status_code >= 500:
                raise _Cut(f"answered {response.status_code} {response.reason}")
            if response.status_code not in (200, 206):
                raise NoAnswer(f"answered {response.status_code} {response.reason}")
            if response.status_code == 200:
                have = 0
            self.resumed = self.resumed or have > 0
            check_space(self.part.stem, (total or self.size or 0) - have, self.part.parent)
            self._write(url, response, first, have, total)
        finally:
            response.close()

    def _hash(self, have: int) -> None:
        if have:
            with self.part.open("rb") as stream:
                self.digest = hashlib.file_digest(stream, self.known[0] if self.known else "sha256")
            self.resumed = True
        else:
            self.digest = hashlib.new(self.known[0] if self.known else "sha256")

    def _write(self, url: str, response, first: bytes, have: int, total: int | None) -> None:
        from tqdm.auto import tqdm

        self._say(url, have, total)
        self._hash(have)
        if not have:
            self.web_page = first == b"<"
        # Strong ETag, else the date (RFC 9110, 13.1.5): what If-Range may ask with.
        etag = response.headers.get("ETag", "")
        version = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        with self.part.open("ab" if have else "wb") as out:
            self.facts.write_text(json.dumps({"url": url, "version": version, "total": total}), encoding="utf-8")
            bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=self.part.stem, mininterval=0.5,
                       disable=self.progress is False)  # fmt: skip
            with bar:
                chunk = first
                while chunk:
                    out.write(chunk)
                    self.digest.update(chunk)
                    have += len(chunk)
                    bar.update(len(chunk))
                    chunk = _more(response)
        if total is not None and have < total:
            raise _Cut(f"the connection ended after {have} of {total} bytes")

    def _say(self, url: str, have: int, total: int | None) -> None:
        if self.progress is False or self._said:
            return
        self._said = True
        size = size_text(total or self.size)
        rest = f" (going on after {size_text(have)})" if have else ""
        print(f"{self.part.stem}, {size}, from {host(url)} to {short(self.part.parent)}{rest}", file=sys.stderr)


def _read_facts(path: Path) -> dict:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _total(response, have: int) -> int | None:
    """The size of the whole file, or None where it is not stated or the range is not the one asked for."""
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return int(found[2]) if found and int(found[1]) == have else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _ask(url: str, headers: dict[str, str], wait: float):
    """The answer of a server and its first byte, within `wait` seconds.

    The question is put in a thread: neither a slow name service nor a server with many addresses keeps to a timeout.
    """
    import requests

    answers: queue.SimpleQueue = queue.SimpleQueue()

    def ask() -> None:
        try:
            response = requests.get(url, headers=headers, stream=True, timeout=(wait, STALL_S))
            good = response.status_code in (200, 206)
            answers.put((response, response.raw.read(1, decode_content=False) if good else b""))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=wait)
    except queue.Empty:
        answer = NoAnswer(f"no answer within {wait:.0f} s")
    if isinstance(answer, Exception):
        raise answer if isinstance(answer, NoAnswer) else NoAnswer(_reason(answer)) from answer
    return answer


def _reason(error: Exception) -> str:
    import requests
    import urllib3

    reasons = (
        (requests.exceptions.ProxyError, "the proxy did not let us through"),
        (requests.exceptions.SSLError, "its certificate was not accepted"),
        (requests.exceptions.Timeout, "no answer in time"),
        (requests.exceptions.ConnectionError, "no connection"),
        (urllib3.exceptions.HTTPError, "the connection broke"),
    )
    return next((text for kind, text in reasons if isinstance(error, kind)), f"{type(error).__name__}")


def _more(response) -> bytes:
    """The next bytes, as they lie at the server: never decompressed, for the hash is that of the file."""
    import urllib3

    try:
        return response.raw.read(CHUNK, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _Cut(f"the connection broke ({type(error).__name__})") from error
