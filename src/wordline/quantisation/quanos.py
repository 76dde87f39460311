"""QUANOS: bits layer by layer, fewer where an attack is felt more."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import final

from torch import nn

from ..attacks import FGSM, AbstractAttack
from ..datasets import ImageSplit, Pairs, as_split
from ..progress import AbstractProgress, Silent
from ..text import render_table
from ..values import Value, require_instance, require_integer, require_number, takes_numbers
from .ans import NoiseSensitivity, adversarial_noise_sensitivity
from .quantise import AS_THEY_ARE, quantise
from .rounding import MOST_BITS

ATTACK = FGSM(eps=8 / 255)


def _require_bits(name: str, bits: int, *, at_least: int) -> None:
    require_integer(name, bits, at_least=at_least)
    if bits > MOST_BITS:
        raise ValueError(f"`{name}` must be at most {MOST_BITS}, got {bits}")


@final
@dataclass(frozen=True)
class BitRule(Value):
    """How bits follow from ANS, within a budget. The rule is ours: that of arXiv 2004.11233 is not public here.

    Every layer starts with the largest of `choices`. While the mean is above `mean_bits`, the layer with the largest
    ANS * bits goes down to the next choice (of equal ones the one with more bits, then the one with more ANS, then the
    first): ANS * bits is levelled, so that bits fall as 1 / ANS as far as choices and budget allow. A scale common to
    all ANS drops out, and no layer gets more bits than one with less ANS.

    `ends`: bits of the first and of the last layer, which neither take part in the rule nor count in the mean; 0: they
    are layers like any other. Networks of few bits commonly spare them (DoReFa-Net, arXiv 1606.06160): the first one
    is given the pixels, so that fewer than 8 bits there would be pixel discretisation under another name, and the last
    one's outputs are the logits.

    >>> rule = BitRule(choices=(2, 4, 8), mean_bits=4, ends=0)
    >>> rule.bits((("a", 0.1), ("b", 0.8)))
    (('a', 4), ('b', 2))
    >>> BitRule(mean_bits=5, ends=8).bits((("a", 9.0), ("b", 0.1), ("c", 0.4), ("d", 9.0)))
    (('a', 8), ('b', 8), ('c', 2), ('d', 8))
    """

    choices: tuple[int, ...] = (2, 4, 6, 8)
    mean_bits: float = 5.0
    ends: int = 8

    def __post_init__(self) -> None:
        if not isinstance(self.choices, tuple) or not self.choices:
            raise TypeError(f"`choices` must be a tuple of bits such as (2, 4, 8), got {self.choices!r}")
        for bits in self.choices:
            _require_bits("choices", bits, at_least=2)
        if list(self.choices) != sorted(set(self.choices)):
            raise ValueError(f"`choices` must increase, got {self.choices}")
        require_number("mean_bits", self.mean_bits, at_least=min(self.choices))
        _require_bits("ends", self.ends, at_least=0)
        if self.ends == 1:
            raise ValueError("`ends` must be at least 2, or 0 for no exception, got 1; one bit holds no sign and zero")

    def bits(self, sensitivity: tuple[tuple[str, float], ...]) -> tuple[tuple[str, int], ...]:
        """(name, ANS) of every layer in order -> (name, bits)."""
        ends = {0, len(sensitivity) - 1} if self.ends else set()
        free = {place: self.choices[-1] for place in range(len(sensitivity)) if place not in ends}
        while free and fmean(free.values()) > self.mean_bits:
            high = [place for place, bits in free.items() if bits > self.choices[0]]
            if not high:
                break  # a mean of equal numbers may round above them
            felt = {place: sensitivity[place][1] for place in high}
            place = max(high, key=lambda place: (felt[place] * free[place], free[place], felt[place], -place))
            free[place] = self.choices[self.choices.index(free[place]) - 1]
        return tuple((name, free.get(place, self.ends)) for place, (name, _) in enumerate(sensitivity))


@final
@dataclass(frozen=True)
class BitAssignment(Value):
    """Bits of every layer, the sensitivity that they follow from, and the rule."""

    layers: tuple[tuple[str, int], ...]
    sensitivity: NoiseSensitivity
    rule: BitRule

    def __post_init__(self) -> None:
        require_instance("sensitivity", self.sensitivity, NoiseSensitivity)
        require_instance("rule", self.rule, BitRule)
        if tuple(name for name, _ in self.layers) != tuple(name for name, _ in self.sensitivity.layers):
            raise ValueError("`layers` must name the layers of `sensitivity`, in their order")
        for _, bits in self.layers:
            _require_bits("layers", bits, at_least=2)

    @property
    def bits(self) -> dict[str, int]:
        """Bits by layer, as `quantise` takes them."""
        return dict(self.layers)

    @property
    def mean(self) -> float:
        """Mean bits over all layers, the ends included."""
        return fmean(self.bits.values())

    def __str__(self) -> str:
        felt = dict(self.sensitivity.layers)
        rows = [(name, f"{felt[name]:.3f}", str(bits)) for name, bits in self.layers]
        return render_table(("layer", "ANS", "bits"), rows)


def assign_bits(sensitivity: NoiseSensitivity, rule: BitRule = BitRule()) -> BitAssignment:
    """The bits that a rule gives to layers of these sensitivities; see `BitRule`."""
    require_instance("sensitivity", sensitivity, NoiseSensitivity)
    require_instance("rule", rule, BitRule)
    return BitAssignment(rule.bits(sensitivity.layers), sensitivity, rule)


@takes_numbers
def quanos(
    model: nn.Module,
    data: Pairs,
    *,
    attack: AbstractAttack = ATTACK,
    rule: BitRule = BitRule(),
    activations: bool = True,
    percent: float = 99.9,
    limit: int = 500,
    seed: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress = Silent(),  # noqa: B008 - a value without state
) -> tuple[nn.Module, BitAssignment]:
    """A network in the hybrid precision of QUANOS: measure ANS, assign bits, quantise. Nothing is retrained.

    Weights of layer l get its bits, and so do the activations it is given unless `activations=False`. ANS and ranges
    are measured on the first `limit` images of `data` (0: all); pass training images. To retrain, fine-tune the
    software network with `Quantised(assignment.layers)` as the body of its training, and quantise the result with the
    bits of the same assignment. Errors are those of `adversarial_noise_sensitivity` and `quantise`. Source: arXiv
    2004.11233; the rule is ours, see `BitRule`.
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
    """A network, of the same layers, with the bits of an assignment: what `quanos` ends with, and a retraining too."""
    bits = assignment.bits
    there = bits if activations else AS_THEY_ARE
    return quantise(model, bits, activation_bits=there, calibration=calibration, percent=percent)
