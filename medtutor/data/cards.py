"""The card of a data set: what it is, who is in it, what is wrong with it, and where to get it.

A card is one TOML file in `datasets/`, written by hand; `card_file.read` checks it. Shown in lesson 2.
"""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from medtutor import resources
from medtutor.errors import unknown


@dataclass(frozen=True)
class Fault:
    """A known fault of the data, and where it is documented (a paper, a page, or how it was measured)."""

    text: str
    source: str


@dataclass(frozen=True)
class Augment:
    """The changes that keep the label true and the image possible, with the reason.

    `rotate_degrees`, `shift_fraction` and `scale_fraction` (of the width) and `intensity_fraction` (of the range) are
    the largest changes. Horizontal is along the last axis of the array, vertical along the one before.
    """

    flip_horizontal: bool
    flip_vertical: bool
    rotate_degrees: float
    shift_fraction: float
    scale_fraction: float
    intensity_fraction: float
    reason: str


@dataclass(frozen=True)
class File:
    """One file of a data set.

    `path` is relative to a data folder and to the cache. `algorithm` is "md5", "sha256" or None where the publisher
    gives no hash. `bytes` is None where the publisher's size is not known. Of an archive ("tar" or "zip"), `path` is
    where the archive itself goes, and `unpacked` the folder where the loader looks for its content. A set that has
    no direct file has no `urls`: it is read from a folder only.
    """

    key: str
    path: str
    bytes: int | None
    algorithm: str | None
    hash: str | None
    urls: tuple[str, ...]
    archive: str | None
    unpacked: str | None


@dataclass(frozen=True)
class Card:
    """One data set, as `datasets/<name>.toml` describes it. Counts are images (or volumes, or studies)."""

    name: str
    title: str
    kind: str
    modality: str
    modality_key: str
    task: str
    channels: int
    sizes: tuple[int, ...]
    classes: tuple[str, ...]
    unit: str
    counts: dict[str, int]
    origin: str
    who: str
    missing: str
    patients: str
    split_rule: str
    faults: tuple[Fault, ...]
    augment: Augment
    licence: str
    licence_url: str
    citation: str
    doi: str
    homepage: str
    files: dict[str, File]
    published: dict[str, Any] | None

    def rows(self) -> list[tuple[str, str]]:
        """The card as (heading, text) pairs, in reading order."""
        rows = [
            ("modality", f"{self.modality}; values: {self.unit}, channels: {self.channels}"),
            ("task", self.task),
            ("classes", ", ".join(f"{i} {name}" for i, name in enumerate(self.classes)) or "none"),
            ("counts", ", ".join(f"{split} {n}" for split, n in self.counts.items())),
            ("sizes", ", ".join(map(str, self.sizes)) or "as recorded"),
            ("origin", self.origin),
            ("who is in it", self.who),
            ("who is not", self.missing),
            ("patients", self.patients),
            ("split", self.split_rule),
            *(("known fault", f"{fault.text} (Source: {fault.source})") for fault in self.faults),
            ("augmentation", f"{_allowed(self.augment)}. {self.augment.reason}"),
            ("licence", f"{self.licence} {self.licence_url}"),
            ("citation", f"{self.citation} https://doi.org/{self.doi}" if self.doi else self.citation),
            ("homepage", self.homepage),
        ]
        rows += [("file", _where(file)) for file in self.files.values()]
        if self.published:
            result = self.published
            scores = f"{result['model']}: AUC {result['auc']}, ACC {result['acc']}"
            rows.append(("published", f"{scores}. {result['note']} (Source: {result['source']})"))
        return rows

    def summary(self) -> str:
        """The whole card as plain text, 100 columns wide."""
        lines = [f"{self.name}: {self.title}", ""]
        for heading, text in self.rows():
            lines += textwrap.wrap(
                text,
                width=100,
                initial_indent=f"{heading:<14}",
                subsequent_indent=" " * 14,
                break_long_words=False,
                break_on_hyphens=False,
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{html.escape(heading)}</th>'
            f'<td style="text-align:left;overflow-wrap:anywhere">{html.escape(text)}</td></tr>'
            for heading, text in self.rows()
        )
        return f"<table><caption>{html.escape(f'{self.name}: {self.title}')}</caption>{rows}</table>"


def _allowed(augment: Augment) -> str:
    flips = [n for n, on in (("horizontal", augment.flip_horizontal), ("vertical", augment.flip_vertical)) if on]
    return (
        f"flips: {' and '.join(flips) or 'none'}, turn up to {augment.rotate_degrees:g} degrees, "
        f"shift {augment.shift_fraction:g}, scale {augment.scale_fraction:g}, intensity {augment.intensity_fraction:g}"
    )


def _where(file: File) -> str:
    path = file.unpacked or file.path
    if not file.urls:
        return f"{path}, in a folder of yours only: there is no file to download"
    size = f"{file.bytes / 1e6:.1f} MB" if file.bytes else "size not stated"
    check = f"{file.algorithm} {file.hash}" if file.algorithm else "unverified: the publisher gives no hash"
    return f"{path} ({size}; {check}) from {' or '.join(file.urls)}"


def names() -> list[str]:
    """The names of all data sets, sorted."""
    return sorted(path.stem for path in resources.folder("datasets").glob("*.toml"))


@cache
def _read_once(path: Path) -> Card:
    from medtutor.data.card_file import read

    return read(path)


def card(name: str) -> Card:
    """The card of one data set; upper and lower case are the same. Raises `UnknownNameError` with the nearest name."""
    key = str(name).strip().lower()
    if key not in names():
        raise unknown("data set", key, names())
    return _read_once(resources.folder("datasets") / f"{key}.toml")


def cards() -> list[Card]:
    """All cards, sorted by name."""
    return [card(name) for name in names()]
