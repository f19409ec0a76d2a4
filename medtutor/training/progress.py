"""What is shown while a network trains: a curve in a notebook that needs no widgets, lines of text elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

from medtutor import figures


class Progress:
    """Shows a `History` while it grows. A notebook's picture is drawn anew at most once in `every` seconds.

    Waiting for the loss stops the GPU's queue, so losses are read only when a new picture is due.
    """

    def __init__(self, history: Any, epochs: int, steps: int, live: bool | None, sample: bool, every: float = 1.5):
        self.history, self.epochs, self.steps, self.sample, self.every = history, epochs, steps, sample, every
        self.in_notebook = live is None and _in_notebook()
        self.text = live is True or (live is None and not self.in_notebook)
        self.shown: Any = None
        self.last = time.perf_counter()

    def step(self, losses: list[torch.Tensor]) -> None:
        """Called after each step with the losses of this epoch so far."""
        if self.in_notebook and time.perf_counter() - self.last > self.every:
            self._draw(torch.stack(losses).tolist())

    def epoch(self, epoch: int) -> None:
        """Called after each epoch, when the history holds it."""
        if self.text:
            print(self._line(epoch), file=sys.stderr, flush=True)
        elif self.in_notebook and time.perf_counter() - self.last > self.every:
            self._draw([])

    def end(self) -> None:
        """Called once after the last epoch: the picture that stays."""
        if self.in_notebook:
            self._draw([])

    def _line(self, epoch: int) -> str:
        h = self.history
        start = h.val_step[-2] if len(h.val_step) > 1 else 0
        recent = [loss for step, loss in zip(h.train_step, h.train_loss, strict=True) if step > start]
        return (
            f"epoch {epoch}/{self.epochs}  step {h.steps}/{self.steps}  train loss {sum(recent) / len(recent):.3f}  "
            f"val loss {h.val_loss[-1]:.3f}  val accuracy {h.val_acc[-1]:.3f}  {h.wall_s:.1f} s"
        )

    def _draw(self, pending: list[float]) -> None:
        from IPython.display import HTML, display

        h = self.history
        curves = {
            "train": (h.train_step + list(range(len(h.train_step) + 1, h.steps + 1)), h.train_loss + pending),
            "val": (h.val_step, h.val_loss),
        }
        now = f"step {h.steps} of {self.steps}"
        if h.val_loss:
            now += f", validation loss {h.val_loss[-1]:.3f}, validation accuracy {h.val_acc[-1]:.3f}"
        html = HTML(
            figures.curves_html(
                curves,
                title=f"Loss: {now}",
                xlabel="training step",
                ylabel="loss (nats)",
                alt=f"Loss of the training batches and of the validation set against the training step; {now}.",
                source="sample" if self.sample else None,
            )
        )
        if self.shown is None:
            self.shown = display(html, display_id=True)
        else:
            self.shown.update(html)
        self.last = time.perf_counter()


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
