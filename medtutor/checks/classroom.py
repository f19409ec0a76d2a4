"""What a lesson calls: `check`, `hint`, `solution`, `quiz`, `answer`, `progress`. No network, no account."""

from __future__ import annotations

import html
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medtutor.checks import engine, store
from medtutor.checks.finding import find, sheet, sheets
from medtutor.checks.mode import asked_here, is_graded
from medtutor.checks.spec import Quiz
from medtutor.errors import DataError, MedtutorError


@dataclass(frozen=True)
class Said:
    """A sentence to show, in bold its first part; `state` is what it says of an exercise or quiz."""

    head: str
    body: str = ""
    state: str = ""

    def __repr__(self) -> str:
        return f"{self.head} {self.body}".strip()

    def _repr_markdown_(self) -> str:
        return f"**{self.head}** {self.body}".strip()


def check(id: str, namespace: Mapping[str, Any] | None = None) -> Said:
    """Try the answer to exercise `id` that stands in the notebook (or in `namespace`), hidden cases included.

    Says *correct*, *not yet* and why, or *not attempted*, and keeps the best state in the local progress file.
    In graded mode only the visible cases are tried. Raises `UnknownNameError` for an id that does not exist.
    """
    exercise, all_cases = asked_here(id), not is_graded()
    outcome = engine.evaluate_answer(exercise, _notebook() if namespace is None else namespace, hidden=all_cases)
    points = f"{exercise.points} point{'s' if exercise.points > 1 else ''}"
    if outcome.state == engine.CORRECT and not all_cases:
        return Said(f"{id}: passes the cases shown here.", f"It is graded by others too ({points}).", outcome.state)
    store.keep("exercises", id, outcome.state)
    if outcome.state == engine.CORRECT:
        return Said(f"{id}: correct.", f"({points})", outcome.state)
    if outcome.state == engine.NOT_YET:
        return Said(f"{id}: not yet.", f"{outcome.message} (More help: `hint({id!r})`)", outcome.state)
    return Said(
        f"{id}: not attempted.", outcome.message or f"Write your answer above and run it. ({points})", outcome.state
    )


def hint(id: str) -> Said:
    """The next hint of exercise `id`: the first, the second, then where the solution is."""
    exercise = asked_here(id)
    seen = store.read()["hints"].get(id, 0)
    if seen >= len(exercise.hints):
        return Said("No more hints.", f"See `solution({id!r})`. The last one was: {exercise.hints[-1]}")
    store.keep("hints", id, seen + 1)
    return Said(f"Hint {seen + 1} of {len(exercise.hints)}.", exercise.hints[seen])


def solution(id: str) -> Said:
    """The solution of exercise `id`; of an essay, what a good answer says.

    Raises `MedtutorError` in graded mode (`MEDTUTOR_GRADED=1`) and `UnknownNameError`.
    """
    essay = sheet(str(id).partition(".")[0]).essays.get(id)
    exercise = None if essay else find("exercise", id)
    if is_graded():
        hints = "" if essay else f" Hints stay open: hint({id!r})."
        raise MedtutorError(f"The solution of {id} is closed: this notebook is graded.{hints}")
    store.keep("solutions", id, True)
    if essay:
        return Said(f"A good answer to {id}:", f"\n\n{essay.rubric.strip()}")
    return Said(f"A solution of {id}:", f"\n\n```python\n{exercise.solution}```")


def answer(id: str, letters: str) -> Said:
    """Answer quiz `id` with one letter, or several where several choices are right: `answer("cnn.q1", "b")`.

    Says whether it is right, with the feedback of each chosen one; in graded mode only that it was read. Raises
    `DataError` for a letter that is no choice.
    """
    question = find("quiz", id)
    choices = question.lettered()
    chosen = [letter for letter in str(letters).lower() if letter.isalnum()]
    if not chosen or not set(chosen) <= set(choices):
        raise DataError(f"Quiz {id} has the choices {', '.join(choices)}; got {letters!r}.")
    if is_graded():
        return Said(f"{id}: your answer is {', '.join(sorted(set(chosen)))}.", "It is marked with the notebook.")
    state = engine.CORRECT if set(chosen) == question.right() else engine.NOT_YET
    store.keep("quizzes", id, state)
    return Said(f"{id}: {state}.", question.feedback(chosen), state)


def quiz(id: str) -> Any:
    """Quiz `id` as radio buttons (boxes where several choices are right); as text where there are no widgets."""
    question = find("quiz", id)
    if is_graded() or "IPython" not in sys.modules or not _in_notebook():  # a click does not stand in the file
        return Said(f"{id}.", _as_text(question))
    try:
        import ipywidgets
    except ImportError:
        return Said(f"{id}.", _as_text(question))
    return _as_widget(question, ipywidgets)


