"""Noise stability layer by layer: a panel a figure, a group of bars a layer, a colour a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...records import LayerStability, NoiseStability, Statistic
from ...records.record import describe
from .figure_file import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS: Mapping[str, Callable[[LayerStability], Statistic]] = {
    "noise sensitivity": lambda row: row.noise_sensitivity,
    "noise factor": lambda row: row.noise_factor,
    "layer cushion": lambda row: row.layer_cushion,
    "activation contraction": lambda row: row.activation_contraction,
    "interlayer cushion": lambda row: row.interlayer_cushion,
    "interlayer smoothness, 1/mu": lambda row: row.interlayer_smoothness,
    "interlayer curvature": lambda row: row.interlayer_curvature,
}
NO_BAR = (math.nan, 0.0)


@dataclass(frozen=True)
class BarGroup:
    """The bars of one network in every panel: their place within a layer's group, and style."""

    shift: float
    width: float
    label: str
    colour: str

    def draw(
        self, axes: Axes, layers: Sequence[str], bars: Mapping[str, tuple[float, float]]
    ) -> None:
        """Draw (height, error) of each layer; a layer without a bar keeps its place."""
        found = [(place, *bars.get(name, NO_BAR)) for place, name in enumerate(layers)]
        shown = [bar for bar in found if math.isfinite(bar[1])]
        axes.bar(
            [place + self.shift for place, _, _ in shown], [height for _, height, _ in shown],
            self.width, yerr=[error for _, _, error in shown], color=self.colour,
            label=self.label, error_kw={"lw": 0.7},
        )  # fmt: skip
        axes.set_xticks(range(len(layers)), layers, rotation=75, fontsize=7)
        axes.set_xlim(-0.6, len(layers) - 0.4)


def stability_figure(
    results: Sequence[NoiseStability], path: Path, *, names: Sequence[str] = ()
) -> Path:
    """Draw the SNR in decibels, then the other seven figures, for several networks side by side.

    Bars are means over images with twice the standard error; an infinite mean (the noise factor of
    a first layer) has no bar. `names`: of the results in the legend, by default their chips.
    `path` is a .png, .pdf or .svg. Returns `path`.
    """
    if not results:
        raise ValueError("`results` is empty; pass at least one result of noise_stability")
    if names and len(names) != len(results):
        raise ValueError(
            f"`names` must be one for each of the {len(results)} results, got {len(names)}"
        )
    labels = names or [f"{r.software.network}, {describe(r.chip)}" for r in results]
    layers = list(dict.fromkeys(row.title for result in results for row in result.layers))
    figure = new_figure(2 * max(7.0, 0.28 * len(layers) * (1 + len(results)) / 2), 11.0)
    snr, *others = figure.subplots(4, 2, squeeze=False).flatten()
    width = 0.8 / len(results)
    for index, (result, label) in enumerate(zip(results, labels, strict=True)):
        shift = (index - (len(results) - 1) / 2) * width
        group = BarGroup(shift, width, label, f"C{index}")
        ratios = {row.title: row.snr for row in result.layers} | {"logits": result.logits.snr}
        group.draw(snr, [*layers, "logits"], {name: _decibels(r) for name, r in ratios.items()})
        for axes, read in zip(others, PANELS.values(), strict=True):
            statistics = {row.title: read(row) for row in result.layers}
            bars = {name: (found.mean, 2 * found.error) for name, found in statistics.items()}
            group.draw(axes, layers, bars)
    for axes, title in zip((snr, *others), ("SNR, decibels", *PANELS), strict=True):
        axes.set_title(title, fontsize=9)
    snr.legend(fontsize=8)
    first = results[0]
    title = f"clean images: {first.images} of {first.data or 'data'}"
    return save_figure(figure, path, title, grid="y")


def _decibels(ratio: Statistic) -> tuple[float, float]:
    """10 log10 of a mean ratio and twice its error, to first order."""
    if not (math.isfinite(ratio.mean) and ratio.mean > 0):
        return NO_BAR
    return 10 * math.log10(ratio.mean), 2 * 10 / math.log(10) * ratio.error / ratio.mean
