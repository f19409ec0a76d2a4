"""The lint of lessons, on lessons with one fault each and on the real ones."""

import pytest
import tiny_lessons

from medtutor.course import lesson, lessons
from medtutor.course.lint import faults, rhythm


@pytest.mark.parametrize("one", lessons(), ids=lambda one: one.slug)
def test_a_lesson_has_no_faults(one):
    assert faults(one) == []


def test_the_rhythm_is_a_report(capsys):
    with capsys.disabled():
        print()
        for one in lessons():
            print(f"{one.slug:<28}", "  ".join(f"{name} {value:.1f}" for name, value in rhythm(one).items()))
    assert all(rhythm(one)["code_cells"] > 0 for one in lessons())


@pytest.mark.parametrize(
    "cell, words",
    [("# %%\n%matplotlib inline", "magic or shell command %matplotlib"), ("# %%\n!pip install x", "!pip"),
     ('# %%\nfigures.images(x, title="t")', "figures.images without alt="),
     ("# %%\nplt.plot(x)", "plt.plot: draw with"),
     ('# %%\nSliceViewer(x, title="t")', "SliceViewer without alt="),
     ("# %% [markdown]\n# # Top", "heading of level 1"),
     ("# %% [markdown]\n# #### Deep", "level 4 under one of level 2"),
     ("# %% [markdown]\n# ![](x.png)", "without alt text"), ("# %%\n" + "x = 1\n" * 36, "a code cell of 36 lines"),
     ("# %%\n# exercise: cnn.ppv\n\n# %%\n# exercise: cnn.ppv", "marked twice")],
)  # fmt: skip
def test_each_fault_is_named(tmp_path, monkeypatch, cell, words):
    monkeypatch.setenv("MEDTUTOR_LESSONS", str(tmp_path))
    tiny_lessons.write(tmp_path)
    assert faults(lesson(7)) == []
    tiny_lessons.write(tmp_path, body=f"{tiny_lessons.BODY}\n{cell}\n")
    assert [fault for fault in faults(lesson(7)) if words in fault]
