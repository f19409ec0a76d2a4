"""What was handed in, as one `Submission` a student: from folders, a zip file, or a platform's own download.

Everything in it is the work of people who may mean harm. Links are not followed, only regular files are looked at,
archives are read under limits (`archive.py`), and whatever cannot be read becomes a note on that student's submission.
"""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from medtutor.errors import DataError, FormatError
from medtutor.grading import layouts
from medtutor.grading.archive import Budget, Item, clean, unpack, walk
from medtutor.grading.roster import Finder, read_roster
from medtutor.grading.submission import Submission

MISSING = "On the class list, but nothing was handed in."
OWN_MEMBERS, OWN_BYTES = 1000, 200_000_000  # of a student's own archive
_WRAPPERS = ("submissions", "submitted")
_NBGRADER = {"source", "release", "autograded", "feedback", "feedback_generated", "gradebook.db", "nbgrader_config.py"}


@dataclass(frozen=True)
class Intake:
    """All that was handed in: submissions in the order of their students, what platforms call the students (`students`:
    student to ids, see `roster.IDS`), and notes on what was left out. Files from archives live as long as this does."""

    submissions: list[Submission]
    students: dict[str, dict[str, str]]
    notes: tuple[str, ...] = ()
    _scratch: tempfile.TemporaryDirectory | None = None


_kept: list[Intake] = []  # so that what `collect` unpacked stays until the process ends


def collect(submissions: Path, roster: Path | None = None, wanted: str = "") -> list[Submission]:
    """One `Submission` for each student, sorted: see `gather`, which also says what platforms call the students."""
    _kept.append(gather(submissions, roster, wanted))
    return _kept[-1].submissions


def gather(submissions: Path, roster: Path | None = None, wanted: str = "") -> Intake:
    """Read what was handed in: a folder or a zip of student folders or of notebooks, Canvas's or Moodle's download,
    nbgrader's `submitted`, or one notebook. `wanted` is the name of the notebook that was asked for (default: the
    name that most students used); it decides between several of one student, then the newest does.

    A `roster` (see `roster.py`) adds who handed in nothing, and ids. `when` is the time of the file (nbgrader: its
    timestamp.txt), and None for platforms' downloads, whose files carry the time of the download.
    Raises `DataError` where there is nothing to read; never for what a student handed in.
    """
    source = Path(submissions)
    listed = read_roster(roster) if roster else None
    scratch = tempfile.TemporaryDirectory(prefix="medtutor-", ignore_cleanup_errors=True)
    folder, budget = Path(scratch.name), Budget()
    items, packed = _read(source, folder, budget)
    groups, notes = _grouped(_unwrapped(items, source, packed))
    for group in groups.values():
        _open_archives(group, folder, budget)
    wanted = _plain(wanted) or _usual(groups)
    found = [(group, _submission(group, wanted)) for group in groups.values()]
    students: dict[str, dict[str, str]] = {}
    done = _named(found, listed, students)
    if not done:
        raise DataError(f"{source} holds no notebook (.ipynb); give the folder or zip file that holds the submissions.")
    done.sort(key=lambda submission: submission.student)
    return Intake(done, students, tuple(notes), scratch)


@dataclass
class Group:
    """What one student handed in; `parts` of its items begin below the student's folder."""

    name: str
    layout: str = "plain"
    id: str = ""
    late: bool = False
    items: list[Item] = field(default_factory=list)


def _read(source: Path, scratch: Path, budget: Budget) -> tuple[list[Item], bool]:
    """All items, and whether they come from an archive."""
    if source.is_dir():
        items = walk(source)
        files = [item for item in items if not item.folder]
        if len(files) == 1 and len(files[0].parts) == 1 and _suffix(files[0]) == ".zip" and files[0].path:
            inside = unpack(files[0].path, scratch, budget)
            notebooks = [item for item in inside if _suffix(item) == ".ipynb"]
            if len(notebooks) != 1 or len(notebooks[0].parts) > 1:  # else it is the archive of one student
                return inside, True
        return items, False
    if not source.exists():
        raise DataError(f"{source} does not exist; give the folder or zip file that holds the submissions.")
    if source.suffix.lower() == ".ipynb" and source.is_file():
        when = source.stat().st_mtime
        return [Item((clean(source.name),), source, when, (when,))], False
    if not (source.is_file() and zipfile.is_zipfile(source)):
        raise DataError(f"{source} is neither a folder nor a zip file; unpack it and give the folder.")
    return unpack(source, scratch, budget), True


