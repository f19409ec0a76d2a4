"""The front matter: read strictly, with errors that name the file and the field."""

import pytest
import tiny_lessons

from medtutor.course import lesson, lessons
from medtutor.course.frontmatter import read
from medtutor.errors import LessonError, UnknownNameError


def front_with(old, new):
    assert old in tiny_lessons.FRONT
    return tiny_lessons.FRONT.replace(old, new)


def test_a_lesson_is_read_with_all_its_fields(tmp_path):
    one = read(tiny_lessons.write(tmp_path))
    assert (one.number, one.slug, one.title, one.minutes) == (7, "tiny_lesson", "A tiny lesson", 5)
    assert (one.optional_minutes, one.packages, one.data) == (0, (), ("pneumoniamnist",))
    assert dict(one.budgets["laptop"]) == {"seeds": (0, 1, 2), "steps": 2}
    assert one.bounds["smoke"]["real"]["val_auc"] == 0.9
    with pytest.raises(TypeError):
        one.budgets["smoke"]["steps"] = 100


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "A tiny lesson"\n', "", "title is missing"),
        ("minutes = 5", "minutes = 5\ncolour = 1", "colour is unknown"),
        ("minutes = 5", 'minutes = "5"', "minutes should be a whole number of at least 1"),
        ("number = 7", "number = 8", "number should be 7 like the file"),
        ("number = 7", "number = ", "not valid TOML"),
        ('goals = ["add two numbers"]', "goals = []", "goals should be a list of texts, at least 1"),
        ('data = ["pneumoniamnist"]', 'data = ["pneumonia"]', "did you mean 'pneumoniamnist'"),
        ("minutes = 5", 'minutes = 5\npackages = ["scikit-learn"]', "packages should be names that can be imported"),
        ("[budget.gpu]", "[budget.cluster]", "three tables"),
        ("steps = 3", "strides = 3", "same keys in every budget"),
        ("steps =", "name =", "cannot"),
        ("seeds = [0]", "seeds = [0, 1]", "one seed in [budget.smoke]"),
        ("seeds = [0, 1, 2]", "seeds = [0, 1, 1]", "list of seeds, none twice"),
        ("val_auc = 0.8", "test_auc = 0.8", "turn the test set into a target"),
        ("val_auc = 0.8", 'val_auc = "high"', "numbers, not 'high' for val_auc"),
        ("[bounds.smoke.sample]", "[bounds.smoke.fake]", "kind out of real, sample"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path, old, new, said):
    path = tiny_lessons.write(tmp_path, front=front_with(old, new))
    with pytest.raises(LessonError) as error:
        read(path)
    assert said in str(error.value)
    assert str(error.value).startswith("07_tiny_lesson.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print(1)\n", "the first line should be"),
        ("# /// lesson\n# number = 7\n", "has no end"),
        ("# /// lesson\nnumber = 7\n# ///\n", "line 2: every line"),
    ],
)
def test_a_block_that_is_not_closed_or_not_a_comment_is_refused(tmp_path, text, said):
    path = tmp_path / "07_tiny_lesson.py"
    path.write_text(text)
    with pytest.raises(LessonError, match=said):
        read(path)


def test_a_file_without_a_number_is_refused(tmp_path):
    with pytest.raises(LessonError, match="named like"):
        read(tiny_lessons.write(tmp_path, "Tiny.py"))


@pytest.fixture
def two_lessons(tmp_path, monkeypatch):
    tiny_lessons.write(tmp_path)
    tiny_lessons.write(tmp_path, "02_other_one.py", front=front_with("number = 7", "number = 2"))
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    return tmp_path


def test_lessons_are_sorted_by_number(two_lessons):
    assert [one.number for one in lessons()] == [2, 7]


@pytest.mark.parametrize(
    "which", [7, "7", "07", "tiny_lesson", "tiny-lesson", "07_tiny_lesson", "07_tiny_lesson.ipynb"]
)
def test_a_lesson_is_found_by_number_slug_and_file_name(two_lessons, which):
    assert lesson(which).slug == "tiny_lesson"


def test_an_unknown_lesson_suggests_the_nearest(two_lessons):
    with pytest.raises(UnknownNameError, match="did you mean 'tiny_lesson'"):
        lesson("tiny_leson")
    with pytest.raises(UnknownNameError, match="no lesson '9'. Known: 2, 7"):
        lesson("9")


def test_two_lessons_of_one_number_are_refused(two_lessons):
    tiny_lessons.write(two_lessons, "07_second.py")
    with pytest.raises(LessonError, match=r"07_second.py and 07_tiny_lesson.py have the same number"):
        lessons()


def test_a_changed_source_is_read_again(two_lessons):
    assert lesson(7).minutes == 5
    tiny_lessons.write(two_lessons, front=front_with("minutes = 5", "minutes = 15"))
    assert lesson(7).minutes == 15
