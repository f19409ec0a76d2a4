"""Device, precision and memory. There is no GPU here: what a GPU does is tried with its number formats on the CPU."""

import pytest
import torch
from sets import SHIFT, small_net, squares

from medtutor.errors import DataError, OutOfMemoryError
from medtutor.training import fit, loop, pick_device, pick_precision, predict
from medtutor.training.device import explain_out_of_memory

T4, V100, A100, H100 = (7, 5), (7, 0), (8, 0), (9, 0)
SCALER = torch.amp.GradScaler


def run(net, **settings):
    settings = {"epochs": 3, "batch_size": 32, "augment": SHIFT, "live": False, "device": "cpu"} | settings
    return fit(net, squares(200, 0), squares(60, 1), **settings)


@pytest.fixture
def half(monkeypatch):
    """float16 with a scaler, as on a T4, but on the CPU."""
    monkeypatch.setattr(loop, "pick_precision", lambda device: torch.float16)


def start_at(monkeypatch, scale: float):
    """Let the scaler start at `scale`; a large one overflows, and steps are skipped until it has come down."""

    def scaler(device, enabled):
        return SCALER(device, init_scale=scale, enabled=enabled)

    monkeypatch.setattr(torch.amp, "GradScaler", scaler)


@pytest.mark.parametrize(
    "capability, precision",
    [(T4, torch.float16), (V100, torch.float16), (A100, torch.bfloat16), (H100, torch.bfloat16)],
)
def test_bfloat16_only_where_the_hardware_has_it(monkeypatch, capability, precision):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)  # what a T4 says, because it emulates it
    assert pick_precision(torch.device("cuda")) == precision


def test_the_cpu_computes_in_float32():
    assert pick_precision(torch.device("cpu")) == torch.float32


def test_the_gpu_is_taken_where_there_is_one(monkeypatch):
    for there, name in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert pick_device() == torch.device(name)
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_it_learns_in_half_precision_too(monkeypatch, precision):
    used, real = [], loop.torch.autocast
    monkeypatch.setattr(loop, "pick_precision", lambda device: precision)
    monkeypatch.setattr(loop.torch, "autocast", lambda *args, **kw: used.append((args, kw)) or real(*args, **kw))
    net, unseen = small_net(), squares(200, 2)
    run(net, epochs=4)
    assert used[0] == (("cpu", precision), {"enabled": True})
    assert (predict(net, unseen).argmax(1) == unseen.labels).float().mean() > 0.95
    assert all(p.dtype == torch.float32 for p in net.parameters())


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float32])
def test_only_float16_has_a_scaler(monkeypatch, precision):
    made = []
    monkeypatch.setattr(loop, "pick_precision", lambda device: precision)
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *a, **kw: made.append(SCALER(*a, **kw)) or made[-1])
    run(small_net(), epochs=1)
    assert [scaler.is_enabled() for scaler in made] == [precision == torch.float16]


def test_a_step_whose_gradients_overflow_is_skipped_and_the_next_ones_count(half, monkeypatch):
    start_at(monkeypatch, 2.0**40)
    net = small_net()
    before = [p.clone() for p in net.parameters()]
    history = run(net, epochs=1, batch_size=200)  # one step
    assert history.steps == 1
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))

    start_at(monkeypatch, 2.0**20)  # comes down within the first steps
    history = run(net, epochs=6)
    assert history.steps == len(history.train_loss) == 42
    assert history.val_acc[-1] > 0.9


def test_the_rate_goes_by_the_step_even_where_steps_are_skipped(half, monkeypatch):
    rates, real = [], SCALER.step

    def step(self, optimizer):
        rates.append(optimizer.param_groups[0]["lr"])
        return real(self, optimizer)

    start_at(monkeypatch, 2.0**40)
    monkeypatch.setattr(SCALER, "step", step)
    run(small_net(), epochs=2, lr=0.02)
    assert rates == pytest.approx([loop.one_cycle(step, 14, 0.02) for step in range(14)])


def test_a_loss_that_is_not_finite_is_refused_with_a_scaler_too(half):
    with pytest.raises(DataError, match="smaller learning rate"):
        run(small_net(), lr=1e30, augment=None)


def test_an_interrupted_run_in_half_precision_resumes_bit_identical(half, tmp_path):
    class Stops:
        """SHIFT that fails in the second epoch."""

        calls = 0

        def __call__(self, images, generator):
            self.calls += 1
            if self.calls == 10:
                raise KeyboardInterrupt
            return SHIFT(images, generator)

        def __repr__(self):
            return repr(SHIFT)

    whole, resumed = small_net(), small_net()
    run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(resumed, augment=Stops(), checkpoint_to=tmp_path / "run.ckpt")
    resumed = small_net(5)
    history = run(resumed, checkpoint_to=tmp_path / "run.ckpt")
    assert history.resumed_from_epoch == 1
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory: you tried to"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_out_of_memory_names_the_batch_size_to_try(device, error):
    with (
        pytest.raises(OutOfMemoryError, match=rf"memory of {device} is full at batch_size=64: try batch_size=32\."),
        explain_out_of_memory(64, torch.device(device)),
    ):
        raise error


def test_a_batch_of_one_that_does_not_fit_gets_other_advice():
    with pytest.raises(OutOfMemoryError, match="smaller images"), explain_out_of_memory(1, torch.device("cpu")):
        raise torch.OutOfMemoryError


def test_another_error_stays_what_it_is():
    with pytest.raises(RuntimeError, match="shape") as caught, explain_out_of_memory(64, torch.device("cpu")):
        raise RuntimeError("shape mismatch")
    assert not isinstance(caught.value, OutOfMemoryError)


def test_a_cpu_that_is_really_full_is_explained():
    with pytest.raises(OutOfMemoryError, match="batch_size=4"), explain_out_of_memory(8, torch.device("cpu")):
        torch.empty(1 << 55, dtype=torch.uint8)


def test_out_of_memory_in_the_middle_of_training(monkeypatch):
    monkeypatch.setattr(loop, "loss_for", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA")))
    with pytest.raises(OutOfMemoryError, match="try batch_size=16"):
        run(small_net())
