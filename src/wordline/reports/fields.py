"""The fields by which tables, filters and figures tell results apart: "HH", "64x64", "8/255".

A field is read off any result by the names that all results share: the network is `victim` or
`chip`, and then there are `attack`, `eps` and `data`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from ..records import Attenuated, Scaled
from ..records.record import NetworkIdentity, Record, fraction
from ..values import Value

MISSING: Final = "-"
LAYER: Final = "layer"  # the field of a measurement of one layer
NO_NETWORK: Final = NetworkIdentity("", "")


def format_field(result: Value, name: str) -> str:
    """Write a field of a result in a word; "-" where the result has none."""
    return FIELDS[name](result)


def format_value(value: Any) -> str:
    """Write a value in a word: a configuration by its class, a tile as 64x64, a float rounded.

    >>> format_value((64, 64)), format_value(20e3), format_value(None)
    ('64x64', '20000', '-')
    """
    if value is None or value == "":
        return MISSING
    if isinstance(value, Value):
        return type(value).__name__
    if isinstance(value, list | tuple):
        separator = "x" if all(isinstance(item, int) for item in value) else ", "
        return separator.join(map(format_value, value)) or MISSING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def network_of(result: Value) -> NetworkIdentity:
    """Return the network that a result speaks of: its victim, or its chip."""
    network = getattr(result, "victim", None) or getattr(result, "chip", None)
    return network if isinstance(network, NetworkIdentity) else NO_NETWORK


def epsilon(result: Value) -> float:
    """Return the radius of the attack, or of the result itself; NaN where there is none."""
    eps = getattr(getattr(result, "attack", None), "eps", getattr(result, "eps", None))
    return float(eps) if isinstance(eps, int | float) else math.nan


def describe_design(network: NetworkIdentity) -> str:
    """Describe a chip by tile, gain and seed, without its network: "64x64 UnitGain #0".

    Software whose weights stand in for a chip is told from software as it was trained.
    """
    if isinstance(network.origin, Attenuated):
        return f"{network.origin.words} of {describe_design(network.chip)}"
    if not network.is_chip:
        return _software(network)
    return f"{format_value(network.tile)} {network.gain} #{network.seed}"


def _software(network: NetworkIdentity) -> str:
    """Write "software", with the factor of weights that were scaled."""
    origin = network.origin
    return f"software x {origin.factor:g}" if isinstance(origin, Scaled) else "software"


def _of_chip(read: Callable[[NetworkIdentity], Any]) -> Callable[[Value], str]:
    """Read a field off a chip, or off the chip that a network is the twin of."""

    def field(result: Value) -> str:
        chip = network_of(result).chip
        return format_value(read(chip)) if chip.is_chip else MISSING

    return field


def _format_tile(result: Value) -> str:
    """Write the tile of a chip; "twin of" it, or "software": the word that tells victims apart."""
    network = network_of(result)
    if isinstance(network.origin, Attenuated):
        return f"{network.origin.words} of {format_value(network.chip.tile)}"
    return format_value(network.tile) if network.is_chip else _software(network)


def _of_crossbar(path: str) -> Callable[[Value], str]:
    read = attrgetter(f"crossbar.{path}")

    def find(network: NetworkIdentity) -> Any:
        try:
            return read(network)
        except AttributeError:  # an ideal converter has no bits
            return None

    return _of_chip(find)


def _of_attack(name: str) -> Callable[[Value], str]:
    return lambda result: format_value(getattr(getattr(result, "attack", None), name, None))


def _format_epsilon(result: Value) -> str:
    eps = epsilon(result)
    return MISSING if math.isnan(eps) else fraction(eps)


FIELDS: Final[Mapping[str, Callable[[Value], str]]] = {
    "setting": lambda result: result.setting if isinstance(result, Record) else MISSING,
    "tile": _format_tile,
    "gain": _of_chip(lambda network: network.gain),
    "r_on": _of_crossbar("device.r_on_ohm"),
    "r_off": _of_crossbar("device.r_off_ohm"),
    "levels": _of_crossbar("device.levels"),
    "adc_bits": _of_crossbar("adc.bits"),
    "dac_bits": _of_crossbar("dac.bits"),
    "weight_bits": _of_crossbar("slicing.weight_bits"),
    "driver_ohm": _of_crossbar("wires.driver_ohm"),
    "row_ohm": _of_crossbar("wires.row_ohm"),
    "col_ohm": _of_crossbar("wires.col_ohm"),
    "nonidealities": _of_crossbar("nonidealities"),
    "attack": lambda result: format_value(getattr(result, "attack", None)),
    "eps": _format_epsilon,
    "loss": _of_attack("loss"),
    "steps": _of_attack("steps"),
    "model": lambda result: format_value(network_of(result).network),
    "data": lambda result: format_value(getattr(result, "data", None)),
    "seed": lambda result: format_value(network_of(result).chip.seed),
    "victim": lambda result: describe_design(network_of(result)),
}
FIELD_NAMES: Final = (*FIELDS, LAYER)
