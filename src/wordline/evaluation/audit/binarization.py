"""T1: a task with adversarial images that are known to exist. Does the attack find them?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from ...attacks import PGD
from ...attacks.balls import ball
from ...hooks import forward_hooks, forward_pre_hooks
from ...seeds import stream_seed
from .audited_model import AuditedModel
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext
from .finite_differences import frozen_chip
from .statistics import clopper_pearson_upper

SUCCESS = 0.95  # Zimmermann et al. 2022 (arXiv 2206.13991), section 4: less is insufficient
INNER = 100  # random images that a point is told apart from
CLOSENESS = 0.9  # position of the border from the hardest inner image (0) to the boundary image (1)
RIDGE = 1.0  # times the mean variance: directions of little variance must not decide alone


@final
class Binarization(AbstractCheck):
    """Raised if, with 95 % confidence, the base attack succeeds on fewer than 95 % of tasks on
    which success is guaranteed: for every image a linear readout of the network's own last features
    is made that tells 100 random images of the ball from one at its border, and the attack has to
    cross that readout's border.
    Because an attack that misses adversarial images known to exist proves nothing where it finds
    none: either the features' gradients are masked or the attack is too weak (Zimmermann et al.
    2022, arXiv 2206.13991).
    """

    id = "T1"
    title = "binarization test"

    def run(self, context: AuditContext) -> Finding:
        chip, settings = frozen_chip(context), context.settings
        index = context.chip.right.nonzero().squeeze(1)[: context.budget.binarized]
        if len(index) == 0:
            raise Skip("the chip classifies no image correctly")
        head = last_layer(chip, settings.images[:1])
        if head is None:
            raise Skip("no layer with parameters maps features (n, d) to the logits")
        generator = torch.Generator().manual_seed(stream_seed(settings.seed, "binarization"))
        tasks: list[_Task] = []
        guessed = 0
        for k in index.tolist():
            image = chip.prepare(settings.images[k : k + 1])
            task = _Task.make(chip, head, image, context.base, generator)
            if task is None:
                continue
            tasks.append(task)
            inner = ball("linf", image.expand(INNER, *image.shape[1:]), context.eps)
            with torch.no_grad():
                found = features(chip, head, inner.random_extreme(generator))
            guessed += int(task.solved(found).any())
        if not tasks:
            raise Skip("no image has a border image that a linear readout can tell apart")
        parts = range(0, len(tasks), settings.batch_size)
        won = sum(
            _won(chip, head, tasks[start : start + settings.batch_size], context.base)
            for start in parts
        )
        count = len(tasks)
        bound = clopper_pearson_upper(won, count)
        figures = {
            "success": won / count,
            "upper_bound": bound,
            "random_success": guessed / count,
            "tasks": count,
        }
        text = (
            f"{percent(won / count)} of {count} guaranteed successes found "
            f"(random images: {percent(guessed / count)})."
        )
        return fail_if(bound < SUCCESS, figures, text)


class _Task(NamedTuple):
    """A linear readout of the features of one image: beyond its border the score is positive."""

    image: Tensor
    start: Tensor
    weight: Tensor
    border: Tensor

    @staticmethod
    def make(
        chip: AuditedModel, head: nn.Module, image: Tensor, attack: PGD, generator: torch.Generator
    ) -> _Task | None:
        """Make the task of one image; None where its border image looks like the inner ones."""
        allowed = ball("linf", image, attack.eps)
        inner = ball("linf", image.expand(INNER, *image.shape[1:]), attack.eps)
        drawn = inner.random_point(generator)
        edge = allowed.random_extreme(generator)
        with torch.no_grad():
            found = features(chip, head, torch.cat((image, drawn, edge))).double()
        inside, outside = found[:-1], found[-1:]
        spread = inside - inside.mean(0)
        covariance = spread.T @ spread / len(spread)
        ridge = RIDGE * covariance.diagonal().mean() + torch.finfo(torch.float64).tiny
        regular = covariance + ridge * torch.eye(len(covariance)).to(covariance)
        weight = torch.linalg.solve(regular, (outside - inside.mean(0))[0])
        inside_best, reached = (inside @ weight).max(), (outside @ weight)[0]
        if not reached > inside_best:
            return None
        border = inside_best + CLOSENESS * (reached - inside_best)
        scale = 1 / (reached - inside_best)
        start = allowed.random_point(generator) if attack.random_start else image
        return _Task(image, start, weight * scale, border * scale)

    def solved(self, found: Tensor) -> Tensor:
        """Tell the rows of features beyond the border."""
        return found.double() @ self.weight > self.border


class _Readouts(nn.Module):
    """Two logits, (-s, s), for each image of a batch by the readout of its own task."""

    def __init__(self, chip: AuditedModel, head: nn.Module, tasks: list[_Task]) -> None:
        super().__init__()
        self._parts = (chip, head)  # a tuple: they are not parts of this module
        self.weights = torch.stack([task.weight for task in tasks])
        self.borders = torch.stack([task.border for task in tasks])
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        found = features(*self._parts, images)
        score = (found.double() * self.weights).sum(1) - self.borders
        return torch.stack((-score, score), 1)


def _won(chip: AuditedModel, head: nn.Module, tasks: list[_Task], base: PGD) -> int:
    """Attack some tasks in one batch, which stays whole; count those solved."""
    readouts = _Readouts(chip, head, tasks)
    images, start = (torch.cat(parts) for parts in list(zip(*tasks, strict=True))[:2])
    labels = torch.zeros(len(tasks), dtype=torch.int64, device=images.device)
    attack = replace(base, loss="margin")
    with torch.no_grad():
        return int(readouts(attack.from_start(readouts, images, labels, start)).argmax(1).sum())


def features(chip: AuditedModel, head: nn.Module, images: Tensor) -> Tensor:
    """Compute the input of the network's last layer, `(n, d)`."""
    found: list[Tensor] = []
    with forward_pre_hooks({"head": head}, lambda name, layer, x, kw: found.append(x[0])):
        chip.model(images)
    return found[-1]


def last_layer(chip: AuditedModel, images: Tensor) -> nn.Module | None:
    """Find the last layer with numbers of its own from features `(n, d)` to the logits."""
    found: list[nn.Module] = []
    numbered = {
        name: layer
        for name, layer in chip.model.named_modules()
        if list(layer.parameters()) or list(layer.buffers())
    }

    def note(name: str, layer: nn.Module, arguments: tuple[Any, ...], output: object) -> None:
        given = arguments[0] if arguments else None
        if not isinstance(given, Tensor) or not isinstance(output, Tensor):
            return
        if given.ndim == 2 and output.shape == shape:
            found.append(layer)

    with torch.no_grad():
        shape = chip.model(chip.prepare(images)).shape
        with forward_hooks(numbered, note):
            chip.model(chip.prepare(images))
    while found and any(part in found for part in list(found[-1].modules())[1:]):
        found.pop()  # a container of the layer meant
    return found[-1] if found else None
