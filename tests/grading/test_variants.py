"""Variants: drawn from a secret, the same again for the same student, and independent otherwise."""

import os
import random
import stat
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtutor.checks import sheet
from medtutor.errors import DataError, StorageError
from medtutor.grading.variants import draw, new_secret, read_secret, with_parameters

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
FIELD = sheet("cnn").exercises["cnn.receptive_field"]


@settings(max_examples=30, deadline=None)
@given(
    secret=st.binary(min_size=32, max_size=64), course=st.text(max_size=20), student=st.none() | st.text(max_size=20)
)
def test_the_same_student_gets_the_same_values_again(secret, course, student):
    assert draw(FIELD, secret, course, student) == draw(FIELD, secret, course, student)


def test_students_courses_secrets_and_exercises_are_drawn_apart():
    values = [str(draw(FIELD, SECRET, "c", f"student {i}")) for i in range(200)]
    assert len(set(values)) == 200
    one = draw(FIELD, SECRET, "c", "anna")
    assert one != draw(FIELD, OTHER, "c", "anna")
    assert one != draw(FIELD, SECRET, "d", "anna")
    assert one != draw(FIELD, SECRET, "c", None)
    assert draw(FIELD, SECRET, "c", None) != draw(FIELD, SECRET, "c", "")


def test_course_and_student_cannot_be_shifted_into_one_another():
    assert draw(FIELD, SECRET, "ab", "c") != draw(FIELD, SECRET, "a", "bc")


def test_what_is_drawn_is_spread_over_what_there_is():
    stems = [(one["kernel"], one["stride"]) for one in (draw(FIELD, SECRET, "c", str(i)) for i in range(600))]
    counts = [stems.count(stem) for stem in set(stems)]
    assert len(counts) == 6 and min(counts) > 60  # 100 each on average, 9 the standard deviation


def test_a_name_is_the_same_in_both_ways_that_unicode_writes_it():
    assert draw(FIELD, SECRET, "c", "Zo\u00eb") == draw(FIELD, SECRET, "c", "Zoe\u0308")


def test_a_name_that_is_no_text_in_utf_8_is_drawn_for_too():
    assert draw(FIELD, SECRET, "c", "a\udcff") != draw(FIELD, SECRET, "c", "a")


def test_an_exercise_that_draws_nothing_has_no_values():
    assert draw(sheet("cnn").exercises["cnn.ppv"], SECRET, "c") == {}


def test_drawing_leaves_the_random_numbers_of_others_alone():
    random.seed(5)
    first = random.random()
    random.seed(5)
    draw(FIELD, SECRET, "c")
    assert random.random() == first


def test_values_from_a_draw_fill_the_exercise():
    values = draw(FIELD, SECRET, "c", "anna")
    assert f"{values['kernel']} wide, with stride" in with_parameters(FIELD, values).prompt


def test_a_short_secret_is_refused():
    with pytest.raises(DataError, match="3 bytes"):
        draw(FIELD, b"abc", "c")


def test_a_secret_is_written_once_for_its_owner_and_read_back(tmp_path):
    path = tmp_path / "secret"
    secret = new_secret(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_secret(path) == secret and len(secret) == 32
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(StorageError, match="never written over"):
        new_secret(path)
    assert read_secret(path) == secret
    assert new_secret(tmp_path / "another") != secret


def test_a_secret_that_cannot_be_used_says_why(tmp_path):
    path = tmp_path / "secret"
    with pytest.raises(DataError, match="cannot be read"):
        read_secret(path)
    for content, words in (
        (b"ab" * 31, "31 bytes"),
        (b"", "0 bytes"),
        (b"zz", "no hexadecimal"),
        (b"\xff\xfe", "no hex"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_secret(path)
    with pytest.raises(StorageError, match="cannot be written"):
        new_secret(tmp_path / "no" / "folder")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_secret_that_others_can_read_is_used_with_a_warning(tmp_path):
    path = tmp_path / "secret"
    secret = new_secret(path)
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        assert read_secret(path) == secret
