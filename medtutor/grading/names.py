"""File names for students: whatever a student is called, the name is safe, readable and nobody else's."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST = 80
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _,@+-]|\.(?!\.))*(?<![ .])")
_MARKED = re.compile(r"-[0-9a-f]{10}$")
# Names that Windows keeps for devices, with any extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def safe_name(student: str) -> str:
    """A file name (without extension) for a student: the same for the same student, and for no other.

    A name of ASCII letters, digits, spaces and ``_ , . @ + -`` is kept as it is. Any other is written with such
    characters and ends in ten digits of its SHA-256. Two names that differ in capitals only: see `safe_names`.

    >>> safe_name("Lovelace, Ada")
    'Lovelace, Ada'
    >>> safe_name("../../etc/passwd")
    'etc-passwd-3754d6cb3a'
    """
    plain = len(student) <= LONGEST and _PLAIN.fullmatch(student)
    if plain and not _MARKED.search(student) and not _DEVICES.fullmatch(student):
        return student
    return marked_name(student)


def marked_name(student: str) -> str:
    """The longer form of `safe_name`: readable characters and ten digits of the name's hash."""
    digest = hashlib.sha256(student.encode("utf-8", "backslashreplace")).hexdigest()[:10]
    ascii_only = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", ascii_only).strip("-")[: LONGEST - 11].rstrip("-")
    return f"{readable or 'student'}-{digest}"


def safe_names(students: Iterable[str]) -> dict[str, str]:
    """`safe_name` of each; of those that differ in capitals only (one file on many disks), the longer form."""
    students = list(dict.fromkeys(students))
    seen = Counter(safe_name(student).casefold() for student in students)
    return {
        student: safe_name(student) if seen[safe_name(student).casefold()] == 1 else marked_name(student)
        for student in students
    }
