"""Bits of the layers of a network, as QUANOS assigns them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import final

from ..text import render_table
from ..values import Value, require_instance, require_integer
from .noise_sensitivity import NoiseSensitivity

MAX_BITS = 16  # finer steps are lost in the float32 arithmetic of the products


@final
@dataclass(frozen=True)
class BitAssignment(Value):
    """Bits of every layer, the sensitivity that they follow from, and the rule."""

    layers: tuple[tuple[str, int], ...]
    sensitivity: NoiseSensitivity
    rule: Value

    def __post_init__(self) -> None:
        require_instance("sensitivity", self.sensitivity, NoiseSensitivity)
        require_instance("rule", self.rule, Value)
        if [name for name, _ in self.layers] != [name for name, _ in self.sensitivity.layers]:
            raise ValueError("`layers` must name the layers of `sensitivity`, in their order")
        for _, bits in self.layers:
            require_bits("layers", bits, at_least=2)

    @property
    def bits(self) -> dict[str, int]:
        """Bits by layer, as `quantise` takes them."""
        return dict(self.layers)

    @property
    def mean(self) -> float:
        """Mean bits over all layers, the first and the last included."""
        return fmean(self.bits.values())

    def __str__(self) -> str:
        ans = dict(self.sensitivity.layers)
        rows = [(name, f"{ans[name]:.3f}", str(bits)) for name, bits in self.layers]
        return render_table(("layer", "ANS", "bits"), rows)


def require_bits(name: str, bits: int, *, at_least: int) -> None:
    """Refuse a number of bits that is out of range."""
    require_integer(name, bits, at_least=at_least)
    if bits > MAX_BITS:
        raise ValueError(f"`{name}` must be at most {MAX_BITS}, got {bits}")
