"""What is shown while a network trains: one picture that grows in a notebook, a line an epoch elsewhere."""

import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import IPython.display
import pytest
import torch
from sets import small_net, squares

from medtutor.training import fit, progress
from medtutor.training.loop import History
from medtutor.training.progress import Progress


class Clock:
    """Time that passes only when told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress.time, "perf_counter", lambda: self.now)


@pytest.fixture
def notebook(monkeypatch):
    """A notebook that remembers what it is asked to show: (how, html) for each picture."""
    shown = []
    handle = SimpleNamespace(update=lambda html: shown.append(("update", html.data)))

    def display(html, display_id=None):
        assert display_id is True, "without an id each picture would be a new one"
        shown.append(("new", html.data))
        return handle

    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def losses(*values):
    return [torch.tensor(value) for value in values]


def test_a_notebook_shows_one_picture_that_is_updated_at_most_every_second_and_a_half(notebook, monkeypatch):
    clock, history = Clock(monkeypatch), History()
    watch = Progress(history, epochs=1, steps=50, live=None, sample=False)
    for step in range(1, 51):  # 50 steps of 0.1 s
        clock.now += 0.1
        history.steps = step
        watch.step(losses(*[0.5] * step))
    assert [how for how, _ in notebook] == ["new", "update", "update"]
    history.train_step, history.train_loss = list(range(1, 51)), [0.5] * 50
    watch.end()
    assert [how for how, _ in notebook] == ["new", "update", "update", "update"], "the last picture is always drawn"


def test_losses_are_read_only_when_a_picture_is_due(notebook, monkeypatch):
    clock, history = Clock(monkeypatch), History()
    watch = Progress(history, epochs=1, steps=10, live=None, sample=False)
    history.steps = 1
    unread = [object()]  # torch.stack would refuse it
    watch.step(unread)
    clock.now += 2
    with pytest.raises(TypeError):
        watch.step(unread)
    assert notebook == []


def test_the_picture_holds_the_epochs_so_far_and_the_steps_of_this_one(notebook, monkeypatch):
    clock = Clock(monkeypatch)
    history = History(
        train_step=[1, 2, 3], train_loss=[0.9, 0.8, 0.7], val_step=[3], val_loss=[0.654], val_acc=[0.75], steps=5
    )
    watch = Progress(history, epochs=4, steps=12, live=None, sample=False)
    clock.now += 2
    watch.step(losses(0.6, 0.5))
    html = notebook[0][1]
    assert "Loss: step 5 of 12, validation loss 0.654, validation accuracy 0.750" in html
    raw, mean, val = ET.fromstring(html).iter("{http://www.w3.org/2000/svg}polyline")
    assert len(raw.get("points").split()) == len(mean.get("points").split()) == 5
    assert len(val.get("points").split()) == 1
    assert "loss (nats)" in html and "training step" in html
    assert "patients" not in html


def test_a_picture_of_the_sample_says_so(notebook, monkeypatch):
    clock, history = Clock(monkeypatch), History(steps=1)
    watch = Progress(history, epochs=1, steps=9, live=None, sample=True)
    clock.now += 2
    watch.step(losses(0.5))
    words = [text.text for text in ET.fromstring(notebook[0][1]).iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == "OFFLINE SAMPLE, not patients"
    assert words[1] == "Loss: step 1 of 9"


def test_an_epoch_without_time_for_a_picture_draws_none_and_prints_none(notebook, monkeypatch, capsys):
    clock, history = Clock(monkeypatch), History(train_step=[1], train_loss=[0.5], val_step=[1], val_loss=[0.5])
    history.val_acc, history.steps = [0.5], 1
    watch = Progress(history, epochs=2, steps=2, live=None, sample=False)
    watch.epoch(1)
    assert notebook == []
    clock.now += 1.6
    watch.epoch(2)
    assert len(notebook) == 1
    assert capsys.readouterr() == ("", "")


def test_training_in_a_notebook_ends_with_the_picture_of_the_whole_run(notebook):
    history = fit(small_net(), squares(60, 0), squares(20, 1), epochs=2, batch_size=32, device="cpu")
    assert "step 4 of 4" in notebook[-1][1] and "OFFLINE SAMPLE" in notebook[-1][1]
    assert f"validation loss {history.val_loss[-1]:.3f}" in notebook[-1][1]


def test_nothing_is_shown_where_nothing_is_asked_for(notebook, capsys):
    fit(small_net(), squares(60, 0), squares(20, 1), epochs=1, batch_size=32, device="cpu", live=False)
    assert notebook == []
    assert capsys.readouterr() == ("", "")


def test_text_is_printed_in_a_notebook_too_when_asked_for(notebook, capsys):
    fit(small_net(), squares(60, 0), squares(20, 1), epochs=2, batch_size=32, device="cpu", live=True)
    assert notebook == []
    assert [line[:9] for line in capsys.readouterr().err.splitlines()] == ["epoch 1/2", "epoch 2/2"]


def test_a_line_holds_the_mean_loss_of_its_epoch_alone(capsys):
    history = History(train_step=[1, 2, 3, 4], train_loss=[9.0, 7.0, 0.5, 0.25], val_step=[2, 4])
    history.val_loss, history.val_acc, history.steps, history.wall_s = [1.0, 0.625], [0.5, 0.875], 4, 3.21
    Progress(history, epochs=2, steps=4, live=True, sample=False).epoch(2)
    line = capsys.readouterr().err
    assert line == "epoch 2/2  step 4/4  train loss 0.375  val loss 0.625  val accuracy 0.875  3.2 s\n"


@pytest.mark.parametrize(
    "shell, expected", [(None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=1), True)]
)
def test_a_notebook_is_told_from_a_script_and_from_a_terminal(monkeypatch, shell, expected):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert progress._in_notebook() is expected
    watch = Progress(History(), epochs=1, steps=1, live=None, sample=False)
    assert (watch.in_notebook, watch.text) == (expected, not expected)


def test_without_ipython_there_is_text(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython")
    assert progress._in_notebook() is False
