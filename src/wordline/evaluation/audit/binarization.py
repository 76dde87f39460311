"""T1: a task with adversarial images that are known to exist. Does the attack find them?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor, nn

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
        attack = replace(context.base, loss="margin")
        won = guessed = tasks = 0
        for k in index.tolist():
            image = chip.prepare(settings.images[k : k + 1])
            task = _Task.make(chip, head, image, context.eps, generator)
            if task is None:
                continue
            tasks += 1
            label = torch.zeros(1, dtype=torch.int64, device=image.device)
            won += int(task(attack(task, image, label, generator=generator)).argmax(1))
            inner = ball("linf", image.expand(INNER, *image.shape[1:]), context.eps)
            guessed += int(task(inner.random_extreme(generator)).argmax(1).any())
        if tasks == 0:
            raise Skip("no image has a border image that a linear readout can tell apart")
        bound = clopper_pearson_upper(won, tasks)
        figures = {
            "success": won / tasks,
            "upper_bound": bound,
            "random_success": guessed / tasks,
            "tasks": tasks,
        }
        text = (
            f"{percent(won / tasks)} of {tasks} guaranteed successes found "
            f"(random images: {percent(guessed / tasks)})."
        )
        return fail_if(bound < SUCCESS, figures, text)


class _Task(nn.Module):
    """Two logits, (-s, s): s > 0 beyond the border of a linear readout of the features."""

    def __init__(self, chip: AuditedModel, head: nn.Module, weight: Tensor, border: Tensor) -> None:
        super().__init__()
        self._parts = (chip, head)  # a tuple: they are not parts of this module
        self.weight, self.border = weight, border
        self.eval()

    @staticmethod
    def make(
        chip: AuditedModel, head: nn.Module, image: Tensor, eps: float, generator: torch.Generator
    ) -> _Task | None:
        """Make the task of one image; None where its border image looks like the inner ones."""
        inner = ball("linf", image.expand(INNER, *image.shape[1:]), eps).random_point(generator)
        edge = ball("linf", image, eps).random_extreme(generator)
        with torch.no_grad():
            inside = features(chip, head, torch.cat((image, inner))).double()
            outside = features(chip, head, edge).double()
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
        return _Task(chip, head, weight * scale, border * scale)

    def forward(self, images: Tensor) -> Tensor:
        chip, head = self._parts
        score = features(chip, head, images).double() @ self.weight - self.border
        return torch.stack((-score, score), 1)


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
