"""Gradient deviation, for print."""

from __future__ import annotations

import math
from pathlib import Path

from ..records import GradientDeviation
from ..records.record import describe, fraction
from .figure_file import write_figure


def deviation_figure(result: GradientDeviation, path: Path) -> Path:
    """Three panels: cosine and sign agreement per image, norm ratio per image, the chip's loss along both gradients.

    `path` is a .png, .pdf or .svg. Returns `path`.
    """
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    figure = Figure(figsize=(10.5, 3.0), layout="constrained")
    angles, norms, climbs = figure.subplots(1, 3)
    bins = [i / 20 - 1 for i in range(41)]
    angles.hist(result.cosine, bins=bins, color="tab:red", alpha=0.7, label="cosine")
    angles.hist(result.sign_agreement, bins=bins, color="tab:blue", alpha=0.7, label="sign agreement")
    angles.set_xlim(-1.05 if min(result.cosine) < 0 else 0, 1.02)
    angles.set_xlabel("software and chip, per image")
    angles.set_ylabel("images")
    angles.legend(fontsize=8)
    decades = [math.log10(ratio) for ratio in result.norm_ratio if ratio > 0]  # saturated losses span many of them
    norms.hist(decades, bins=30, color="tab:gray")
    norms.set_xlabel("log10 of the norms' ratio, chip / software")
    steps = [share * result.eps for share in result.fractions]
    climbs.plot(steps, result.loss_along_software, "s--", color="tab:blue", label="software's gradient")
    climbs.plot(steps, result.loss_along_chip, "^-", color="tab:red", label="chip's gradient")
    climbs.set_xlabel(f"epsilon (Linf, up to {fraction(result.eps)})")
    climbs.set_ylabel(f"chip's mean {result.loss}")
    climbs.legend(fontsize=8)
    for axes in (angles, norms, climbs):
        axes.grid(alpha=0.3)
    figure.suptitle(f"{describe(result.chip)}, {result.images} images of {result.data or 'data'}", fontsize=10)
    return write_figure(figure, path)
