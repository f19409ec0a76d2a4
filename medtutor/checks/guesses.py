"""`guess`: a number that is written down before a run, and then stays as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from medtutor.checks import store
from medtutor.checks.classroom import Said
from medtutor.checks.finding import find
from medtutor.errors import DataError, StorageError

# What a guess says of itself, so that nobody takes the lock for more than it is.
LIMITS = (
    "The lock lies in your own progress file: it keeps you from changing your mind unnoticed. It proves nothing to "
    "others, for you can delete that file; marks are given for having written a guess, not for being right."
)


def guess(id: str, value: float | None) -> Said:
    """Lock your guess `id`: the first number stays, with the time; a second one is refused with a sentence.

    None (nothing guessed yet) locks nothing. Raises `UnknownNameError` for an id that does not exist and `DataError`
    for what is no number within the bounds.
    """
    asked = find("guess", id)
    number = _plain(value)
    if number is None:
        return Said(f"{id}: no guess yet.", f"Put a number {asked.bounds} in place of None: {asked.unit}.", "open")
    if not asked.fits(number):
        raise DataError(f"The guess {id} should be a number {asked.bounds} ({asked.unit}), got {value!r}.")
    before = store.read()["guesses"].get(id)
    if before is None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            store.merge({"guesses": {id: {"value": float(number), "time": now}}})
        except StorageError as error:
            return Said(f"{id}: {number:g}, not locked.", str(error), "open")
        return Said(f"{id}: {number:g} is locked.", LIMITS, "locked")
    if before["value"] == number:
        return Said(f"{id}: {number:g}, locked at {before['time']}.", state="locked")
    return Said(
        f"{id}: it stays {before['value']:g}.",
        f"You guessed that at {before['time']}, so {number:g} is not taken: a guess that changes after the run says "
        f"nothing. To begin again on purpose, delete {store.path()}.",
        "locked",
    )


def _plain(value: Any) -> Any:
    """A number of numpy or torch as Python's own."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
