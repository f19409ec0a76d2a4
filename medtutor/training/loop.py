"""`fit`: the training loop that lesson 2 builds, with what a real session needs around it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medtutor.errors import CheckpointError, DataError
from medtutor.training import checkpoint
from medtutor.training.batches import batches_per_epoch, epoch_batches, loss_for, probabilities, scale
from medtutor.training.device import explain_out_of_memory, pick_device, pick_precision
from medtutor.training.progress import Progress
from medtutor.training.schedule import one_cycle


@dataclass
class History:
    """What happened in `fit`. Losses are means over a batch (train) or the whole split (val); times in seconds."""

    train_step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    val_step: list[int] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_acc: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    epochs: int = 0
    steps: int = 0
    device: str = "cpu"
    resumed_from_epoch: int = 0


def fit(
    net: nn.Module,
    train,
    val,
    *,
    epochs: int,
    lr: float = 0.01,
    batch_size: int = 128,
    weight_decay: float = 0.01,
    augment: Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None = None,
    clean_end: float = 0.0,
    balanced: bool = False,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint_to: str | Path | None = None,
    live: bool | None = None,
) -> History:
    """Train `net` in place on `train`, watch `val` after each epoch, and return the history.

    `train`, `val`: image sets (images uint8 (N, C, H, W) or (N, C, D, H, W); labels int64 (N,) or (N, K)). The whole
    set lies on the device as one tensor; scaling and `augment` work on batches there. `clean_end`: the part of the
    steps, at the end, that goes without `augment`, so that the network last sees images as they will come. AdamW with
    a one-cycle learning rate up to `lr`. `balanced` draws each class equally often: off by default, because it moves
    the predicted probabilities away from the real prevalence. `seed` fixes the order, the augmentation and dropout;
    the weights of `net` are as you give them. `checkpoint_to`: a file (also on a mounted drive) written after each
    epoch; the same call after an interruption goes on from there and, on a CPU with as many threads, ends
    bit-identical. `live`: curve in a notebook, text elsewhere (None), always text (True), or nothing (False).

    Raises `DataError` for bad settings or a loss that is not finite, `OutOfMemoryError` with the batch size to try,
    `CheckpointError` for a checkpoint of another run. Built in lesson 2; one-cycle: doi 10.1117/12.2520589; AdamW:
    Loshchilov and Hutter 2019, "Decoupled weight decay regularization".
    """
    _check(train, val, epochs, lr, batch_size, balanced, clean_end)
    device = pick_device(device)
    precision = pick_precision(device)
    per_epoch = batches_per_epoch(len(train.images), batch_size)
    total = epochs * per_epoch
    memory_format = torch.channels_last if train.images.ndim == 4 else torch.channels_last_3d
    history = History(epochs=epochs, device=str(device))
    progress = Progress(history, epochs, total, live, train.source == "sample")
    with explain_out_of_memory(batch_size, device), torch.random.fork_rng(_cuda(device)):
        torch.manual_seed(seed)
        generator = torch.Generator(device=device).manual_seed(seed)
        net.to(device=device, memory_format=memory_format)
        images, labels = train.images.to(device), train.labels.to(device)
        optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
        scaler = torch.amp.GradScaler(device.type, enabled=precision == torch.float16)
        run = _Run(net, optimizer, scaler, generator, history, device)
        if checkpoint_to is not None:
            settings = dict(epochs=epochs, lr=lr, batch_size=batch_size, weight_decay=weight_decay, seed=seed)
            settings |= dict(augment=repr(augment), clean_end=clean_end, balanced=balanced, precision=str(precision))
            settings["data"] = _digest(train)
            history.resumed_from_epoch = run.resume(checkpoint_to, settings)
        cpu, wall = time.process_time() - history.cpu_s, time.perf_counter() - history.wall_s
        for epoch in range(history.resumed_from_epoch, epochs):
            net.train()
            losses = []
            for batch in epoch_batches(labels, batch_size, generator, balanced):
                for group in optimizer.param_groups:
                    group["lr"] = one_cycle(history.steps, total, lr)
                x = scale(images[batch])
                if augment is not None and history.steps < (1 - clean_end) * total:
                    x = augment(x, generator)
                x = x.contiguous(memory_format=memory_format)
                with torch.autocast(device.type, precision, enabled=precision != torch.float32):
                    loss = loss_for(train.task, net(x), labels[batch])
                optimizer.zero_grad()
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
                history.steps += 1
                losses.append(loss.detach())
                progress.step(losses)
            _take(history, losses, lr)
            _validate(net, val, batch_size, history)
            history.cpu_s, history.wall_s = time.process_time() - cpu, time.perf_counter() - wall
            if checkpoint_to is not None:
                run.save(checkpoint_to, settings, epoch + 1)
            progress.epoch(epoch + 1)
    progress.end()
    net.eval()
    return history


@torch.inference_mode()
def predict(net: nn.Module, images, batch_size: int = 512, flip: bool = False) -> torch.Tensor:
    """Probabilities (N, classes), float32 on the CPU, for an image set.

    `flip=True` averages over each image and its mirror image; only where the card allows the horizontal flip
    (`DataError` otherwise). The network is left in evaluation mode.
    """
    if flip and not images.card.augment.flip_horizontal:
        raise DataError(
            f"The card of {images.card.name} does not allow the horizontal flip: {images.card.augment.reason}"
        )
    device = next(net.parameters()).device
    net.eval()
    found = []
    with explain_out_of_memory(batch_size, device):
        for batch in images.images.split(batch_size):
            x = scale(batch.to(device))
            p = probabilities(images.task, net(x))
            if flip:
                p = (p + probabilities(images.task, net(x.flip(-1)))) / 2
            found.append(p.cpu())
    return torch.cat(found)


@dataclass
class _Run:
    """All that has to be as it was for training to go on as if nothing had happened."""

    net: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    generator: torch.Generator
    history: History
    device: torch.device

    def save(self, path: str | Path, settings: dict[str, Any], epoch: int) -> None:
        state = {
            "settings": settings,
            "epoch": epoch,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": self.generator.get_state(),
            "rng": torch.get_rng_state(),
            "history": asdict(self.history),
        }
        if self.device.type == "cuda":
            state["rng_cuda"] = torch.cuda.get_rng_state(self.device)
        checkpoint.save(path, state)

    def resume(self, path: str | Path, settings: dict[str, Any]) -> int:
        """Put everything back from `path`; the number of epochs that are done, 0 where there is no checkpoint."""
        state = checkpoint.load(path, "cpu")
        if state is None:
            return 0
        other = [f"{key} {state['settings'].get(key)!r} there, {settings[key]!r} here" for key in settings
                 if state["settings"].get(key) != settings[key]]  # fmt: skip
        shapes = {name: value.shape for name, value in state["net"].items()}
        if shapes != {name: value.shape for name, value in self.net.state_dict().items()}:
            other.append("another network")
        if other:
            raise CheckpointError(
                f"The checkpoint {path} belongs to another run ({'; '.join(other)}); delete it or give another file."
            )
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["rng"])
        if "rng_cuda" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["rng_cuda"], self.device)
        for name, value in state["history"].items():
            if name != "device":
                setattr(self.history, name, value)
        return state["epoch"]


def _take(history: History, losses: list[torch.Tensor], lr: float) -> None:
    values = torch.stack(losses).tolist()  # one wait for the GPU an epoch, not one a step
    first = history.steps - len(values)
    for step, value in enumerate(values, first + 1):
        if value != value or value in (float("inf"), float("-inf")):
            raise DataError(f"The loss is {value} at step {step}; try a smaller learning rate, such as lr={lr / 10:g}.")
        history.train_step.append(step)
        history.train_loss.append(value)


@torch.inference_mode()
def _validate(net: nn.Module, val, batch_size: int, history: History) -> None:
    device = next(net.parameters()).device
    net.eval()
    loss = hits = 0.0
    for images, labels in zip(val.images.split(4 * batch_size), val.labels.split(4 * batch_size), strict=True):
        logits, labels = net(scale(images.to(device))), labels.to(device)
        loss += loss_for(val.task, logits, labels).item() * len(labels)
        right = (logits > 0) == labels if val.task == "multi-label" else logits.argmax(1) == labels
        hits += right.float().mean().item() * len(labels)
    history.val_step.append(history.steps)
    history.val_loss.append(loss / len(val.labels))
    history.val_acc.append(hits / len(val.labels))


def _check(train, val, epochs: int, lr: float, batch_size: int, balanced: bool, clean_end: float) -> None:
    if epochs < 1 or batch_size < 2 or not lr > 0:
        raise DataError(f"epochs >= 1, batch_size >= 2 and lr > 0 are needed; got {epochs}, {batch_size} and {lr}.")
    if not 0 <= clean_end <= 1:
        raise DataError(f"clean_end is the part of the steps without augmentation, from 0 to 1, got {clean_end}.")
    if len(train.images) < 2 or len(val.images) < 1:
        raise DataError(
            f"Training needs 2 images and validation 1; got {len(train.images)} and {len(val.images)}; load more."
        )
    if train.images.shape[1:] != val.images.shape[1:]:
        raise DataError(
            f"Train and validation images differ in shape, {tuple(train.images.shape[1:])} and "
            f"{tuple(val.images.shape[1:])}; load both with the same size."
        )
    if balanced and train.task == "multi-label":
        raise DataError("Balanced sampling needs one class an image; a multi-label set has none. Leave `balanced` off.")


def _digest(images) -> str:
    digest = hashlib.sha256(images.labels.numpy().tobytes())
    digest.update(images.images.numpy().tobytes())
    return digest.hexdigest()[:16]


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
