"""How learning platforms name what students hand in.

- Canvas, "Download Submissions": `lovelaceada_LATE_1234_56789_lesson-1.ipynb`, all in one folder. Name (letters only,
  in small letters), LATE, the user's id (or `anon_` and letters), the attachment's id, the file's name, on which
  Canvas puts -1, -2, ... when it is handed in again. Texts and links end in `_text.html` and `_link.html`.
  https://github.com/instructure/canvas-lms/blob/master/lib/content_zipper.rb
- Moodle, "Download all submissions": `Ada Lovelace_12345_assignsubmission_file/lesson.ipynb`, in older versions with
  another _ at the folder's end; without folders, `Ada Lovelace_12345_assignsubmission_file_lesson.ipynb`. 12345 is the
  participant's number.
  https://github.com/moodle/moodle/blob/MOODLE_405_STABLE/mod/assign/classes/downloader.php
- nbgrader: `submitted/<student>/<assignment>/<notebook>.ipynb`, with a timestamp.txt.
  https://nbgrader.readthedocs.io/en/stable/user_guide/philosophy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_CANVAS = re.compile(
    r"(?P<name>.*?)_?(?<![^_])(?P<late>LATE_)?(?:(?P<user>\d+)|anon_(?P<anon>[A-Za-z0-9]+))_"
    r"(?:(?P<attachment>\d+)_(?P<file>.+)|(?P<text>text|link)\.html)",
    re.DOTALL,
)
_MOODLE = re.compile(
    r"(?P<name>.*?)(?:_(?P<id>\d+))?_assignsubmission_(?P<plugin>[a-z]+?)(?:_(?P<file>.*))?", re.DOTALL
)
_AGAIN = re.compile(r"-(\d{1,3})(\.[^.]*)?$")


@dataclass(frozen=True)
class Handed:
    """What a platform's name says: the student as the platform writes it, its id, the file, and in Canvas more."""

    name: str
    id: str
    file: str
    late: bool = False
    attachment: int = 0
    again: int = 0  # how often it was handed in again, by Canvas's suffix


def canvas(name: str) -> Handed | None:
    """Read a file name of Canvas's download; None where it is not one.

    >>> canvas("lovelaceada_LATE_1234_56789_lesson-1.ipynb")
    Handed(name='lovelaceada', id='1234', file='lesson-1.ipynb', late=True, attachment=56789, again=1)
    """
    match = _CANVAS.fullmatch(name)
    if not match:
        return None
    return Handed(
        name=match["name"],
        id=match["user"] or f"anon_{match['anon']}",
        file=match["file"] or f"{match['text']}.html",
        late=bool(match["late"]),
        attachment=int(match["attachment"] or 0),
        again=again(match["file"] or ""),
    )


def moodle(name: str) -> Handed | None:
    """Read a folder's or file's name of Moodle's download; None where it is not one. A folder has no `file`.

    >>> moodle("Ada Lovelace_12345_assignsubmission_file_")
    Handed(name='Ada Lovelace', id='12345', file='', late=False, attachment=0, again=0)
    """
    match = _MOODLE.fullmatch(name)
    return Handed(match["name"], match["id"] or "", match["file"] or "") if match else None


def is_canvas(names: Iterable[str]) -> bool:
    """Whether all file names of a folder are Canvas's: each attachment's number once, each student's number one name.

    The second half keeps `exam_2026_03_ann.ipynb` and `exam_2026_03_bob.ipynb` two students.
    """
    read = [canvas(name) for name in names]
    if not read or any(handed is None for handed in read):
        return False
    attachments = [handed.attachment for handed in read if handed.attachment]
    called = {(handed.id, handed.name) for handed in read}
    return len(set(attachments)) == len(attachments) > 0 and len({id for id, _ in called}) == len(called)


def again(file: str) -> int:
    """How often a file was handed in again, by Canvas's suffix: 0 where it has none."""
    match = _AGAIN.search(file)
    return int(match[1]) if match else 0


def without_again(file: str) -> str:
    """A file's name without the -1, -2, ... that Canvas puts on it.

    >>> without_again("lesson-2.ipynb")
    'lesson.ipynb'
    """
    return _AGAIN.sub(lambda match: match[2] or "", file)


def timestamp(text: str) -> float | None:
    """The time in nbgrader's timestamp.txt (such as `2026-02-02 15:58:23.948203 UTC`), in seconds since 1970, or None.

    Without a zone it is UTC, as nbgrader reads it.
    """
    words = text.split()
    try:
        when = datetime.fromisoformat(" ".join(words[:2]))
        if len(words) > 2 and when.tzinfo is None:
            zone = words[2]
            if zone[0] in "+-":
                return datetime.fromisoformat(f"{words[0]} {words[1]}{zone}").timestamp()
            when = when.replace(tzinfo=ZoneInfo(zone))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OSError, LookupError, OverflowError):  # LookupError: a zone that nobody knows
        return None
