"""T1: a task with adversarial images that are known to exist. Does the attack find them?"""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor, nn

from ...attacks.balls import ball
from ...seeds import stream_seed
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .finite_differences import probed
from .statistics import clopper_pearson_upper
from .subject import Subject

SUCCESS = 0.95  # Zimmermann et al. 2022 (arXiv 2206.13991), section 4: below it the evaluation is insufficient
INNER = 100  # random images a point is told apart from
CLOSENESS = 0.9  # where the border stands between the hardest inner image (0) and the boundary image (1)
RIDGE = 1.0  # times the mean variance: directions in which the features hardly vary must not decide alone


@final
class Binarization(AbstractCheck):
    """Raised if, with 95 % confidence, the base attack succeeds on fewer than 95 % of tasks on which success is
    guaranteed: for every image a linear readout of the network's own last features is made that tells 100 random
    images of the ball from one at its border, and the attack has to cross that readout's border.
    Because an attack that does not find what is there proves nothing where it finds nothing: either the features'
    gradients are masked or the attack is too weak (Zimmermann et al. 2022, arXiv 2206.13991).
    """

    id = "T1"
    title = "binarization test"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        chip = probed(bench)
        places = bench.chip.right.nonzero().squeeze(1)[: bench.budget.binarized]
        if len(places) == 0:
            raise Skip("the chip classifies no image correctly")
        head = last_layer(chip, bench.conditions.images[:1])
        if head is None:
            raise Skip("no layer with parameters maps features (n, d) to the logits")
        generator = torch.Generator().manual_seed(stream_seed(bench.conditions.seed, "binarization"))
        attack = replace(bench.base, loss="margin")
        won = guessed = tasks = 0
        for place in places.tolist():
            image = chip.given(bench.conditions.images[place : place + 1])
            task = _Task.make(chip, head, image, bench.eps, generator)
            if task is None:
                continue
            tasks += 1
            made = attack(task, image, torch.zeros(1, dtype=torch.int64, device=image.device), generator=generator)
            won += int(task(made).argmax(1))
            others = ball("linf", image.expand(INNER, *image.shape[1:]), bench.eps).random_extreme(generator)
            guessed += int(task(others).argmax(1).any())
        if tasks == 0:
            raise Skip("no image has a border image that a linear readout can tell apart")
        bound = clopper_pearson_upper(won, tasks)
        figures = {"success": won / tasks, "upper_bound": bound, "random_success": guessed / tasks, "tasks": tasks}
        chance = percent(guessed / tasks)
        text = f"{percent(won / tasks)} of {tasks} guaranteed successes found (random images: {chance})."
        return raised_if(bound < SUCCESS, figures, text)


class _Task(nn.Module):
    """Two logits, (-s, s): s > 0 beyond the border of a linear readout of the features."""

    def __init__(self, chip: Subject, head: nn.Module, weight: Tensor, border: Tensor) -> None:
        super().__init__()
        self._parts = (chip, head)  # a tuple: they are not parts of this module
        self.weight, self.border = weight, border
        self.eval()

    @staticmethod
    def make(chip: Subject, head: nn.Module, image: Tensor, eps: float, generator: torch.Generator) -> _Task | None:
        """The task of one image; None where its border image looks like the inner ones."""
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
        """Logits `(n, 2)`."""
        chip, head = self._parts
        score = features(chip, head, images).double() @ self.weight - self.border
        return torch.stack((-score, score), 1)


def features(chip: Subject, head: nn.Module, images: Tensor) -> Tensor:
    """What enters the network's last layer, `(n, d)`."""
    caught: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda layer, arguments: caught.append(arguments[0]))
    try:
        chip.model(images)
    finally:
        hook.remove()
    return caught[-1]


def last_layer(chip: Subject, images: Tensor) -> nn.Module | None:
    """The last layer called with a matrix `(n, d)` that returns the logits' shape, and has numbers of its own."""
    found: list[nn.Module] = []

    def note(layer: nn.Module, arguments: tuple[object, ...], output: object) -> None:
        given = arguments[0] if arguments else None
        if isinstance(given, Tensor) and isinstance(output, Tensor) and given.ndim == 2 and output.shape == shape:
            found.append(layer)

    with torch.no_grad():
        shape = chip.model(chip.given(images)).shape
        hooks = [
            layer.register_forward_hook(note)
            for layer in chip.model.modules()
            if next(iter(layer.parameters()), None) is not None or next(iter(layer.buffers()), None) is not None
        ]
        try:
            chip.model(chip.given(images))
        finally:
            for hook in hooks:
                hook.remove()
    while found and any(part in found for part in list(found[-1].modules())[1:]):
        found.pop()  # a container of the layer meant
    return found[-1] if found else None
