"""V3, V4, V5: does the network repeat itself, give logits, take no gradients inside?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .check import AbstractCheck, Finding, fail_if, percent
from .context import AuditContext

SUM_TOLERANCE = 1e-4  # float32 rounding of a sum of many probabilities


@final
class Repeatable(AbstractCheck):
    """Raised (as a warning) if two forwards of the same images are not equal bit by bit, or the
    chip says that it draws noise at every read.
    Because one draw is then no answer: accuracies are means over at least 20 draws, gradients are
    averaged (EOT), and what an attack achieves is scored on draws that it has not seen (Athalye et
    al. 2018, arXiv 1802.00420).
    """

    id = "V3"
    title = "deterministic?"
    follows_gradients = False

    def run(self, context: AuditContext) -> Finding:
        chip = context.chip
        one, other = chip.two_answers
        gap = float((one - other).abs().max())
        if chip.stochastic:
            protocol = f"means over {context.budget.draws} draws, EOT {context.budget.eot}"
            text = f"two answers differ by up to {gap:.3g}: {protocol}."
            return Finding("warn", {"largest_difference": gap, "draws": context.budget.draws}, text)
        return Finding("pass", {"largest_difference": gap}, "two forwards agree bit by bit.")


@final
class Logits(AbstractCheck):
    """Raised if every output row is non-negative and sums to one.
    Because these are probabilities: cross-entropy takes a second logarithm, and in float32 they
    saturate at 0 and 1, where gradients vanish. Hand over the network without its softmax (Croce &
    Hein 2020, the checks of AutoAttack).
    """

    id = "V4"
    title = "outputs are logits"
    follows_gradients = False

    def run(self, context: AuditContext) -> Finding:
        out = context.chip.two_answers[0].double()
        like = ((out.sum(1) - 1).abs() < SUM_TOLERANCE) & (out >= 0).all(1)
        share = float(like.double().mean())
        text = f"{percent(share)} of rows sum to one."
        return fail_if(share == 1.0, {"rows_like_probabilities": share}, text)


@final
class NoInnerGradients(AbstractCheck):
    """Raised if the forward pass itself calls `torch.autograd.grad` or `backward`.
    Because a network that optimises at test time is no plain function: an attack that
    differentiates the result alone misses how the optimisation reacts, and must be adapted to it
    (Croce & Hein 2020; Croce et al. 2022, arXiv 2202.13711).
    """

    id = "V5"
    title = "no gradients inside the forward pass"
    follows_gradients = False

    def run(self, context: AuditContext) -> Finding:
        images = context.chip.prepare(context.settings.images[:1])
        with counted_gradients() as calls:
            context.chip.model(images)
        text = f"the forward pass of one image asks for {len(calls)} gradients."
        return fail_if(bool(calls), {"gradient_calls": len(calls)}, text)


@contextmanager
def counted_gradients() -> Iterator[set[int]]:
    """Collect the numbers of autograd's runs in the block, by the operations that each dispatches.

    Neither the profiler nor the tracer is touched: a debugger or a coverage run may own them.
    """
    watched = _BackwardRuns()
    with watched:
        yield watched.runs


class _BackwardRuns(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.runs: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (run := torch._C._current_graph_task_id()) >= 0:  # -1 outside of a backward pass
            self.runs.add(run)
        return func(*args, **(kwargs or {}))
