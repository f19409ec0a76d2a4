"""A whole class: marks, what is graded again, and what one submission can do to the others."""

import csv
import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from grading import small_class as small
from grading import sources

from medtutor.checks.finding import sheets
from medtutor.errors import LessonError
from medtutor.grading import bundle, judge, workers
from medtutor.grading.attempt import Settings
from medtutor.grading.batch import grade_class
from medtutor.grading.release import release

QUICK = Settings(seconds=4, memory_mb=512)
DOUBLE = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x"
LOOP = "def double(x):\n    while True: pass"


@pytest.fixture
def source(tmp_path):
    """An nbgrader source notebook with one function, a visible and a hidden test."""
    import nbformat

    path = tmp_path / "week1.ipynb"
    answer = f"### BEGIN SOLUTION\n{DOUBLE}\n### END SOLUTION"
    tests = "assert double(2) == 4, 'Twice two.'\n### BEGIN HIDDEN TESTS\nassert double(-1) == -2, 'Below zero.'\n"
    made = sources.notebook(
        sources.code("import numpy as np"),
        sources.solution("double", answer),
        sources.test("test_double", 3, tests + "### END HIDDEN TESTS"),
    )
    nbformat.write(made, path)
    return path


@pytest.fixture
def hand_in(tmp_path):
    """Write a submission: hand_in(student, code) or raw bytes."""
    folder = tmp_path / "in"

    def write(student, content):
        path = folder / student / "week1.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else small.notebook(content))
        return path

    write.folder = folder
    return write


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_class_gets_grades_summary_feedback_and_report(source, hand_in, tmp_path):
    hand_in("ada", DOUBLE)
    hand_in("bob", WRONG)
    hand_in("eve", b"no notebook")
    out = tmp_path / "out"
    done = grade_class(source, hand_in.folder, out, jobs=2, settings=QUICK)
    assert list(rows(out / "summary.csv")[0]) == ["student", "total", "max", "late", "status"]
    totals = {row["student"]: (row["total"], row["status"]) for row in rows(out / "summary.csv")}
    assert totals == {"ada": ("3", "graded"), "bob": ("0", "graded"), "eve": ("0", "unreadable")}
    grades = {row["student"]: row for row in rows(out / "grades.csv")}
    assert list(grades["ada"]) == ["student", "exercise", "points", "max", "status", "reason"]
    assert (grades["bob"]["status"], grades["bob"]["reason"]) == ("wrong", "Twice two.")
    assert {path.stem for path in (out / "feedback").glob("*.html")} == {"ada", "bob", "eve"}
    report = (out / "report.html").read_text()
    assert done.info["isolation"]["level"] in report and "Below zero" not in report


def test_one_submission_never_ends_the_batch(source, hand_in, tmp_path):
    hostile = {
        "loop": LOOP,
        "exit": "def double(x):\n    import os\n    os._exit(3)",
        "killer": f"import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)\n{DOUBLE}",
        "deep": b'{"cells":' + b"[" * 200_000,
        "empty": b"",
        "types": b'{"cells": [3, null, {"cell_type": [], "source": {}}], "nbformat": "x"}',
    }
    for name, content in hostile.items():
        hand_in(name, content)
    honest = [f"student{n}" for n in range(6)]
    for name in honest:
        hand_in(name, DOUBLE)
    before = tree(hand_in.folder)
    done = grade_class(source, hand_in.folder, tmp_path / "out", jobs=2, settings=QUICK)
    totals = {one.student: one.total for one in done.graded}
    assert all(totals[name] == 3 for name in honest)
    assert set(totals) == set(hostile) | set(honest)
    assert totals["loop"] == totals["exit"] == totals["deep"] == totals["empty"] == totals["types"] == 0
    assert tree(hand_in.folder) == before, "grading changed what was handed in"


