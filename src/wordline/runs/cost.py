"""The cost of a study, counted: passes times multiplications of the network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.flop_counter import FlopCounterMode

from ..attacks import FGSM, MIFGSM, PGD, AbstractAttack, RepeatedFGSM, Square
from ..evaluation.gradient_deviation import FRACTIONS
from ..mapping import Crossbar
from ..records import Cost
from .cell import AbstractCell, Loader
from .certificate_cell import CertificateCell
from .deviation_cell import DeviationCell
from .evaluation_cell import CHIP_TO_CHIP, EvaluationCell
from .stability_cell import StabilityCell
from .stand_ins import Twin

COUNTED = EvaluationCell | DeviationCell | StabilityCell | CertificateCell


def macs(model: nn.Module, image: Tensor) -> int:
    """Count multiplications of one forward pass of one image `(1, C, H, W)` in matrix products.

    A convolution of kernel k x k takes out * in / groups * k^2 of them a position, a linear layer
    out * in a vector; torch counts two operations for each.

    >>> macs(nn.Conv2d(3, 8, 3, padding=1), torch.zeros(1, 3, 4, 4)) == 8 * 3 * 9 * 16
    True
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    return counter.get_total_flops() // 2


def passes(attack: AbstractAttack) -> tuple[int, int]:
    """Return (forward, backward) passes of one image, at most: an `early_stop` saves some.

    Square asks once and then once a query. FGSM takes one of each; so does every step of repeated
    FGSM, PGD and MI-FGSM, times restarts and EOT draws, and of the last two a last forward pass
    judges the last iterate. Other attacks are not counted: ValueError.

    >>> passes(FGSM(eps=0.1)), passes(PGD(eps=0.1, steps=10, step_size=0.02))
    ((1, 1), (11, 10))
    """
    if isinstance(attack, FGSM):
        return 1, 1
    if isinstance(attack, RepeatedFGSM):
        return attack.steps, attack.steps
    if isinstance(attack, PGD | MIFGSM):
        runs = attack.restarts * attack.eot if isinstance(attack, PGD) else 1
        return runs * (attack.steps + 1), runs * attack.steps
    if isinstance(attack, Square):
        return attack.restarts * (attack.queries + 1), 0
    kind = type(attack).__name__
    raise ValueError(f"`attack` {kind} has no count of passes; FGSM, PGD, MIFGSM and Square have")


def cost(cells: Sequence[AbstractCell], loader: Loader) -> Cost:
    """Count the cost of the cells of a study.

    Networks and images are loaded; nothing is trained, mapped or attacked. Counted are
    evaluations, gradient deviations (two gradients, and the chip's loss along both), noise
    stabilities (see `stability_passes`) and certificates (all reads, and the attack beside them).
    Cells of other kinds raise ValueError, for their passes are not known beforehand.
    """
    forward = backward = total = 0
    chips: set[object] = set()
    crafted: set[object] = set()
    macs_of: dict[object, int] = {}
    for cell in cells:
        if not isinstance(cell, COUNTED):
            kind = type(cell).__name__
            raise ValueError(f"`cells` holds a {kind}, whose passes are not counted; leave it out")
        split = cell.images.load(loader)
        if cell.network not in macs_of:
            macs_of[cell.network] = macs(cell.network.skeleton(loader), split[0][0][None])
        if isinstance(cell, EvaluationCell):
            ahead, back = _evaluation_passes(cell, crafted)
        elif isinstance(cell, DeviationCell):
            ahead, back = 2 + 2 * len(FRACTIONS), 2
        elif isinstance(cell, CertificateCell):
            ahead, back = _certificate_passes(cell)
        else:
            modules = cell.network.skeleton(loader).modules()
            layers = sum(isinstance(module, nn.Linear | _ConvNd) for module in modules)
            classes = len(loader.data(cell.images.data, cell.images.side).classes)
            draws = cell.draws if cell.crossbar.stochastic else 1
            ahead, back = stability_passes(layers, classes, cell.probes, draws)
        crossbar = cell.crossbar.crossbar if isinstance(cell.crossbar, Twin) else cell.crossbar
        if isinstance(crossbar, Crossbar):
            chips.add((cell.network, crossbar, cell.chip_seed))
            if isinstance(cell, EvaluationCell) and cell.setting == CHIP_TO_CHIP:
                chips.add((cell.network, crossbar, cell.source_seed))
        forward, backward = forward + ahead * len(split), backward + back * len(split)
        total += (ahead + back) * len(split) * macs_of[cell.network]
    return Cost(len(cells), len(chips), forward, backward, float(total))


def stability_passes(layers: int, classes: int, probes: int, draws: int) -> tuple[int, int]:
    """Return (forward, backward) passes of one image, at most, of `noise_stability`.

    Forward: software once, and a draw the chip once and the rest of the network behind the noise
    of each of the `layers`. Backward: one a class; with more classes than `probes` one a probe, one
    for J^T u, and two for J v of a layer's output and of each noise on it. Every pass is counted as
    long as the whole network.

    >>> stability_passes(layers=8, classes=10, probes=16, draws=1)
    (10, 10)
    """
    back = classes if classes <= probes else probes + 1 + 2 * layers * (draws + 1)
    return 1 + draws * (1 + layers), back


def _evaluation_passes(cell: EvaluationCell, crafted: set[object]) -> tuple[int, int]:
    """Count scoring of clean and adversarial images, and crafting unless `crafted` shares it."""
    ahead, back = 2 * cell.draws, 0
    settings = cell.seed, cell.batch_size, cell.threads, cell.device
    source: tuple[object, ...] = (cell.network, cell.attack, cell.images, *settings)
    if cell.setting == CHIP_TO_CHIP:
        source = (*source, cell.crossbar, cell.source_seed, cell.calibration)
    if cell.setting == "HH" or source not in crafted:
        more = passes(cell.attack)
        ahead, back = ahead + more[0], back + more[1]
    if cell.setting != "HH":
        crafted.add(source)
    return ahead, back


def _certificate_passes(cell: CertificateCell) -> tuple[int, int]:
    """Count the reads of an image, and at each radius the attack and the reads that judge it."""
    settings, ahead, back = cell.settings, cell.settings.selection + cell.settings.estimation, 0
    for attack in settings.attacks:
        more = passes(attack)
        ahead += len(settings.radii) * (more[0] + settings.selection)
        back += len(settings.radii) * more[1]
    return ahead, back
