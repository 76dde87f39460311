"""A gradient deviation: angles, norms, and the chip's loss along both gradients."""

from __future__ import annotations

import math
from pathlib import Path

from ...records import GradientDeviation
from ...records.record import describe, fraction
from .figure_file import new_figure, save_figure


def deviation_figure(result: GradientDeviation, path: Path) -> Path:
    """Draw cosine and sign agreement per image, norm ratio per image, and losses against epsilon.

    `path` is a .png, .pdf or .svg. Returns `path`.
    """
    figure = new_figure(10.5, 3.0)
    angles, norms, losses = figure.subplots(1, 3)
    bins = [i / 20 - 1 for i in range(41)]
    agreement = {"color": "tab:blue", "alpha": 0.7, "label": "sign agreement"}
    angles.hist(result.cosine, bins=bins, color="tab:red", alpha=0.7, label="cosine")
    angles.hist(result.sign_agreement, bins=bins, **agreement)
    angles.set_xlim(-1.05 if min(result.cosine) < 0 else 0, 1.02)
    angles.set_xlabel("software and chip, per image")
    angles.set_ylabel("images")
    angles.legend(fontsize=8)
    # logarithms, for the ratios of saturated losses span many decades
    decades = [math.log10(ratio) for ratio in result.norm_ratio if ratio > 0]
    norms.hist(decades, bins=30, color="tab:gray")
    norms.set_xlabel("log10 of the norms' ratio, chip / software")
    radii = [share * result.eps for share in result.fractions]
    chip = {"color": "tab:red", "label": "chip's gradient"}
    losses.plot(
        radii, result.loss_along_software, "s--", color="tab:blue", label="software's gradient"
    )
    losses.plot(radii, result.loss_along_chip, "^-", **chip)
    losses.set_xlabel(f"epsilon (Linf, up to {fraction(result.eps)})")
    losses.set_ylabel(f"chip's mean {result.loss}")
    losses.legend(fontsize=8)
    images = f"{result.images} images of {result.data or 'data'}"
    return save_figure(figure, path, f"{describe(result.chip)}, {images}")