def tree(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_only_what_changed_is_graded_again(source, hand_in, tmp_path):
    out = tmp_path / "out"
    for name in ("ada", "bob"):
        hand_in(name, DOUBLE)

    def again(**options):
        done = grade_class(source, hand_in.folder, out, jobs=1, settings=options.pop("settings", QUICK), **options)
        return done.info["graded"], {one.student: one.total for one in done.graded}

    assert again() == (2, {"ada": 3, "bob": 3})
    feedback = (out / "feedback" / "ada.html").stat().st_mtime_ns
    assert again()[0] == 0
    assert (out / "feedback" / "ada.html").stat().st_mtime_ns == feedback
    hand_in("bob", WRONG)
    hand_in("cyd", DOUBLE)
    assert again() == (2, {"ada": 3, "bob": 0, "cyd": 3})
    assert again(force=True)[0] == 3
    assert again(settings=Settings(seconds=3, memory_mb=512))[0] == 3
    content = json.loads(source.read_text())
    content["cells"][2]["source"] = "assert double(2) == 4\nassert double(3) == 7, 'A test that was mended.'"
    source.write_text(json.dumps(content))
    assert again() == (3, {"ada": 0, "bob": 0, "cyd": 0})


def test_an_interrupted_run_goes_on_where_it_was(source, hand_in, tmp_path):
    for n in range(5):
        hand_in(f"s{n}", DOUBLE)

    def stop(done, todo):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_class(source, hand_in.folder, tmp_path / "out", jobs=1, settings=QUICK, progress=stop)
    assert not (tmp_path / "out" / "summary.csv").exists()
    done = grade_class(source, hand_in.folder, tmp_path / "out", jobs=1, settings=QUICK)
    assert done.info["graded"] == 3 and [one.total for one in done.graded] == [3] * 5


def test_a_judge_that_dies_is_replaced_and_its_submission_goes_to_a_person(source, hand_in, tmp_path, monkeypatch):
    for name in ("ada", "bob", "cyd"):
        hand_in(name, DOUBLE)
    real = judge.grade

    def dies(submission, *rest):
        return os._exit(9) if submission.student == "bob" else real(submission, *rest)

    monkeypatch.setattr(judge, "grade", dies)
    done = grade_class(source, hand_in.folder, tmp_path / "out", jobs=2, settings=QUICK)
    found = {one.student: one for one in done.graded}
    assert (found["ada"].total, found["cyd"].total) == (3, 3)
    assert found["bob"].status == "needs marking" and found["bob"].notes == (workers.FAILED,)


def test_marks_do_not_depend_on_the_number_of_jobs(source, hand_in, tmp_path):
    for n in range(7):
        hand_in(f"s{n}", DOUBLE if n % 2 else WRONG)
    one, three = (
        [
            graded.outcomes
            for graded in grade_class(source, hand_in.folder, tmp_path / f"o{j}", jobs=j, settings=QUICK).graded
        ]
        for j in (1, 3)
    )
    assert one == three


def test_an_answer_can_read_neither_the_tests_nor_another_submission(tmp_path, hand_in):
    """Each file is one that the grader itself has read in this process."""
    from medtutor import resources

    made = release(3, tmp_path / "r", quiz_points=0)
    other = hand_in("ada", "secret = 'of ada'")
    files = [made.bundle / "exercises.py", made.bundle / "bundle.json", other, Path(__file__)]
    files += list((resources.checkout() or Path("/nowhere")).glob("exercises/*.py"))
    assert all(path.is_file() for path in files)
    spy = f"""# medtutor: cnn.weights
import glob
def conv_weights(channels_in, channels_out, kernel, bias=True):
    for name in {[str(path) for path in files]!r}:
        try:
            if open(name).read(): return 0
        except OSError:
            pass
    return channels_out * (channels_in * kernel * kernel + int(bias))
"""
    hand_in("eve", spy)
    done = grade_class(made.bundle, hand_in.folder, tmp_path / "out", jobs=1, settings=Settings(20, 1024))
    found = {one.student: {o.id: o.status for o in one.outcomes} for one in done.graded}
    assert found["eve"]["cnn.weights"] == "correct"


def test_a_process_that_has_used_torch_on_several_threads_can_grade(tmp_path, hand_in):
    """What it forks has none of its threads, and must not wait for them."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        x = torch.randn(1500, 1500, requires_grad=True)
        (x @ x).relu().sum().backward()
        torch.nn.functional.conv2d(torch.randn(8, 3, 64, 64), torch.randn(8, 3, 3, 3)).sum()
        made = release(3, tmp_path / "r", quiz_points=0)
        task = bundle.load(made.bundle)
        right = [f"# medtutor: {q.id}\n{q.tests.solution}" for q in task.questions if q.kind == "cases"]
        hand_in("ada", small.notebook(*right))
        done = grade_class(made.bundle, hand_in.folder, tmp_path / "out", jobs=1, settings=Settings(20, 1024))
    finally:
        torch.set_num_threads(threads)
    code = {question.id for question in task.questions if question.kind == "cases"}
    assert {one.status for one in done.graded[0].outcomes if one.id in code} == {"correct"}


def test_below_the_floor_nothing_is_graded_unless_it_is_written_out(source, hand_in, tmp_path, monkeypatch):
    from medtutor.grading import sandbox
    from medtutor.grading.sandbox import Host, levels

    hand_in("ada", DOUBLE)
    monkeypatch.setattr(levels, "probe", lambda: Host(root=True, arch="x86_64"))
    with pytest.raises(sandbox.IsolationError, match="--isolation none"):
        grade_class(source, hand_in.folder, tmp_path / "out", settings=QUICK)
    assert not (tmp_path / "out").exists()
    done = grade_class(source, hand_in.folder, tmp_path / "out", settings=QUICK, isolation="none")
    assert done.graded[0].total == 3 and done.info["isolation"]["gaps"]


def test_points_of_a_person_and_lateness_count_without_grading_again(hand_in, tmp_path):
    import nbformat

    source = tmp_path / "essay.ipynb"
    nbformat.write(sources.manual_questions(), source)
    path = hand_in("ada", b"")
    nbformat.write(sources.handed_in(sources.manual_questions()), path)
    out = tmp_path / "out"
    first = grade_class(source, hand_in.folder, out, settings=QUICK)
    assert first.graded[0].status == "needs marking"
    waiting = rows(out / "manual.csv")
    assert waiting and all(row["points"] == "" for row in waiting)
    for row in waiting:
        row["points"], row["comment"] = row["max"], "Well said."
    with open(out / "manual.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(waiting[0]))
        writer.writeheader()
        writer.writerows(waiting)
    second = grade_class(source, hand_in.folder, out, settings=QUICK)
    assert second.info["graded"] == 0 and second.graded[0].status == "graded"
    assert second.graded[0].total == first.graded[0].total + sum(float(row["max"]) for row in waiting)
    assert rows(out / "manual.csv") == waiting


def test_a_late_submission_loses_what_the_policy_says(source, hand_in, tmp_path):
    made = release(source, tmp_path / "r", due="2027-01-01T12:00:00+00:00", percent_per_day=20)
    for name, days in (("ada", -1), ("bob", 1.5)):
        path = hand_in(name, DOUBLE)
        when = 1798804800 + days * 86400  # 2027-01-01T12:00Z
        os.utime(path, (when, when))
    done = grade_class(made.bundle, hand_in.folder, tmp_path / "out", settings=QUICK)
    assert {one.student: one.total for one in done.graded} == {"ada": 3, "bob": 1.8}
    assert [one.late > 0 for one in done.graded] == [False, True]


def test_variants_by_student_are_marked_with_the_secret_only(tmp_path, hand_in):
    """Each student's own solution passes, another one's does not, and a wrong secret is refused."""
    secret = tmp_path / "secret"
    roster = tmp_path / "roster.csv"
    roster.write_text("student\nada\nbob\n")
    made = release(3, tmp_path / "r", variants="student", secret=secret, roster=roster, course="c", quiz_points=0)
    from medtutor.grading.personal import for_students

    tasks = dict(
        zip(("ada", "bob"), for_students(bundle.load(made.bundle), made.bundle, ["ada", "bob"], secret), strict=True)
    )
    solutions = {
        name: [f"# medtutor: {q.id}\n{q.tests.solution}" for q in task.questions if q.kind == "cases"]
        for name, task in tasks.items()
    }
    hand_in("ada", small.notebook(*solutions["ada"]))
    hand_in("bob", small.notebook(*solutions["ada"]))
    done = grade_class(made.bundle, hand_in.folder, tmp_path / "out", secret=secret, settings=Settings(20, 1024))
    found = {one.student: {o.id: o.status for o in one.outcomes} for one in done.graded}
    code = [q.id for q in tasks["ada"].questions if q.kind == "cases"]
    assert {found["ada"][id] for id in code} == {"correct"}
    copied = [id for id in code if found["bob"][id] == "wrong"]
    assert copied, "nothing that is drawn tells two students apart"
    text = "".join(path.read_text() for path in made.bundle.rglob("*.json"))
    assert secret.read_text().strip() not in text
    hand_in("Cyd Unlisted", small.notebook(*solutions["ada"]))
    done = grade_class(made.bundle, hand_in.folder, tmp_path / "out", secret=secret, settings=Settings(20, 1024))
    unlisted = next(one for one in done.graded if one.student == "Cyd Unlisted")
    assert unlisted.status == "needs marking" and "not on it" in unlisted.notes[0]
    assert "Cyd Unlisted" in done.info["notes"][-1]
    with pytest.raises(LessonError, match="secret"):
        grade_class(made.bundle, hand_in.folder, tmp_path / "out")
    other = tmp_path / "other"
    other.write_text("00" * 32)
    other.chmod(0o600)
    with pytest.raises(LessonError, match="another secret"):
        grade_class(made.bundle, hand_in.folder, tmp_path / "out", secret=other)


@pytest.mark.parametrize("sheet", sheets(), ids=lambda sheet: sheet.path.stem)
def test_wrong_answers_of_all_exercises_fail_in_the_batch_and_solutions_pass(sheet, tmp_path):
    """One student for each named wrong answer, and one who knows everything."""
    made = release(int(sheet.path.name[:2]), tmp_path / "r", quiz_points=0)
    folder = tmp_path / "in"
    told = {}
    for exercise in sheet.exercises.values():
        for number, wrong in enumerate(exercise.wrong.values()):
            student = f"{exercise.id}-{number}"
            told[student] = (exercise.id, wrong.message)
            (folder / student).mkdir(parents=True)
            marked = f"# medtutor: {exercise.id}\n{wrong.code}"
            (folder / student / "a.ipynb").write_bytes(small.notebook(marked))
    (folder / "right").mkdir(parents=True)
    right = [f"# medtutor: {exercise.id}\n{exercise.solution}" for exercise in sheet.exercises.values()]
    (folder / "right" / "a.ipynb").write_bytes(small.notebook(*right))
    done = grade_class(made.bundle, folder, tmp_path / "out", jobs=2, settings=Settings(30, 1024))
    for graded in done.graded:
        by_id = {outcome.id: outcome for outcome in graded.outcomes}
        if graded.student == "right":
            assert {by_id[id].status for id in sheet.exercises} == {"correct"}
            continue
        id, message = told[graded.student]
        assert by_id[id].points == 0 and by_id[id].status != "not attempted", (graded.student, by_id[id])
        said = " ".join(message.split())
        # the text of an exception is the student's, and is cut where the case is hidden
        assert said in by_id[id].reason or by_id[id].reason.startswith("Your code raises"), (graded.student, by_id[id])


def test_the_time_of_a_class_is_that_of_its_questions(source, hand_in, tmp_path):
    """Forty submissions take seconds, not minutes: each costs a fork, not a start of Python."""
    for n in range(40):
        hand_in(f"s{n:02d}", DOUBLE)
    began = time.monotonic()
    done = grade_class(source, hand_in.folder, tmp_path / "out", jobs=2, settings=QUICK)
    assert sum(one.total for one in done.graded) == 120
    assert time.monotonic() - began < 30  # about 2 s on a quiet machine
    assert Path(tmp_path / "out" / "report.html").is_file()
