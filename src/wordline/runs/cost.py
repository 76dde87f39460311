"""What a study costs, counted: forward and backward passes times the multiplications of the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from ..attacks import FGSM, MIFGSM, PGD, AbstractAttack, Square
from ..evaluation.gradient_deviation import FRACTIONS
from ..hooks import forward_hooks
from ..mapping import Crossbar
from ..text import render_table
from ..values import Value, require_number
from .audit_cell import DeviationCell
from .cell import AbstractCell
from .evaluation_cell import EvaluationCell
from .stability_cell import StabilityCell
from .store import Store


def macs(model: nn.Module, image: Tensor) -> int:
    """Multiplications of one forward pass of one image `(1, C, H, W)` in convolutions and linear layers.

    A convolution of kernel k x k takes out * in / groups * k^2 of them a position, a linear layer out * in a vector.

    >>> macs(nn.Conv2d(3, 8, 3, padding=1), torch.zeros(1, 3, 4, 4)) == 8 * 3 * 9 * 16
    True
    """
    counted = 0

    def count(_: str, module: nn.Module, arguments: object, output: Tensor) -> None:
        nonlocal counted
        if isinstance(module, nn.Linear):
            counted += output.numel() * module.in_features
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            counted += output.numel() * module.in_channels // module.groups * math.prod(module.kernel_size)

    with forward_hooks(dict(model.named_modules()), count), torch.no_grad():
        model(image)
    return counted


def passes(attack: AbstractAttack) -> tuple[int, int]:
    """(forward, backward) passes of one image, at most: an `early_stop` saves some.

    Square asks once and then once a query. FGSM takes one of each; so does every step of PGD and MI-FGSM, times
    restarts and EOT draws, and a last forward pass judges the last iterate. Other attacks are not counted: ValueError.

    >>> passes(FGSM(eps=0.1)), passes(PGD(eps=0.1, steps=10, step_size=0.02))
    ((1, 1), (11, 10))
    """
    if isinstance(attack, FGSM):
        return 1, 1
    if isinstance(attack, PGD | MIFGSM):
        runs = attack.restarts * attack.eot if isinstance(attack, PGD) else 1
        return runs * (attack.steps + 1), runs * attack.steps
    if isinstance(attack, Square):
        return attack.restarts * (attack.queries + 1), 0
    raise ValueError(f"`attack` {type(attack).__name__} has no count of passes; FGSM, PGD, MIFGSM and Square have")


@dataclass(frozen=True)
class Cost(Value):
    """Counts of a study: cells, chips to be mapped, passes of one image, and multiplications in all of them.

    Backward passes are with respect to images alone, so each costs as many multiplications as a forward pass.
    Images crafted on software are counted once, for they serve every chip.
    """

    cells: int
    chips: int
    forward: int
    backward: int
    macs: float

    def hours(self, flops: float) -> float:
        """Hours at a sustained number of floating-point operations per second, two a multiplication.

        >>> Cost(1, 1, 1, 1, macs=1.8e15).hours(1e12)
        1.0
        """
        require_number("flops", flops, above=0.0)
        return 2 * self.macs / flops / 3600

    def __str__(self) -> str:
        rows = [
            ("cells", f"{self.cells}"), ("chips", f"{self.chips}"), ("forward passes", f"{self.forward:.4g}"),
            ("backward passes", f"{self.backward:.4g}"), ("multiplications", f"{self.macs:.4g}"),
            ("hours at 1 Tflop/s", f"{self.hours(1e12):.4g}"), ("hours at 10 Tflop/s", f"{self.hours(1e13):.4g}"),
        ]  # fmt: skip
        return render_table(("counted", ""), rows)


def cost(cells: Sequence[AbstractCell], store: Store) -> Cost:
    """The cost of the cells of a study. Networks and images are loaded; nothing is trained, mapped or attacked.

    Counted are evaluations, gradient deviations (two gradients, and the chip's loss along both) and noise stabilities
    (see `stability_passes`). Cells of other kinds raise ValueError, for their passes are not known beforehand.
    """
    forward = backward = 0
    total = 0
    chips: set[object] = set()
    crafted: set[object] = set()
    macs_of: dict[object, int] = {}
    for cell in cells:
        if not isinstance(cell, EvaluationCell | DeviationCell | StabilityCell):
            raise ValueError(f"`cells` holds a {type(cell).__name__}, whose passes are not counted; leave it out")
        split = store.split(cell.images)
        if cell.network not in macs_of:
            macs_of[cell.network] = macs(cell.network.skeleton(store), split[0][0][None])
        if isinstance(cell, EvaluationCell):
            ahead, back = _evaluation_passes(cell, crafted)
        elif isinstance(cell, DeviationCell):
            ahead, back = 2 + 2 * len(FRACTIONS), 2
        else:
            network = cell.network.skeleton(store)
            layers = sum(isinstance(module, nn.Linear | _ConvNd) for module in network.modules())
            classes = len(store.data(cell.images.data).classes)
            ahead, back = stability_passes(layers, classes, cell.probes, cell.draws if cell.crossbar.stochastic else 1)
        if isinstance(cell.crossbar, Crossbar):
            chips.add((cell.network, cell.crossbar, cell.chip_seed))
        forward, backward = forward + ahead * len(split), backward + back * len(split)
        total += (ahead + back) * len(split) * macs_of[cell.network]
    return Cost(len(cells), len(chips), forward, backward, float(total))


def stability_passes(layers: int, classes: int, probes: int, draws: int) -> tuple[int, int]:
    """(forward, backward) passes of one image, at most, of `noise_stability` on a network of so many layers.

    Forward: software once, and a draw the chip once and the rest of the network behind every layer's noise. Backward:
    one a class; with more classes than `probes` one a probe, one for J^T u, and two for J v of a layer's output and of
    each noise on it. Every one is counted as long as the whole network.

    >>> stability_passes(layers=8, classes=10, probes=16, draws=1)
    (10, 10)
    """
    back = classes if classes <= probes else probes + 1 + 2 * layers * (draws + 1)
    return 1 + draws * (1 + layers), back


def _evaluation_passes(cell: EvaluationCell, crafted: set[object]) -> tuple[int, int]:
    """Crafting, unless others have crafted the same images on software; and scoring clean and adversarial images."""
    ahead, back = 2 * cell.draws, 0
    source = (cell.network, cell.attack, cell.images, cell.seed, cell.batch_size, cell.threads, cell.device)
    if cell.setting == "HH" or source not in crafted:
        more = passes(cell.attack)
        ahead, back = ahead + more[0], back + more[1]
    if cell.setting != "HH":
        crafted.add(source)
    return ahead, back
