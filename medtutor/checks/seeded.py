"""Seeded exercises: from drawn values to an exercise as it is asked, and what its cases may ask of the variant.

Nothing that is expected is stored: a case calls `variant.reference`, which is what the solution defines with the same
values. In a public notebook the values come from a fixed seed, so that it is the same for everybody; a graded course
draws them from a secret (`medtutor.grading.variants`).
"""

from __future__ import annotations

import copy
import functools
import inspect
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medtutor.checks.spec import PLACEHOLDER, Case, Exercise, Wrong
from medtutor.errors import LessonError


class Variant:
    """What a case of a seeded exercise gets: the drawn values as attributes, and `reference`.

    `reference` is the object that the solution defines with these values, made anew for each case.
    """

    def __init__(self, exercise: Exercise):
        self.__dict__.update(copy.deepcopy(dict(exercise.values)), _exercise=exercise)

    def __getattr__(self, name: str) -> Any:
        if name != "reference":
            raise AttributeError(f"{self._exercise.id} draws no {name!r}; it draws {', '.join(self._exercise.values)}.")
        namespace: dict[str, Any] = {}
        exec(compile(self._exercise.solution, "<solution>", "exec"), namespace)  # ours, from exercises/
        self.__dict__[name] = namespace[self._exercise.name]
        return self.__dict__[name]


def with_parameters(exercise: Exercise, values: Mapping[str, Any]) -> Exercise:
    """The seeded exercise as it is asked with these values; one that was filled before may be given too.

    Each case of the result takes the answer alone. Values that are missing are the public ones. Raises `LessonError`
    where the exercise draws nothing, draws no value of this name, or has a placeholder without a value.
    """
    template = exercise.template or exercise
    if template.draw is None:
        raise LessonError(f"Exercise {template.id} draws no parameters; it is the same for everybody.")
    known = public_values(template)
    if not set(values) <= set(known):
        odd = ", ".join(map(repr, sorted(map(str, set(values) - set(known)))))
        raise LessonError(f"Exercise {template.id} draws {', '.join(known)}; it has no {odd}.")
    chosen = known | {name: copy.deepcopy(values[name]) for name in known if name in values}

    def fill(text: str) -> str:
        return _fill(text, chosen, template.id)

    filled = replace(
        template,
        prompt=fill(template.prompt),
        starter=fill(template.starter),
        solution=fill(template.solution),
        hints=tuple(map(fill, template.hints)),
        wrong={name: Wrong(fill(one.code), fill(one.message)) for name, one in template.wrong.items()},
        visible_cases=[],
        hidden_cases=[],
        template=template,
        values=chosen,
    )
    filled.visible_cases.extend(_bound(case, filled) for case in template.visible_cases)
    filled.hidden_cases.extend(_bound(case, filled) for case in template.hidden_cases)
    return filled


def drawn(exercise: Exercise, rng: random.Random) -> dict[str, Any]:
    """The values that a seeded exercise draws from `rng`. Raises `LessonError` where they are not plain values."""
    template = exercise.template or exercise
    values = template.draw(rng) if template.draw else {}
    good = isinstance(values, Mapping) and all(
        isinstance(name, str) and name.isidentifier() and name != "reference" and not name.startswith("_")
        for name in values
    )
    if not good or not all(map(_plain, values.values())):
        raise LessonError(
            f"Exercise {template.id}: what it draws should be a dict of names (not 'reference') to numbers, texts, "
            "lists, tuples and dicts."
        )
    return dict(values)


def public_values(exercise: Exercise) -> dict[str, Any]:
    """The values that everybody gets where nothing is graded."""
    return drawn(exercise, random.Random(f"medtutor {exercise.id}"))


def shown_values(exercise: Exercise) -> dict[str, Any]:
    """The values of a filled exercise that stand in what a student reads: prompt, starter, hints.

    A notebook may hold these. The others are for the cases alone.
    """
    if exercise.template is None:
        return {}
    read = " ".join((exercise.template.prompt, exercise.template.starter, *exercise.template.hints))
    names = set(PLACEHOLDER.findall(read))
    return {name: value for name, value in exercise.values.items() if name in names}


def as_asked(exercise: Exercise) -> Exercise:
    """The exercise as the public notebooks ask it. Raises `LessonError` for a placeholder where nothing is drawn."""
    if exercise.draw is not None:
        return with_parameters(exercise, {})
    wrongs = (one.code for one in exercise.wrong.values())
    for text in (exercise.prompt, exercise.starter, exercise.solution, *exercise.hints, *wrongs):
        _fill(text, {}, exercise.id)
    return exercise


def _fill(text: str, values: Mapping[str, Any], id: str) -> str:
    def one(found) -> str:
        name = found.group(1)
        if name not in values:
            raise LessonError(f"Exercise {id}: <<{name}>> stands for a value that it does not draw.")
        return values[name] if isinstance(values[name], str) else repr(values[name])

    return PLACEHOLDER.sub(one, text)


def _bound(case: Case, exercise: Exercise) -> Case:
    """A case that takes the answer alone. One that asks nothing of the variant takes it alone already."""
    if len(inspect.signature(case).parameters) == 1:
        return case

    @functools.wraps(case)  # keeps the docstring of a hidden case, which students are told
    def bound(answer: Any) -> None:
        case(answer, Variant(exercise))

    return bound


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(map(_plain, value)) and all(map(_plain, value.values()))
    return value is None or type(value) in (bool, int, float, str)