def _unwrapped(items: list[Item], source: Path, packed: bool) -> list[Item]:
    """The items below what holds all students': `submissions/` in a zip of it, nbgrader's `submitted/`."""
    tops = {item.parts[0] for item in items}
    below = {item.parts[1] for item in items if len(item.parts) > 1}
    if "submitted" in tops and len(tops) > 1 and tops - {"submitted"} <= _NBGRADER:
        items = [item for item in items if item.parts[0] == "submitted"]
    elif len(tops) != 1 or not below:
        return items
    else:
        top = next(iter(tops))
        wrapper = top.casefold() in (*_WRAPPERS, source.stem.casefold())
        if packed and not wrapper:
            with_notebook = {item.parts[1] for item in items if len(item.parts) > 1 and _suffix(item) == ".ipynb"}
            wrapper = len(with_notebook) > 1
        if not wrapper or layouts.moodle(top):
            return items
    return [replace(item, parts=item.parts[1:]) for item in items if len(item.parts) > 1]


def _grouped(items: list[Item]) -> tuple[dict[tuple, Group], list[str]]:
    """Items by student, and notes on what is nobody's."""
    groups: dict[tuple, Group] = {}
    notes: list[str] = []
    tops = {item.parts[0] for item in items if len(item.parts) == 1 and not item.folder}
    from_canvas = layouts.is_canvas(sorted(top for top in tops if top.lower().endswith((".ipynb", ".zip"))))
    for item in items:
        top, rest = item.parts[0], item.parts[1:]
        moodle, canvas = layouts.moodle(top), layouts.canvas(top) if from_canvas and not rest else None
        if moodle:
            name = moodle.name.strip() or f"participant {moodle.id}"
            group = groups.setdefault(("moodle", moodle.id, name), Group(name, "moodle", moodle.id))
            rest = rest or ((moodle.file,) if moodle.file else ())
        elif canvas:
            name = canvas.name or canvas.id
            group = groups.setdefault(("canvas", canvas.id), Group(name, "canvas", canvas.id))
            group.late |= canvas.late
            rest = (canvas.file,)
            item = replace(item, rank=(float(canvas.attachment),))
        elif rest or item.folder or (item.note and "." not in top):
            group = groups.setdefault(("plain", top), Group(top.strip() or "(no name)"))
        elif top.lower().endswith((".ipynb", ".zip")):
            stem = top.rsplit(".", 1)[0]
            group = groups.setdefault(("plain", stem), Group(stem.strip() or "(no name)"))
            rest = (top,)
        else:
            notes.append(item.note or f"{top} is no student's folder, notebook or zip file: left out.")
            continue
        group.items.append(replace(item, parts=rest))
    return groups, notes


def _suffix(item: Item) -> str:
    return os.path.splitext(item.parts[-1])[1].lower() if item.parts and not item.folder else ""


def _open_archives(group: Group, scratch: Path, budget: Budget) -> None:
    """Unpack the archives that a student handed in; not those within them."""
    for outer in [item for item in group.items if _suffix(item) == ".zip" and item.path]:
        own = Budget(OWN_BYTES, budget.next)
        try:
            inside = unpack(outer.path, scratch, own, OWN_MEMBERS)
        except FormatError:
            # The reason names the numbered copy: the student knows the archive by another name.
            inside = [Item(outer.parts, note=f"{outer.parts[-1]} is no zip file that can be read within the limits.")]
        budget.next = own.next
        for item in inside:
            parts = outer.parts if item.parts == outer.parts else (*outer.parts, *item.parts)
            group.items.append(replace(item, parts=parts, when=outer.when, rank=(*outer.rank, *item.rank), own=True))
            if _suffix(item) == ".zip" and item.path:
                group.items.append(Item(parts, note=f"{'/'.join(parts)}: an archive in an archive is not opened."))


def _plain(stem: str) -> str:
    """A notebook's name for comparing: without the marks that copies and resubmissions get."""
    stem = re.sub(r"\.ipynb$", "", clean(stem), flags=re.IGNORECASE)
    stem = re.sub(r"(?:-copy\d*|\s*\(\d+\)|-\d{1,2})+$", "", stem, flags=re.IGNORECASE)
    return re.sub(r"[\W_]", "", stem).casefold()


def _notebooks(group: Group) -> list[Item]:
    return [item for item in group.items if _suffix(item) == ".ipynb" and item.path]


