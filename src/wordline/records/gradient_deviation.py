"""Deviation of a chip's input gradients from its software network's."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from ..text import render_table
from ..values import Value
from .record import NetworkIdentity, describe, fraction


@dataclass(frozen=True)
class GradientDeviation(Value):
    """Deviation of a chip's input gradients h from its software network's g, image by image.

    `cosine` = g.h / (|g| |h|); `sign_agreement`: share of pixels with sign g = sign h;
    `norm_ratio` = |h| / |g|; `perturbation_difference`: mean over pixels of |sign h - sign g|, the
    difference of the two FGSM perturbations in units of eps, in [0, 2]. `loss_along_software`,
    `loss_along_chip`: the chip's mean loss at the clean images moved by `fractions` of eps along
    sign g and sign h. An image one of whose gradients is zero has cosine 0; `flat` is the share of
    such images. Section III of arXiv 2008.11298, of which the perturbations' difference is
    equation 4.
    """

    chip: NetworkIdentity
    software: NetworkIdentity
    eps: float
    loss: str
    data: str
    fingerprint: str
    images: int
    flat: float
    cosine: tuple[float, ...]
    sign_agreement: tuple[float, ...]
    norm_ratio: tuple[float, ...]
    perturbation_difference: tuple[float, ...]
    fractions: tuple[float, ...]
    loss_along_software: tuple[float, ...]
    loss_along_chip: tuple[float, ...]

    def __str__(self) -> str:
        title = (
            f"input gradients of {describe(self.chip)} beside {describe(self.software)}, "
            f"{self.loss}, {self.images} images of {self.data or 'data'}; "
            f"gradient zero in {100 * self.flat:.1f} %"
        )
        rows = [
            (name.replace("_", " "), *[f"{value:.3f}" for value in _quartiles(getattr(self, name))])
            for name in ("cosine", "sign_agreement", "norm_ratio", "perturbation_difference")
        ]
        quartiles = ("per image", "lower quartile", "median", "upper quartile")
        per_image = render_table(quartiles, rows, title=title)
        header = ("chip's mean loss at", *[f"{100 * share:.0f} %" for share in self.fractions])
        losses = (("software", self.loss_along_software), ("the chip", self.loss_along_chip))
        lines = [
            (f"along {name}'s gradient", *[f"{value:.3f}" for value in values])
            for name, values in losses
        ]
        along = render_table(header, lines, title=f"of Linf {fraction(self.eps)}")
        return f"{per_image}\n\n{along}"


def _quartiles(values: tuple[float, ...]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
