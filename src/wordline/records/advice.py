"""Which crossbars keep a network's accuracy, what they cost, and which of them another one makes superfluous."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..text import render_table
from ..values import Value
from .record import Estimate, fraction


@dataclass(frozen=True)
class Option(Value):
    """One network on one crossbar: what it keeps and what it costs.

    `clean`, `robust`: of one chip with its 95 % interval; over several chips the mean, with the lowest and the highest.
    `robust` is accuracy under the worst of all attacks, image by image: white-box, and crafted on software; where draws
    of a stochastic chip disagree, under the worse of white-box and transfer. `adc_bits`: 0 for an ideal ADC.
    `conversions`: of one inference, an ideal ADC's counted too. `keeps`: clean accuracy is within the bound of the
    network's own in software. `dominated`: another option that keeps is no worse in clean accuracy, robust accuracy,
    ADC bits (ideal being the most) and conversions, and better in one of them.
    """

    network: str
    crossbar: Value
    tile: tuple[int, int]
    r_on_ohm: float
    adc_bits: int
    chips: int
    clean: Estimate
    robust: Estimate
    white_box: float
    transfer: float
    software_clean: float
    software_robust: float
    tiles: int
    cells: int
    conversions: float
    keeps: bool = True
    dominated: bool = False

    @property
    def costs(self) -> tuple[float, float, float, float]:
        """What is to be small: the two accuracies with their signs turned, bits, conversions."""
        return -self.clean.value, -self.robust.value, self.adc_bits or math.inf, self.conversions

    def dominates(self, other: Option) -> bool:
        """Whether it is nowhere worse and somewhere better; judged by the values, not by their intervals."""
        return self.costs != other.costs and all(a <= b for a, b in zip(self.costs, other.costs, strict=True))


@dataclass(frozen=True)
class Advice(Value):
    """Options in the order tried; prints as a table in which `*` marks what to choose from.

    `-`: another option is as good and cheaper, or better and as cheap; `CA`: clean accuracy is not kept.
    """

    options: tuple[Option, ...]
    within: float
    eps: float
    attacks: tuple[Value, ...]
    data: str
    fingerprint: str
    images: int

    @property
    def best(self) -> tuple[Option, ...]:
        """What keeps clean accuracy and is not dominated."""
        return tuple(option for option in self.options if option.keeps and not option.dominated)

    def __str__(self) -> str:
        parts = " and ".join(f"PGD {getattr(a, 'steps', '?')} steps {getattr(a, 'loss', '?')}" for a in self.attacks)
        title = (
            f"{self.images} images of {self.data or 'data'}; robust: Linf {fraction(self.eps)}, image by image the "
            f"worst of white-box and transferred {parts} (where draws disagree, the worse of the two); * keeps CA "
            f"within {100 * self.within:g} points, not dominated"
        )
        return render_table(HEADER, [_cells(option) for option in self.options], title=title, left=(0, 1))


HEADER = (
    "", "network", "tile", "r_on", "ADC", "CA %", "robust %", "white-box", "transfer", "CA SW", "robust SW", "chips",
    "tiles", "cells", "conversions",
)  # fmt: skip


def marked(options: tuple[Option, ...], within: float) -> tuple[Option, ...]:
    """The same options with `keeps` and `dominated` as they stand beside each other."""
    kept = [replace(o, keeps=o.clean.value >= o.software_clean - within, dominated=False) for o in options]
    able = [option for option in kept if option.keeps]
    return tuple(replace(o, dominated=any(other.dominates(o) for other in able)) for o in kept)


def _cells(option: Option) -> tuple[str, ...]:
    mark = "CA" if not option.keeps else "-" if option.dominated else "*"
    shares = (option.white_box, option.transfer, option.software_clean, option.software_robust)
    return (
        mark, option.network, f"{option.tile[0]} x {option.tile[1]}", f"{option.r_on_ohm / 1e3:g}k",
        f"{option.adc_bits} bits" if option.adc_bits else "ideal", str(option.clean), str(option.robust),
        *[f"{100 * share:.1f}" for share in shares], str(option.chips), str(option.tiles), str(option.cells),
        f"{option.conversions:.4g}",
    )  # fmt: skip
