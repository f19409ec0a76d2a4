"""The strict reader of a card's TOML file.

A field that is missing, unknown or of the wrong kind is an error that names the file, the field and what is expected.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from medtutor.data.cards import Augment, Card, Fault, File
from medtutor.errors import DataError

KINDS = ("images2d", "images3d", "volumes", "boxes", "masks", "xrays")
MODALITIES = ("xray", "ct", "mri", "ultrasound", "microscopy", "histology", "fundus", "oct", "dermoscopy")
TASKS = (
    "binary-class",
    "multi-class",
    "multi-label",
    "ordinal-regression",
    "segmentation",
    "detection",
    "reading",
)
UNITS = ("arbitrary", "HU", "8-bit")
HASH_LENGTH = {"md5": 32, "sha256": 64}
COUNTS = ("train", "val", "test", "total")

# Each check returns the value or raises ValueError with what is expected.


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text that is not empty")
    return " ".join(value.split())


def _maybe_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('text, or "" where there is none')
    return " ".join(value.split())


def _one_of(known: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return value

    return check


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a whole number of at least 1")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _up_to(limit: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= limit:
            raise ValueError(f"a number from 0 to {limit:g}")
        return float(value)

    return check


def _list_of(check: Callable[[Any], Any]) -> Callable[[Any], tuple]:
    def checked(value: Any) -> tuple:
        if not isinstance(value, list):
            raise ValueError("a list")
        return tuple(check(item) for item in value)

    return checked


def _url(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https://\S+", value):
        raise ValueError("an address that begins with https://")
    return value


def _doi(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(10\.\d{4,9}/\S+)?", value):
        raise ValueError('a DOI such as 10.1038/s41597-022-01721-8, or "" where there is none')
    return value


def _path(value: Any) -> str:
    # Also a guard: an unpacked archive must not leave the cache.
    named = isinstance(value, str) and re.fullmatch(r"[\w.-]+(/[\w.-]+)*", value)
    if not named or {".", ".."} & set(value.split("/")):
        raise ValueError("a relative path with forward slashes")
    return value


def _counts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not value or not set(value) <= set(COUNTS):
        raise ValueError(f"a table with some of {', '.join(COUNTS)}")
    return {split: _whole(n) for split, n in value.items()}


TOP = {
    "name": _text,
    "title": _text,
    "kind": _one_of(KINDS),
    "modality": _text,
    "modality_key": _one_of(MODALITIES),
    "task": _one_of(TASKS),
    "channels": _whole,
    "sizes": _list_of(_whole),
    "classes": _list_of(_text),
    "unit": _one_of(UNITS),
    "counts": _counts,
    "origin": _text,
    "who": _text,
    "missing": _text,
    "patients": _text,
    "split_rule": _text,
    "licence": _text,
    "licence_url": _url,
    "citation": _text,
    "doi": _doi,
    "homepage": _url,
}
FAULT = {"text": _text, "source": _text}
AUGMENT = {
    "flip_horizontal": _flag,
    "flip_vertical": _flag,
    "rotate_degrees": _up_to(180),
    "shift_fraction": _up_to(0.5),
    "scale_fraction": _up_to(0.5),
    "intensity_fraction": _up_to(0.5),
    "reason": _text,
}
FILE = {"path": _path, "algorithm": _one_of((*HASH_LENGTH, "unverified")), "urls": _list_of(_url)}
FILE_OPTIONAL = {"bytes": _whole, "hash": _text, "archive": _one_of(("tar", "zip")), "unpacked": _path}
PUBLISHED = {"model": _text, "auc": _up_to(1), "acc": _up_to(1), "source": _text, "note": _maybe_text}


def _table(file: str, prefix: str, table: Any, needed: Mapping, optional: Mapping | None = None) -> dict[str, Any]:
    """The checked fields of one table; `DataError` names the file and the field."""
    optional = optional or {}
    if not isinstance(table, dict):
        raise DataError(f"Card {file}: {prefix.rstrip('.')} should be a table, got {table!r}.")
    known = {**needed, **optional}
    for key in table:
        if key not in known:
            raise DataError(f"Card {file}: the field {prefix}{key} is unknown; known here: {', '.join(known)}.")
    for key in needed:
        if key not in table:
            raise DataError(f"Card {file}: the field {prefix}{key} is missing; add it.")
    checked = dict.fromkeys(optional)
    for key, value in table.items():
        try:
            checked[key] = known[key](value)
        except ValueError as error:
            raise DataError(f"Card {file}: {prefix}{key} should be {error}, got {value!r}.") from None
    return checked


def _file(card: str, key: str, table: Any) -> File:
    prefix = f"files.{key}."
    fields = _table(card, prefix, table, FILE, FILE_OPTIONAL)
    algorithm = None if fields["algorithm"] == "unverified" else fields["algorithm"]
    digest = fields["hash"]
    if algorithm is None and digest is not None:
        raise DataError(f"Card {card}: {prefix}hash should be left out where algorithm is unverified, got {digest!r}.")
    if algorithm and not re.fullmatch(f"[0-9a-f]{{{HASH_LENGTH[algorithm]}}}", digest or ""):
        length = HASH_LENGTH[algorithm]
        expected = f"{length} small hex digits for {algorithm}"
        raise DataError(f"Card {card}: {prefix}hash should be {expected}, got {digest!r}.")
    if fields["archive"] and not fields["unpacked"]:
        raise DataError(f"Card {card}: {prefix}unpacked is missing; name the folder that the archive is unpacked to.")
    return File(key=key, **{**fields, "algorithm": algorithm})


def read(path: str | Path) -> Card:
    """The card in a TOML file. Raises `DataError` that names the file, the field and what is expected."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"Card {path.name} is not valid TOML: {error}.") from None
    groups = {"augment", "faults", "files"}
    for group in sorted(groups - set(table)):
        raise DataError(f"Card {path.name}: the field {group} is missing; add it.")
    fields = _table(path.name, "", {k: v for k, v in table.items() if k not in groups | {"published"}}, TOP)
    if fields["name"] != path.stem:
        raise DataError(f"Card {path.name}: name should be {path.stem!r} like the file, got {fields['name']!r}.")
    for group, kind, word in (("faults", list, "a list of tables [[faults]]"), ("files", dict, "tables [files.KEY]")):
        if not isinstance(table[group], kind) or not table[group]:
            raise DataError(f"Card {path.name}: {group} should be {word}, at least one, got {table[group]!r}.")
    if fields["kind"].startswith("images") and set(table["files"]) != set(map(str, fields["sizes"])):
        sizes, tables = ", ".join(map(str, fields["sizes"])), ", ".join(table["files"])
        raise DataError(f"Card {path.name}: files should have one table for each of the sizes {sizes}, got {tables}.")
    published = table.get("published")
    return Card(
        **fields,
        faults=tuple(Fault(**_table(path.name, "faults.", fault, FAULT)) for fault in table["faults"]),
        augment=Augment(**_table(path.name, "augment.", table["augment"], AUGMENT)),
        files={key: _file(path.name, key, value) for key, value in table["files"].items()},
        published=None if published is None else _table(path.name, "published.", published, PUBLISHED),
    )
