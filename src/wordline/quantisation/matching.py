"""Cells that match quantised weights: a level for each value, no rounding at programming."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from ..devices import Memristor
from ..mapping import BitSlicing, Crossbar, DifferentialPair, MaxScale
from ..mapping.encoding import AbstractEncoding
from ..values import require_instance
from .layers import QuantisedLayer, quantised_layers


def levels_for(
    model: nn.Module,
    encoding: AbstractEncoding = DifferentialPair(),  # noqa: B008 - a value
) -> dict[str, int]:
    """Count the levels that a device needs to hold the weights of each quantised layer, by name.

    A weight of b bits is s k/n with whole k from -n to n, n = 2^(b-1) - 1, s = max |w|, and a
    crossbar with `MaxScale` takes u = k/n. In a one-sided pair each device holds the share
    max(+-k, 0)/n of its window: n + 1 = 2^(b-1) levels. In a two-sided pair and with an offset
    column it holds (1 +- k/n)/2 = (n +- k)/2n: 2n + 1 = 2^b - 1 levels.

    Raises ValueError for a network without quantised layers.

    >>> from wordline.quantisation import quantise
    >>> levels_for(quantise(nn.Linear(2, 1).eval(), bits=4)), 2 ** (4 - 1)
    ({'model': 8}, 8)
    """
    return {name: _levels(layer.bits, encoding) for name, layer in _quantised(model).items()}


def matching(model: nn.Module, crossbar: Crossbar) -> tuple[tuple[str, Crossbar], ...]:
    """Return `overrides` of `map_model` that give each quantised layer cells with its levels.

    `Memristor(levels=levels_for(...))`; with `BitSlicing`, which cuts weights into the same codes,
    `weight_bits` instead. With ideal wires and no variation the chip then computes what the
    quantised network computes in software, to float rounding. Layers that are not quantised are not
    named.

    Raises TypeError for a device other than a `Memristor`, ValueError for a crossbar whose scale is
    not `MaxScale` and for a network without quantised layers.

    >>> from wordline.quantisation import quantise
    >>> small = quantise(nn.Linear(2, 1).eval(), bits=3)
    >>> ((name, crossbar),) = matching(small, Crossbar.preset("rethinking-64"))
    >>> name, crossbar.device.levels
    ('model', 4)
    """
    require_instance("crossbar", crossbar, Crossbar)
    layers = _quantised(model)
    if not isinstance(crossbar.scale, MaxScale):
        raise ValueError(
            f"`crossbar` must have scale=MaxScale(), as quantised weights have, got "
            f"{crossbar.scale!r}; others would round them again"
        )
    return tuple((name, _fitted(crossbar, layer.bits)) for name, layer in layers.items())


def _fitted(crossbar: Crossbar, bits: int) -> Crossbar:
    if isinstance(crossbar.slicing, BitSlicing):
        return replace(crossbar, slicing=replace(crossbar.slicing, weight_bits=bits))
    if not isinstance(crossbar.device, Memristor):
        raise TypeError(
            "`crossbar` device must be Memristor, whose levels can be chosen, "
            f"got {crossbar.device!r}"
        )
    device = replace(crossbar.device, levels=_levels(bits, crossbar.encoding))
    return replace(crossbar, device=device)


def _levels(bits: int, encoding: AbstractEncoding) -> int:
    steps = 2 ** (bits - 1) - 1
    return steps + 1 if encoding.sign_bits else 2 * steps + 1


def _quantised(model: nn.Module) -> dict[str, QuantisedLayer]:
    layers = quantised_layers(model)
    if not layers:
        raise ValueError(
            "`model` has no quantised layer; make it by wordline.quantise(model, bits)"
        )
    return layers
