"""Reading what was handed in: what can be read is kept, the rest is said in a sentence, and nothing else is raised."""

import json
import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtutor.grading.reader import NOTES, Limits, SubmissionError, read_notebook
from medtutor.grading.submission import Notebook

QUICK = settings(
    derandomize=True, deadline=None, max_examples=150, database=None, suppress_health_check=list(HealthCheck)
)
SECRET = "pwned"  # stands for any text of a student's


def notebook(*cells, **others):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | others


def code(source, **others):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None} | others


def read(document, **limits):
    return read_notebook(json.dumps(document).encode(), Limits(**limits))


def refused(source, **limits):
    with pytest.raises(SubmissionError) as error:
        read_notebook(
            source if isinstance(source, bytes) or not isinstance(source, str) else source.encode(), Limits(**limits)
        )
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message and SECRET not in message
    return message


def test_cells_keep_kind_source_place_id_and_metadata():
    found = read(
        notebook(
            {"cell_type": "markdown", "source": ["# one\n", "two"], "metadata": {}, "id": "a"},
            code("x = 1", id="b", metadata={"nbgrader": {"grade_id": "q"}}),
            {"cell_type": "raw", "source": "r", "metadata": {}},
        )
    )
    assert [(cell.kind, cell.source, cell.index, cell.id) for cell in found.cells] == [
        ("markdown", "# one\ntwo", 0, "a"),
        ("code", "x = 1", 1, "b"),
        ("raw", "r", 2, ""),
    ]
    assert found.cells[1].metadata == {"nbgrader": {"grade_id": "q"}}
    assert found.notes == ()


