"""Where the data of this process came from, and what the user is told about it, once (lesson 2)."""

from __future__ import annotations

import sys

from medtutor.data.cards import Card, card

SOURCES = ("folder", "cache", "download", "sample")

_seen: dict[str, str] = {}
_said: set[str] = set()


def sample_banner(about: Card) -> str:
    """What is said wherever the offline sample of a data set stands in for it."""
    online = any(file.urls for file in about.files.values())
    how = f"go online and run `medtutor fetch {about.name}`, or" if online else f"get them at {about.homepage} and"
    return (
        f"OFFLINE SAMPLE, not patients: no source of {about.name} answers, so stand-ins from medtutor are used. "
        f"Results on them say nothing about people. For the real data {how} set MEDTUTOR_DATA to a folder with them."
    )


def sources_used() -> dict[str, str]:
    """The source of every data set that was loaded in this process: "folder", "cache", "download" or "sample".

    A name that was once the sample stays "sample", because results from before may rest on it.
    """
    return dict(_seen)


def note_source(name: str, source: str) -> None:
    """Remember the source of a data set; the first time that it is the sample, print the banner on stderr."""
    if _seen.get(name) != "sample":
        _seen[name] = source
    if source == "sample":
        say_once(sample_banner(card(name)))


def say_once(text: str) -> None:
    """Print a note on stderr, unless this process has said it already."""
    if text not in _said:
        _said.add(text)
        print(text, file=sys.stderr)


def forget() -> None:
    """Begin anew, as in a new process (for tests)."""
    _seen.clear()
    _said.clear()
