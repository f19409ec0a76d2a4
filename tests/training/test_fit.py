"""`fit`: it learns, repeats itself, resumes, and says what is wrong."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from sets import SHIFT, small_net, squares

from medtutor.errors import CheckpointError, DataError
from medtutor.nets import SmallResNet
from medtutor.training import fit, one_cycle, predict, recipe_for, scale
from medtutor.training.batches import batches_per_epoch, epoch_batches


def run(net=None, **settings):
    net = net or small_net()
    settings = {"epochs": 3, "batch_size": 32, "augment": SHIFT, "live": False, "device": "cpu"} | settings
    return net, fit(net, squares(200, 0), squares(60, 1), **settings)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_learns_what_can_be_learnt():
    net, history = run(epochs=4)
    unseen = squares(200, 2)
    accuracy = (predict(net, unseen).argmax(1) == unseen.labels).float().mean()
    assert accuracy > 0.95
    assert len(history.train_loss) == history.steps == 4 * 7
    assert history.val_step == [7, 14, 21, 28]
    assert history.cpu_s > 0 and history.wall_s > 0


def test_it_learns_nothing_from_labels_without_meaning():
    train = squares(200, 0)
    train.labels = train.labels[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    net = small_net()
    fit(net, train, train, epochs=2, batch_size=32, live=False, device="cpu")
    unseen = squares(300, 2)
    assert abs((predict(net, unseen).argmax(1) == unseen.labels).float().mean() - 0.5) < 0.15


def test_one_seed_gives_one_result_and_another_seed_another():
    (a, _), (b, _), (c, _) = run(seed=3), run(seed=3), run(seed=4)
    assert same(a, b)
    assert not same(a, c)


def test_the_last_part_of_the_steps_sees_images_as_they_are():
    calls = []

    def counted(images, generator):
        calls.append(len(images))
        return SHIFT(images, generator)

    for clean_end, expected in ((0.0, 21), (0.25, 16), (1.0, 0)):  # of 21 steps; 15.75 is rounded up
        calls.clear()
        run(augment=counted, clean_end=clean_end)
        assert len(calls) == expected


def test_training_leaves_the_users_random_numbers_alone():
    net = small_net()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(net)
    assert torch.equal(torch.rand(3), expected)


def test_a_multi_label_set_and_a_many_class_set_train_too():
    for task in ("multi-label", "multi-class"):
        net = small_net(classes=3)
        train, val = squares(240, 0, 3, task=task), squares(60, 1, 3, task=task)
        history = fit(net, train, val, epochs=6, batch_size=32, live=False, device="cpu")
        assert history.val_acc[-1] > 0.9
        sums = predict(net, val).sum(1)
        assert torch.allclose(sums, torch.ones_like(sums)) == (task == "multi-class")


def test_a_killed_run_resumes_and_ends_bit_identical(tmp_path):
    path = tmp_path / "run.ckpt"
    here = Path(__file__).parent
    env = os.environ | {"PYTHONPATH": str(here.parent)}
    process = subprocess.Popen([sys.executable, here / "killed_run.py", path], env=env, stderr=subprocess.PIPE)
    deadline = time.time() + 120
    while not path.exists() and process.poll() is None and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    whole, straight = run()
    resumed, history = run(checkpoint_to=path)
    assert 1 <= history.resumed_from_epoch < 3, "the run was not killed in the middle"
    assert same(whole, resumed)
    assert history.train_loss == straight.train_loss
    assert history.val_loss == straight.val_loss


def test_a_finished_run_is_not_trained_again(tmp_path):
    net, _ = run(checkpoint_to=tmp_path / "a" / "run.ckpt")
    again, history = run(net=small_net(5), checkpoint_to=tmp_path / "a" / "run.ckpt")
    assert history.resumed_from_epoch == 3
    assert same(net, again)


def test_a_damaged_checkpoint_is_reported_and_set_aside(tmp_path):
    path = tmp_path / "run.ckpt"
    whole, _ = run(checkpoint_to=path)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.warns(UserWarning, match=r"damaged .* set aside as run.ckpt.damaged"):
        again, history = run(checkpoint_to=path)
    assert history.resumed_from_epoch == 0
    assert same(whole, again)
    assert (tmp_path / "run.ckpt.damaged").read_bytes() == raw


@pytest.mark.parametrize("cut", [0, 10, 100, -1])
def test_a_cut_checkpoint_is_set_aside(tmp_path, cut):
    path = tmp_path / "run.ckpt"
    run(epochs=1, checkpoint_to=path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.warns(UserWarning, match="damaged"):
        assert run(epochs=1, checkpoint_to=path)[1].resumed_from_epoch == 0


def test_a_checkpoint_cannot_bring_code(tmp_path, monkeypatch):
    import io

    from medtutor.training import checkpoint

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    buffer = io.BytesIO()
    monkeypatch.setattr(checkpoint.torch, "save", lambda state, target: target.write(buffer.getvalue()))
    torch_save = torch.serialization.save
    torch_save({"evil": Evil()}, buffer)
    checkpoint.save(tmp_path / "evil.ckpt", {})
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoint.load(tmp_path / "evil.ckpt") is None
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("change", [{"epochs": 4}, {"lr": 0.1}, {"seed": 1}, {"augment": None}, {"clean_end": 0.5}])
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change):
    run(epochs=3, checkpoint_to=tmp_path / "run.ckpt")
    with pytest.raises(CheckpointError, match=f"another run .*{next(iter(change))}"):
        run(**({"checkpoint_to": tmp_path / "run.ckpt"} | change))


def test_a_checkpoint_of_another_network_or_other_images_is_refused(tmp_path):
    run(epochs=1, checkpoint_to=tmp_path / "run.ckpt")
    with pytest.raises(CheckpointError, match="another network"):
        run(net=SmallResNet(width=8), epochs=1, checkpoint_to=tmp_path / "run.ckpt")
    with pytest.raises(CheckpointError, match="data"):
        fit(small_net(), squares(200, 9), squares(60, 1), epochs=1, batch_size=32, augment=SHIFT, live=False,
            device="cpu", checkpoint_to=tmp_path / "run.ckpt")  # fmt: skip


def test_a_full_disk_keeps_the_earlier_checkpoint(tmp_path, monkeypatch):
    from medtutor.errors import StorageError
    from medtutor.training import checkpoint

    path = tmp_path / "run.ckpt"
    checkpoint.save(path, {"epoch": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(StorageError, match=r"could not be written: No space left"):
        checkpoint.save(path, {"epoch": 2})
    monkeypatch.undo()
    assert checkpoint.load(path) == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["run.ckpt"]


@pytest.mark.parametrize(
    "settings, words",
    [({"epochs": 0}, "epochs >= 1"), ({"lr": -1}, "lr > 0"), ({"batch_size": 1}, "batch_size >= 2"),
     ({"clean_end": 20}, "from 0 to 1"),
     ({"device": "cuda:99"}, "not on this machine"), ({"lr": 1e30, "augment": None}, "smaller learning rate")],
)  # fmt: skip
def test_bad_settings_are_refused_in_words(settings, words):
    with pytest.raises(DataError, match=words):
        run(**settings)


def test_splits_of_different_size_are_refused():
    with pytest.raises(DataError, match="same size"):
        fit(small_net(), squares(20, 0), squares(20, 0, size=16), epochs=1, live=False)


def test_balanced_sampling_draws_each_class_equally_often_and_is_refused_for_many_labels():
    labels = torch.tensor([0] * 90 + [1] * 10)
    drawn = torch.cat(list(epoch_batches(labels.repeat(20), 50, torch.Generator().manual_seed(0), balanced=True)))
    assert abs(labels.repeat(20)[drawn].float().mean() - 0.5) < 0.05
    with pytest.raises(DataError, match="multi-label"):
        fit(
            small_net(), squares(20, 0, task="multi-label"), squares(20, 0, task="multi-label"), epochs=1, balanced=True
        )


@pytest.mark.parametrize("n, batch_size", [(10, 5), (11, 5), (12, 5), (3, 5)])
def test_an_epoch_shows_each_image_once_but_no_batch_of_one(n, batch_size):
    batches = list(epoch_batches(torch.zeros(n, dtype=torch.int64), batch_size, torch.Generator().manual_seed(0)))
    assert len(batches) == batches_per_epoch(n, batch_size)
    seen = torch.cat(batches).tolist()
    assert len(set(seen)) == len(seen) == n - (n % batch_size == 1)


def test_the_mirror_image_is_used_only_where_the_card_allows_it():
    net, images = small_net(), squares(10, 0)
    with pytest.raises(DataError, match="the side is the class"):
        predict(net, images, flip=True)
    images.card.augment.flip_horizontal = True
    p = predict(net, images)
    images.images = images.images.flip(-1)
    torch.testing.assert_close(predict(net, images, flip=True), (p + predict(net, images)) / 2)


def test_scaling_is_fixed_and_not_done_twice():
    assert scale(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]
    with pytest.raises(DataError, match="twice"):
        scale(torch.zeros(3))


def test_one_cycle_equals_torchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=60)
    for step in range(60):
        assert one_cycle(step, 60, 0.02) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        optimizer.step()
        if step < 59:
            theirs.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_one_cycle_of_very_few_steps_stays_finite(steps):
    assert all(0 < one_cycle(step, steps, 0.1) <= 0.1 for step in range(steps))


def test_text_progress_has_a_line_an_epoch(capsys):
    run(live=True)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("epoch 3/3  step 21/21  train loss ")


def test_the_recipe_depends_on_the_set_and_never_on_its_name():
    augment = dict(flip_horizontal=True, flip_vertical=False, rotate_degrees=5.0, shift_fraction=0.1)
    augment |= dict(scale_fraction=0.1, intensity_fraction=0.1)

    def made(n, size=28, channels=1, dims=2, name="a"):
        from types import SimpleNamespace

        images = torch.zeros(1, dtype=torch.uint8).expand(n, channels, *[size] * dims)
        card = SimpleNamespace(name=name, classes=("x", "y"), augment=SimpleNamespace(**augment))
        return recipe_for(SimpleNamespace(images=images, card=card))

    assert made(500) == made(500, name="b")
    few, many = made(546), made(4708)
    assert (few.epochs, few.batch_size, few.augment is not None, few.clean_end) == (36, 32, True, 0.2)
    assert (many.epochs, many.batch_size, many.augment, many.clean_end) == (4, 128, None, 0.0)
    assert made(90_000).epochs == 3
    assert [made(500, size).stages for size in (28, 64, 128, 224)] == [3, 4, 5, 6]
    volume = made(300, 28, dims=3).net()
    assert volume(torch.zeros(1, 1, 28, 28, 28)).shape == (1, 2)
    assert made(5).batch_size == 32
