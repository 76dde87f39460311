"""A crossbar in words and units, with the non-ideality factor it has."""

from __future__ import annotations

import dataclasses

import torch

from ..circuits import effective_conductance
from ..values import Value
from .crossbar import Crossbar
from .nonideality_factor import nonideality_factor, probe_volts
from .presets import PRESETS


def explain(crossbar: Crossbar, *, name: str = "") -> str:
    """What a crossbar is, line by line, as wordline understands it."""
    rows, cols = crossbar.tile
    device, wires = crossbar.device, crossbar.wires
    uniform, half_normal = nonideality_of(crossbar)
    lines = [
        ("tile", f"{rows} word lines (inputs) x {cols} bit lines (outputs)"),
        ("device", device.describe()),
        ("driver", f"{wires.driver_ohm:g} ohm at the start of every word line"),
        ("wires", f"{wires.row_ohm:g} ohm a segment along rows, {wires.col_ohm:g} ohm along columns"),
        ("sense", f"{wires.sense_ohm:g} ohm at the end of every bit line"),
        ("non-idealities", ", then ".join(map(_words, crossbar.nonidealities)) or "none"),
        ("encoding", _words(crossbar.encoding)),
        ("weight scale", _words(crossbar.scale)),
        ("gain", _words(crossbar.gain)),
        ("NF", f"{uniform:.3f} for conductances uniform over the window, {half_normal:.3f} for a differential pair of "
               "half-normal weights; one array, exact, volts uniform in (0, 1)"),
    ]  # fmt: skip
    if name in PRESETS:
        lines.append(("source", PRESETS[name].source))
    return "\n".join(f"{key:>15}  {text}" for key, text in lines)


def nonideality_of(crossbar: Crossbar, *, seed: int = 0) -> tuple[float, float]:
    """NF of one full array: uniform conductances, and one half of a differential pair of normal weights."""
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(crossbar.tile, generator=generator, dtype=torch.float64)
    weights = torch.randn(crossbar.tile, generator=generator, dtype=torch.float64)
    weights = weights / weights.abs().max()
    volts, factors = probe_volts(crossbar.tile[0], inputs=64), []
    for part in (share, weights.clamp(min=0)):
        wanted = crossbar.device.conductance(part)
        there = wanted
        for nonideality in crossbar.nonidealities:
            there = nonideality.apply(there, crossbar.device, generator=generator)
        factors.append(float(nonideality_factor(wanted, effective_conductance(there, crossbar.wires), volts)))
    return factors[0], factors[1]


def _words(value: Value) -> str:
    """GaussianVariation(sigma=0.1) -> "GaussianVariation, sigma 0.1"."""
    fields = [f"{f.name} {getattr(value, f.name)}" for f in dataclasses.fields(value)]  # type: ignore[arg-type]
    return ", ".join([type(value).__name__, *fields])
