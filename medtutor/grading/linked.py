"""Gradients through a student's function: forward is a request that is done already, backward another one."""

from __future__ import annotations

from typing import Any

import torch


class _Linked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, session: Any, record: int, output: int, value: torch.Tensor, anchor: Any, *inputs: Any):
        ctx.where = session, record, output
        ctx.shapes = [tensor.shape for tensor in inputs]
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor):
        session, record, output = ctx.where
        found = session.backward(record, output, gradient)
        if len(found) != len(ctx.shapes) or any(
            g is not None and (not isinstance(g, torch.Tensor) or g.shape != shape)
            for g, shape in zip(found, ctx.shapes, strict=False)
        ):
            from medtutor.grading.session import NotPlain

            raise NotPlain("Your answer's gradients have another shape than its inputs.")
        return None, None, None, None, None, *found


def link(session: Any, record: int, output: int, value: torch.Tensor, inputs: list[torch.Tensor]) -> torch.Tensor:
    """`value` with a history: its gradient goes to `inputs`, and to the parameters in the student's process."""
    anchor = torch.zeros((), requires_grad=True)  # so that there is a history where only parameters need gradients
    return _Linked.apply(session, record, output, value, anchor, *inputs)
