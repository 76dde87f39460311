"""Noise stability, for print: a panel a figure, a group of bars a layer, a colour a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from ..records import LayerStability, NoiseStability, Statistic
from ..records.record import describe
from .figure_file import write_figure

PANELS: tuple[tuple[str, Callable[[LayerStability], Statistic]], ...] = (
    ("noise sensitivity", lambda row: row.noise_sensitivity),
    ("noise factor", lambda row: row.noise_factor),
    ("layer cushion", lambda row: row.layer_cushion),
    ("activation contraction", lambda row: row.activation_contraction),
    ("interlayer cushion", lambda row: row.interlayer_cushion),
    ("interlayer smoothness, 1/mu", lambda row: row.interlayer_smoothness),
    ("interlayer curvature", lambda row: row.interlayer_curvature),
)

ENDLESS = (math.inf, 0.0)


def stability_figure(results: Sequence[NoiseStability], path: Path, *, names: Sequence[str] = ()) -> Path:
    """SNR in decibels, then the other seven figures, layer by layer, several networks side by side.

    Bars are means over images with twice the standard error; what is infinite (the noise factor of a first layer) has
    no bar. `names`: of the results in the legend, by default their chips. `path` is a .png, .pdf or .svg. Returns it.
    """
    from matplotlib.figure import Figure  # not pyplot: a figure of its own leaves the caller's backend alone

    if not results:
        raise ValueError("`results` is empty; pass at least one result of noise_stability")
    if names and len(names) != len(results):
        raise ValueError(f"`names` must be one for each of the {len(results)} results, got {len(names)}")
    labels = list(names) or [f"{result.software.network}, {describe(result.chip)}" for result in results]
    layers = list(dict.fromkeys(row.title for result in results for row in result.layers))
    wide = max(7.0, 0.28 * len(layers) * (1 + len(results)) / 2)
    figure = Figure(figsize=(2 * wide, 11.0), layout="constrained")
    panels = figure.subplots(4, 2, squeeze=False).flatten()
    width = 0.8 / len(results)
    for index, result in enumerate(results):
        shift = (index - (len(results) - 1) / 2) * width
        rows = {row.title: row for row in result.layers}
        ratios = {title: row.snr for title, row in rows.items()} | {"logits": result.logits.snr}
        decibels = {title: _decibels(ratio) for title, ratio in ratios.items()}
        _bars(panels[0], [*layers, "logits"], decibels, shift, width, labels[index], f"C{index}")
        for axes, (title, figure_of) in zip(panels[1:], PANELS, strict=True):
            found = {name: (figure_of(row).mean, 2 * figure_of(row).error) for name, row in rows.items()}
            _bars(axes, layers, found, shift, width, labels[index], f"C{index}")
            axes.set_title(title, fontsize=9)
    panels[0].set_title("SNR, decibels", fontsize=9)
    panels[0].legend(fontsize=8)
    first = results[0]
    figure.suptitle(f"clean images: {first.images} of {first.data or 'data'}", fontsize=10)
    return write_figure(figure, path)


def _decibels(ratio: Statistic) -> tuple[float, float]:
    """10 log10 of a mean ratio and twice its error, to first order."""
    if not (math.isfinite(ratio.mean) and ratio.mean > 0):
        return math.nan, 0.0
    return 10 * math.log10(ratio.mean), 2 * 10 / math.log(10) * ratio.error / ratio.mean


def _bars(  # type: ignore[no-untyped-def]  # matplotlib's axes have no useful type
    axes, layers: Sequence[str], found: dict[str, tuple[float, float]], shift: float, width: float, label: str,
    colour: str,
) -> None:  # fmt: skip
    shown = [(place, *found[name]) for place, name in enumerate(layers) if math.isfinite(found.get(name, ENDLESS)[0])]
    places, heights, errors = zip(*shown, strict=True) if shown else ((), (), ())
    middles = [place + shift for place in places]
    axes.bar(middles, heights, width, yerr=errors, color=colour, label=label, error_kw={"lw": 0.7})
    axes.set_xticks(range(len(layers)), layers, rotation=75, fontsize=7)
    axes.set_xlim(-0.6, len(layers) - 0.4)  # a layer without a bar keeps its place
    axes.grid(alpha=0.3, axis="y")
