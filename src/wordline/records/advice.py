"""Advice: candidate crossbars for a network, with the accuracy each keeps and its cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..text import render_table
from ..values import Value
from .record import Estimate, fraction


@dataclass(frozen=True)
class Option(Value):
    """One network on one crossbar: accuracy, robustness and cost.

    `clean`, `robust`: of one chip with its 95 % interval; over several chips the mean, with the
    lowest and the highest. `robust` is accuracy under the worst of all attacks, image by image:
    white-box, and crafted on software; where draws of a stochastic chip disagree, under the worse
    of white-box and transfer. `adc_bits`: 0 for an ideal ADC. `conversions`: of one inference, an
    ideal ADC's counted too. `keeps`: clean accuracy is within the bound of the network's own in
    software. `dominated`: another option that keeps is no worse in clean accuracy, robust
    accuracy, ADC bits (ideal being the most) and conversions, and better in one of them.
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
        """Quantities to minimise: both accuracies with their signs turned, bits, conversions."""
        bits = self.adc_bits or math.inf
        return -self.clean.value, -self.robust.value, bits, self.conversions

    def dominates(self, other: Option) -> bool:
        """Tell if no cost is higher than the other's and one is lower; intervals do not count."""
        no_worse = all(a <= b for a, b in zip(self.costs, other.costs, strict=True))
        return self.costs != other.costs and no_worse


@dataclass(frozen=True)
class Advice(Value):
    """All options in the order tried; prints as a table in which `*` marks the ones to choose from.

    `-`: another option is as good and cheaper, or better and as cheap; `CA`: clean accuracy falls
    by more than the bound `within`.
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
        """The options that keep clean accuracy and are not dominated."""
        return tuple(option for option in self.options if option.keeps and not option.dominated)

    def __str__(self) -> str:
        parts = " and ".join(
            f"PGD {getattr(a, 'steps', '?')} steps {getattr(a, 'loss', '?')}" for a in self.attacks
        )
        title = (
            f"{self.images} images of {self.data or 'data'}; robust: Linf {fraction(self.eps)}, "
            f"image by image the worst of white-box and transferred {parts} (where draws disagree, "
            f"the worse of the two); * keeps CA within {100 * self.within:g} points, not dominated"
        )
        rows = [_table_row(option) for option in self.options]
        return render_table(HEADER, rows, title=title, left=(0, 1))


HEADER = (
    "", "network", "tile", "r_on", "ADC", "CA %", "robust %", "white-box", "transfer", "CA SW",
    "robust SW", "chips", "tiles", "cells", "conversions",
)  # fmt: skip


def compare_options(options: tuple[Option, ...], within: float) -> tuple[Option, ...]:
    """Set `keeps` and `dominated` of every option by comparing it with the others."""
    judged = [
        replace(o, keeps=o.clean.value >= o.software_clean - within, dominated=False)
        for o in options
    ]
    eligible = [option for option in judged if option.keeps]
    return tuple(
        replace(o, dominated=any(other.dominates(o) for other in eligible)) for o in judged
    )


def _table_row(option: Option) -> tuple[str, ...]:
    mark = "CA" if not option.keeps else "-" if option.dominated else "*"
    shares = (
        option.white_box, option.transfer, option.software_clean, option.software_robust,
    )  # fmt: skip
    return (
        mark, option.network, f"{option.tile[0]} x {option.tile[1]}",
        f"{option.r_on_ohm / 1e3:g}k", f"{option.adc_bits} bits" if option.adc_bits else "ideal",
        str(option.clean), str(option.robust), *[f"{100 * share:.1f}" for share in shares],
        str(option.chips), str(option.tiles), str(option.cells), f"{option.conversions:.4g}",
    )  # fmt: skip
