"""A description of a crossbar in words and units, with its non-ideality factor."""

from __future__ import annotations

import dataclasses

import torch

from ..devices import AbstractConverter, Calibrated, UniformConverter
from ..values import Value
from .conductances import program_devices, read_noise
from .crossbar import Crossbar
from .full_scale import UNMEASURED, column_noise, full_scale_ampere
from .nonideality_factor import probe_volts
from .presets import PRESETS
from .several_devices import AbstractSeveralDevices
from .slicing import BitSlicing


def explain(crossbar: Crossbar, *, name: str = "") -> str:
    """Describe a crossbar line by line, as wordline understands it."""
    rows, cols = crossbar.tile
    wires = crossbar.wires
    uniform, half_normal = nonideality_factors_of(crossbar)
    nf = (
        f"{uniform:.3f} for conductances uniform over the window, {half_normal:.3f} for a "
        "differential pair of half-normal weights; one array, exact, volts uniform up to the read "
        "voltage"
    )
    wires_text = f"{wires.row_ohm:g} ohm a segment along rows, {wires.col_ohm:g} ohm along columns"
    lines = [
        ("tile", f"{rows} word lines (inputs) x {cols} bit lines (outputs)"),
        ("device", crossbar.device.describe()),
        ("driver", f"{wires.driver_ohm:g} ohm at the start of every word line"),
        ("wires", wires_text),
        ("sense", f"{wires.sense_ohm:g} ohm at the end of every bit line"),
        ("array", _array(crossbar)),
        ("non-idealities", ", then ".join(map(_words, crossbar.nonidealities)) or "none"),
        ("encoding", _words(crossbar.encoding)),
        ("weight scale", _words(crossbar.scale)),
        ("slicing", _slicing(crossbar)),
        ("DAC", _converter(crossbar.dac)),
        ("ADC", _converter(crossbar.adc)),
        ("output noise", _output_noise(crossbar)),
        ("gain", _gain(crossbar)),
        ("NF", nf),
    ]
    if name in PRESETS:
        lines.append(("source", PRESETS[name].source))
    return "\n".join(f"{key:>15}  {text}" for key, text in lines)


def _gain(crossbar: Crossbar) -> str:
    name, timing = type(crossbar.gain).__name__, crossbar.gain.timing
    return name if timing == "never" else f"{name}, measured {timing}"


def _array(crossbar: Crossbar) -> str:
    if crossbar.array.linear:
        kind = "a matrix, solved once"
    else:
        kind = f"read by read, at up to {crossbar.read_volt:g} V"
    return f"{_words(crossbar.array)}: {kind}; gradient {crossbar.array.gradient}"


def _slicing(crossbar: Crossbar) -> str:
    slicing = crossbar.slicing
    if isinstance(slicing, AbstractSeveralDevices):
        return f"{_words(slicing)}: analog devices of a weight on one column, one read an input"
    if not isinstance(slicing, BitSlicing):
        return (
            "none: one cell a weight and array, one read an input; "
            "negative inputs are negative voltages"
        )
    cells = len(slicing.slices(crossbar.encoding.sign_bits))
    reads = -(-(slicing.input_bits - 1) // slicing.stream_bits)
    wide, drops = slicing.accumulator_bits, slicing.accumulator_drops
    width = f"{wide}-bit accumulator" if wide else "accumulator as wide as needed"
    dropped = f", lowest {drops} bits dropped" if drops else ""
    return (
        f"{slicing.weight_bits}-bit weights over {cells} cells of {slicing.cell_bits} bits; "
        f"{slicing.input_bits}-bit inputs in {reads} reads of {slicing.stream_bits} bits, and as "
        f"many for negative inputs; {width}{dropped}; gradient {slicing.gradient}"
    )


def _converter(converter: AbstractConverter) -> str:
    if not isinstance(converter, UniformConverter):
        return "none, values pass unchanged" if converter.ideal else _words(converter)
    sign = "signed" if converter.signed else "unsigned"
    codes = f"{converter.bits} bits, {sign}, full scale {_words(converter.range)}"
    less = ""
    if converter.less_off_current:
        less = "; less the current of a column of off cells"
    return f"{codes}{less}; gradient {converter.gradient}"


def _output_noise(crossbar: Crossbar) -> str:
    noise = crossbar.output_noise
    if not noise.sigma:
        return "none"
    when = "the same at each read" if noise.frozen else "drawn for each column and vector"
    words = f"sigma {noise.sigma:g} of {_words(noise.range)}, {when}"
    if isinstance(noise.range, Calibrated):
        return words
    share = column_noise(crossbar, UNMEASURED)
    ampere = share * full_scale_ampere(crossbar)
    return f"{words}: {ampere * 1e6:.4g} uA, {share:.4g} of the largest product"


def nonideality_factors_of(crossbar: Crossbar, *, seed: int = 0) -> tuple[float, float]:
    """Measure the NF of one full array.

    Returns that for uniform conductances, and that for one half of a differential pair of normal
    weights.
    """
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(crossbar.tile, generator=generator, dtype=torch.float64)
    weights = torch.randn(crossbar.tile, generator=generator, dtype=torch.float64)
    weights = weights / weights.abs().max()
    volts, factors = crossbar.read_volt * probe_volts(crossbar.tile[0], inputs=64), []
    for part in (share, weights.clamp(min=0)):
        target = crossbar.device.conductance(part)
        realised = program_devices(target, crossbar, generator=generator)
        g = read_noise(realised, crossbar, generator=generator)
        ideal = volts @ target
        programmed = crossbar.array.program(g, crossbar.wires)
        currents = crossbar.array.currents(volts, programmed, crossbar.wires)
        factors.append(float(((ideal - currents) / ideal).mean()))
    return factors[0], factors[1]


def _words(value: Value) -> str:
    """GaussianVariation(sigma=0.1) -> "GaussianVariation, sigma 0.1"."""
    names = [field.name for field in dataclasses.fields(value)]  # type: ignore[arg-type]
    fields = [(name, getattr(value, name)) for name in names]
    words = [
        f"{name} {_words(field) if isinstance(field, Value) else field}" for name, field in fields
    ]
    return ", ".join([type(value).__name__, *words])