def _as_text(question: Quiz) -> str:
    lines = [question.question, *(f"({letter}) {choice.text}" for letter, choice in question.lettered().items())]
    return "\n\n".join([*lines, f'Answer with `answer("{question.id}", "a")`.'])


def _as_widget(question: Quiz, widgets: Any) -> Any:
    choices = question.lettered()
    several = sum(choice.right for choice in choices.values()) > 1
    said = widgets.HTML()
    wide = widgets.Layout(width="auto")
    keys = "By keyboard: Tab moves, Space chooses."
    text = widgets.HTML(f"<p>{html.escape(question.question)} <small>{keys}</small></p>")
    if several:
        boxes = [widgets.Checkbox(description=f"({a}) {c.text}", indent=False, layout=wide) for a, c in choices.items()]
        control = widgets.VBox(boxes)
    else:
        options = [(f"({letter}) {choice.text}", letter) for letter, choice in choices.items()]
        control = widgets.RadioButtons(options=options, value=None, layout=wide)

    def react(_) -> None:
        if several:
            letters = "".join(letter for letter, box in zip(choices, boxes, strict=True) if box.value)
        else:
            letters = control.value or ""
        if not letters:
            said.value = "<p>Choose first.</p>"
            return
        result = answer(question.id, letters)
        said.value = f'<p role="status"><b>{html.escape(result.head)}</b> {html.escape(result.body)}</p>'

    button = widgets.Button(description="Check", tooltip=f"Check the answer to {question.id}")
    button.on_click(react)
    return widgets.VBox([text, control, button, said])


class Progress:
    """What is done, from the local file. Shows itself as a table; `download` and `upload` carry it elsewhere."""

    def rows(self) -> list[tuple[str, int, int, int, int]]:
        """(prefix, exercises correct, exercises, quizzes right, quizzes) of every lesson with exercises."""
        kept = store.read()
        return [
            (
                sheet.prefix,
                sum(kept["exercises"].get(id) == engine.CORRECT for id in sheet.exercises),
                len(sheet.exercises),
                sum(kept["quizzes"].get(id) == engine.CORRECT for id in sheet.quizzes),
                len(sheet.quizzes),
            )
            for sheet in sheets()
        ]

    def __repr__(self) -> str:
        return (
            "\n".join(
                f"{prefix:<12} exercises {done} of {of}, quiz {right} of {questions}"
                for prefix, done, of, right, questions in self.rows()
            )
            or "There are no exercises yet."
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{prefix}</th><td>{done} of {of}</td><td>{right} of {questions}</td></tr>'
            for prefix, done, of, right, questions in self.rows()
        )
        link = f'<a download="medtutor-progress.json" href="{store.data_uri()}">Download your progress</a>'
        head = "<tr><th>lesson</th><th>exercises correct</th><th>quiz right</th></tr>"
        return f"<table>{head}{rows}</table><p>{link} (a session on Colab or Binder forgets it otherwise)</p>"

    def download(self, path: str = "medtutor-progress.json") -> str:
        """Write the progress to `path`, for another machine. Raises `StorageError`."""
        return store.write(store.read(), path)

    def upload(self, path: str | None = None) -> Any:
        """Take in a file that `download` wrote; the better state of both stays. Without `path`: a button to choose it.

        Raises `DataError` where the file is not one of ours.
        """
        if path is not None:
            store.merge(store.parse_file(path))
            return self
        import ipywidgets

        chooser = ipywidgets.FileUpload(accept=".json", description="Progress file")
        said = ipywidgets.HTML()

        def react(change) -> None:
            files = change["new"]
            files = files.values() if isinstance(files, dict) else files  # ipywidgets 7 and 8
            for file in files:
                try:
                    store.merge(store.parse(bytes(file["content"]), "the chosen file"))
                    said.value = f"<pre>{html.escape(repr(self))}</pre>"
                except MedtutorError as error:
                    said.value = f"<p>{html.escape(str(error))}</p>"

        chooser.observe(react, "value")
        return ipywidgets.VBox([chooser, said])


def progress() -> Progress:
    """Your progress in this course, read from a local file (`MEDTUTOR_PROGRESS` names another one)."""
    return Progress()


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _notebook() -> Mapping[str, Any]:
    """The names that the student's cells have defined."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell.user_ns if shell is not None else vars(sys.modules["__main__"])