def test_worksheets_of_nbformat_3_are_read():
    sheets = [
        {"cells": [{"cell_type": "code", "input": ["x = 1\n", "y = 2"]}, {"cell_type": "heading", "source": "H"}]},
        "no sheet",
        {"cells": [{"cell_type": "code", "input": "z = 3"}]},
    ]
    found = read({"worksheets": sheets, "nbformat": 3})
    assert [(cell.kind, cell.source, cell.index) for cell in found.cells] == [
        ("code", "x = 1\ny = 2", 0),
        ("markdown", "H", 1),
        ("code", "z = 3", 2),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_byte_order_marks_and_other_encodings_are_read(encoding):
    data = json.dumps(notebook(code("größe = 'µ'")), ensure_ascii=False).encode(encoding)
    assert read_notebook(data).cells[0].source == "größe = 'µ'"


def test_bytes_that_are_no_unicode_are_replaced_with_a_note():
    data = json.dumps(notebook(code("x = 'NAME'"))).encode().replace(b"NAME", b"\xff\xe9")
    found = read_notebook(data)
    assert found.cells[0].source == "x = '\ufffd\ufffd'"
    assert "not clean Unicode" in found.notes[0]


@pytest.mark.parametrize(
    "raw", ["\\ud800", "\\u0000", "\\udc00\\udc00"], ids=["lone surrogate", "NUL", "surrogates the wrong way round"]
)
def test_characters_that_no_text_can_hold_are_replaced_with_a_note(raw):
    data = json.dumps(notebook(code("x = 'NAME'"), code("y"))).replace("NAME", raw).encode()
    found = read_notebook(data)
    assert "\ufffd" in found.cells[0].source
    found.cells[0].source.encode()
    assert found.notes[0].startswith("Cell 1: ") and len(found.cells) == 2


def test_raw_control_characters_within_strings_are_read():
    data = json.dumps(notebook(code("x = 'TAB'\ny = 1"))).replace("TAB", "\t\x1b").replace("\\n", "\n").encode()
    assert read_notebook(data).cells[0].source == "x = '\t\x1b'\ny = 1"


def test_missing_metadata_ids_and_versions_cost_nothing():
    found = read({"cells": [{"cell_type": "code", "source": "x"}, {"source": "y", "outputs": []}]})
    assert [cell.source for cell in found.cells] == ["x", "y"]
    assert found.notes == ()


def test_a_wrong_cell_is_left_out_with_a_note_and_its_neighbours_stay():
    wrong = [None, 3, "text", [], {}, {"cell_type": "code", "source": 3}, {"cell_type": SECRET, "source": "x"}]
    wrong += [{"cell_type": ["code"], "source": "x"}, {"cell_type": "code", "source": ["x", 1]}]
    wrong += [{"cell_type": "code", "source": {"a": SECRET}}, {"cell_type": "code", "source": None}]
    found = read(notebook(code("first"), *wrong, code("last")))
    assert [cell.source for cell in found.cells] == ["first", "last"]
    assert found.cells[1].index == len(wrong) + 1
    assert len(found.notes) == len(wrong)
    assert not any(SECRET in note for note in found.notes)


def test_metadata_and_ids_of_a_wrong_type_count_as_missing():
    found = read(notebook(code("x", metadata=[1], id=3), code("y", metadata=None, id="i" * 1000)))
    assert [(cell.metadata, cell.id) for cell in found.cells] == [({}, ""), ({}, "")]


def test_of_a_repeated_key_the_last_counts_and_a_note_says_so():
    data = b'{"cells": [{"cell_type": "code", "source": "a", "source": "b"}], "nbformat": 4}'
    found = read_notebook(data)
    assert found.cells[0].source == "b"
    assert "repeated" in found.notes[0]


def test_nan_and_numbers_without_end_are_no_fault():
    data = '{"cells": [{"cell_type": "code", "source": "a", "metadata": {"n": %s}}]}'
    for number in ("NaN", "-Infinity", "9" * 50_000, "1e" + "9" * 5000, "0." + "1" * 50_000):
        assert read_notebook((data % number).encode()).cells[0].source == "a"


def test_a_cell_over_the_limit_is_left_out_with_a_note():
    for source in ("x" * 101, ["x" * 60, "y" * 60]):
        found = read(notebook(code(source), code("ok")), cell_characters=100)
        assert [cell.source for cell in found.cells] == ["ok"]
        assert found.notes == ("Cell 1: it is longer than 100 characters and was left out.",)


def test_cells_over_the_count_are_cut_with_a_note():
    found = read(notebook(*[code(str(i)) for i in range(12)]), cells=10)
    assert [cell.source for cell in found.cells] == [str(i) for i in range(10)]
    assert found.notes == ("The notebook holds over 10 cells; the rest was not read.",)


def test_many_wrong_cells_give_few_notes_and_a_count():
    found = read(notebook(*[3] * 500))
    assert found.cells == () and len(found.notes) == NOTES + 1
    assert found.notes[-1] == "In all 500 cells were left out."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf",
        b"   \n",
        b"\x00" * 100,
        b"null",
        b"[]",
        b"3",
        b'"pwned"',
        b'{"pwned": 1}',
        b'{"cells": {"pwned": 1}}',
        b'{"worksheets": [1, {"cells": 3}]}',
        b"<html>pwned",
        b"\x89PNG\r\n\x1a\n",
        b'{"cells": [',
        b"{'cells': []}",
        b'{"cells": []} trailing pwned',
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_notebook_is_refused_in_one_sentence(data):
    refused(data)


def test_sizes_are_refused_before_anything_is_parsed(tmp_path):
    path = tmp_path / f"{SECRET}.ipynb"
    path.write_bytes(b"[" * 2000)
    assert "larger than 0.001 MB" in refused(path, bytes=1000)
    assert "larger than" in refused(b" " * 1001, bytes=1000)
    big = tmp_path / "sparse.ipynb"
    with big.open("wb") as file:
        file.truncate(50_000_000_000)  # holes: no disk is used, and it must not be read
    start = time.perf_counter()
    assert "larger than" in refused(big)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', '{"cells":['])
@pytest.mark.parametrize("close", [True, False])
def test_nesting_is_refused_before_it_is_parsed(opening, close):
    shut = "".join("]" if mark == "[" else "}" for mark in reversed(opening) if mark in "[{")
    assert "nested over" in refused(opening * 100_000 + "1" + (shut * 100_000 if close else ""))


def test_brackets_in_strings_are_no_nesting():
    text = "[{" * 500 + '\\"' + "[" * 100
    assert read(notebook(code(text))).cells[0].source == text


def test_the_depth_that_is_allowed_is_read_and_one_more_is_not():
    def nested(levels):
        inner = 1
        for _ in range(levels):
            inner = [inner]
        return notebook(code("x", metadata={"m": inner}))

    assert read(nested(6), depth=10).cells  # notebook, cells, cell, metadata, and six more
    assert "nested over 10" in refused(json.dumps(nested(7)), depth=10)


@pytest.mark.parametrize(
    "data",
    [b"[" + b"[]," * 1_500_000 + b"[]]", b"[" + b"1.5," * 2_500_000 + b"1]", b'{"a":' + b'{"a":1},' * 900_000],
    ids=["lists", "numbers", "keys"],
)
def test_more_items_than_memory_should_hold_are_refused(data):
    assert "items of JSON" in refused(data)


@pytest.mark.parametrize(
    "data",
    [b'"' + b'\\"' * 5_000_000, b'"' * 5_000_000, b"\\" * 5_000_000, b'"\\' * 3_000_000],
    ids=["escaped quotes", "quotes", "backslashes", "both"],
)
def test_strings_that_never_end_take_time_linear_in_their_length(data):
    start = time.process_time()
    refused(data)
    assert time.process_time() - start < 5


def test_a_file_that_is_no_regular_one_is_not_opened(tmp_path):
    real = tmp_path / "real.ipynb"
    real.write_text(json.dumps(notebook(code("x"))))
    assert read_notebook(real).cells[0].source == "x"
    link, folder, pipe = tmp_path / "link.ipynb", tmp_path / "folder.ipynb", tmp_path / "pipe.ipynb"
    folder.mkdir()
    refused(folder)
    refused(tmp_path / "missing.ipynb")
    refused(tmp_path / "nul\x00.ipynb")
    try:
        link.symlink_to(real)
    except (OSError, NotImplementedError):
        return  # a system without links
    refused(link)
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        refused(pipe)  # and does not wait for a writer
    if os.path.exists("/dev/zero"):
        refused(Path("/dev/zero"))


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.ipynb"
    path.write_text("{}")

    def denied(*_):
        raise PermissionError(13, "denied", f"/home/{SECRET}")

    monkeypatch.setattr(os, "open", denied)
    assert refused(path) == "The file cannot be opened."


# fuzz ---------------------------------------------------------------------------------------------------------------

ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
WORDS = st.sampled_from(
    ["cells", "worksheets", "cell_type", "source", "input", "metadata", "id", "outputs", "code", "markdown", "nbformat"]
)


def json_of(atoms, keys):
    return st.recursive(
        atoms, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=20
    )


JSONS = json_of(ATOMS, st.text(max_size=8))
NEAR = json_of(ATOMS | WORDS, WORDS)
VALID = notebook(
    code(["import numpy as np\n", "x = 1"], id="a", metadata={"nbgrader": {"grade_id": "q", "points": 2}}),
    {"cell_type": "markdown", "source": "text", "metadata": {}},
    code("y = 2", outputs=[{"output_type": "stream", "text": ["1\n"]}]),
)


def reads_or_refuses(data):
    try:
        found = read_notebook(data)
    except SubmissionError as error:
        assert str(error).endswith(".")
        return None
    assert isinstance(found, Notebook)
    for cell in found.cells:
        assert cell.kind in ("code", "markdown", "raw")
        assert isinstance(cell.source, str) and isinstance(cell.id, str) and isinstance(cell.metadata, dict)
        cell.source.encode()
        assert "\x00" not in cell.source
    return found


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def replaced(value, path, by):
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


@QUICK
@given(JSONS)
def test_fuzz_any_json_is_read_or_refused(document):
    reads_or_refuses(json.dumps(document).encode())


@QUICK
@given(NEAR, st.sampled_from(["cells", "worksheets"]))
def test_fuzz_json_in_the_words_of_a_notebook_is_read_or_refused(document, key):
    reads_or_refuses(json.dumps(document).encode())
    reads_or_refuses(json.dumps({key: document}).encode())
    reads_or_refuses(json.dumps({key: [document, {"cells": [document]}]}).encode())


@pytest.mark.parametrize(
    "wrong",
    [None, True, 0, -1.5, "", "x", [], {}, [[]], ["x", 3], {"x": None}, 10**30],
    ids=lambda wrong: repr(wrong)[:9],
)
def test_fuzz_a_wrong_type_at_any_place_of_a_notebook_is_read_or_refused(wrong):
    for path in places(VALID):
        reads_or_refuses(json.dumps(replaced(VALID, path, wrong)).encode())


@QUICK
@given(st.binary(max_size=300))
def test_fuzz_any_bytes_are_read_or_refused(data):
    reads_or_refuses(data)


@QUICK
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3))
def test_fuzz_a_damaged_notebook_is_read_or_refused(seed, noise):
    data = json.dumps(VALID).encode()
    at = random.Random(seed).randrange(len(data))
    reads_or_refuses(data[:at] + noise + data[at + len(noise) :])


def test_fuzz_a_notebook_cut_at_any_byte_is_refused():
    data = json.dumps(VALID).encode()
    for end in range(len(data)):
        assert reads_or_refuses(data[:end]) is None
    assert reads_or_refuses(data) is not None