def _usual(groups: dict[tuple, Group]) -> str:
    """The name that most students' notebooks have; "" where no two have the same."""
    names = Counter(name for group in groups.values() for name in {_plain(n.parts[-1]) for n in _notebooks(group)})
    best = max(names.items(), key=lambda pair: (pair[1], pair[0]), default=("", 0))
    return best[0] if best[1] > 1 else ""


def _submission(group: Group, wanted: str) -> Submission:
    """The notebook that counts, the other files, and notes. The student is named later."""
    notes = [item.note for item in group.items if item.note]
    notebooks = _notebooks(group)

    def order(item: Item) -> tuple:
        name = _plain(item.parts[-1])
        fits = bool(wanted) and (wanted in name or (len(item.parts) > 1 and wanted == _plain(item.parts[-2])))
        again = layouts.again(item.parts[0]) if group.layout == "canvas" else 0
        return (fits, -len(item.parts), again, item.rank, item.parts)

    chosen = max(notebooks, key=order, default=None)
    if chosen is None:
        notes.append("No notebook (.ipynb) was found in what was handed in.")
    elif len(notebooks) > 1:
        others = sorted("/".join(item.parts) for item in notebooks if item is not chosen)
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        notes.append(f"Several notebooks: graded {'/'.join(chosen.parts)}, not {', '.join(others[:5])}{more}.")
    when = chosen.when if chosen else None
    if group.layout != "plain":
        when = None
        if group.late:
            notes.append("Canvas marks it late; its download does not say by how much, so nothing is deducted here.")
    elif chosen and not chosen.own:
        beside = {item.parts: item for item in group.items}
        stamp = beside.get((*chosen.parts[:-1], "timestamp.txt"))
        if stamp and stamp.path and len(stamp.parts) == 2:
            with open(stamp.path, "rb") as file:
                when = layouts.timestamp(file.read(200).decode("utf-8", "replace")) or when
    path = chosen.path if chosen else None
    return Submission(group.name, path, _files(group), when, None, tuple(dict.fromkeys(notes)))


def _files(group: Group) -> dict[str, Path]:
    """The files that are no notebooks, by name: the one nearest to the top, then the newest, where two are called so.

    Canvas's files are also found under the name without the -1, -2, ... of handing in again.
    """
    files: dict[str, Path] = {}
    others = [i for i in group.items if i.path and i.parts and _suffix(i) not in (".ipynb", ".zip")]
    others.sort(key=lambda item: (-len(item.parts), item.rank, item.parts), reverse=True)
    for item in others:
        if item.parts[-1] != "timestamp.txt":
            files.setdefault(item.parts[-1], item.path)
    if group.layout == "canvas":
        for item in others:
            files.setdefault(layouts.without_again(item.parts[-1]), item.path)
    return files


def _named(found: list[tuple[Group, Submission]], listed, students: dict[str, dict[str, str]]) -> list[Submission]:
    """The submissions under their students' names, no two the same; with a class list, also who is missing.

    Fills `students` with the ids that are known.
    """
    finder = Finder(listed or [])
    ids = [{f"{group.layout}_id": group.id} if group.id else {} for group, _ in found]
    entries = [finder.find(group.name, known, loose=False) for (group, _), known in zip(found, ids, strict=True)]
    wishes = []
    for place, (group, submission) in enumerate(found):
        entry = entries[place] = entries[place] or finder.find(group.name, ids[place], loose=True)
        if entry:
            ids[place] = {**ids[place], **entry.ids}
            submission = replace(submission, late_minutes=entry.late_minutes)
        elif listed is not None:
            submission = replace(submission, notes=(*submission.notes, "Not on the class list."))
        # A platform's download spells names in its own way; a folder that the instructor made keeps its name.
        wishes.append((entry.student if entry and group.layout != "plain" else group.name, ids[place], submission))
    for entry in finder.rest():
        wishes.append((entry.student, entry.ids, Submission(entry.student, None, notes=(MISSING,))))
    often = Counter(name for name, _, _ in wishes)
    done = []
    for name, known, submission in wishes:
        if often[name] > 1:
            mark = known.get("canvas_id") or known.get("moodle_id") or next(iter(known.values()), "")
            name = f"{name} ({mark})" if mark else name
        base, turn = name, 2
        while name in students:
            name, turn = f"{base} [{turn}]", turn + 1
        students[name] = dict(known)
        done.append(replace(submission, student=name))
    return done
