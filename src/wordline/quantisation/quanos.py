"""QUANOS: hybrid precision with fewer bits in layers that carry more of an attack."""

from __future__ import annotations

from torch import nn

from ..attacks import FGSM, AbstractAttack
from ..datasets import ImageSplit, Pairs, as_split
from ..progress import AbstractProgress, Silent
from ..records import BitAssignment
from ..values import require_instance, require_integer, takes_numbers
from .bit_rule import BitRule, assign_bits
from .noise_sensitivity import adversarial_noise_sensitivity
from .quantise import UNQUANTISED, quantise

ATTACK = FGSM(eps=8 / 255)


@takes_numbers
def quanos(
    model: nn.Module,
    data: Pairs,
    *,
    attack: AbstractAttack = ATTACK,
    rule: BitRule = BitRule(),  # noqa: B008 - a value without state
    activations: bool = True,
    percent: float = 99.9,
    limit: int = 500,
    seed: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> tuple[nn.Module, BitAssignment]:
    """Quantise a network as QUANOS: measure ANS, assign bits, quantise. Nothing is retrained.

    Weights of layer l get its bits, and so do its input activations unless `activations=False`. ANS
    and ranges are measured on the first `limit` images of `data` (0: all); pass training images. To
    retrain, fine-tune the software network with `QuantisedForward(assignment.layers)` as the
    `forward` of its training, and quantise the result with the bits of the same assignment. Errors
    are those of `adversarial_noise_sensitivity` and `quantise`. Source: arXiv 2004.11233; the rule
    is ours, see `BitRule`.
    """
    require_instance("activations", activations, bool)
    require_integer("limit", limit, at_least=0)
    split = as_split(data, limit=limit)
    sensitivity = adversarial_noise_sensitivity(
        model, split, attack, limit=limit, seed=seed, batch_size=batch_size, progress=progress
    )
    assignment = assign_bits(sensitivity, rule)
    return quantised_as(model, assignment, split, activations, percent), assignment


def quantised_as(
    model: nn.Module,
    assignment: BitAssignment,
    calibration: ImageSplit,
    activations: bool = True,
    percent: float = 99.9,
) -> nn.Module:
    """Quantise a network of the same layers with the bits of an assignment.

    The last step of `quanos`, and of a retraining.
    """
    bits = assignment.bits
    activation_bits = bits if activations else UNQUANTISED
    return quantise(
        model, bits, activation_bits=activation_bits, calibration=calibration, percent=percent
    )
