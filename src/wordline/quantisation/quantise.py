"""Quantisation of a network, layer by layer, which on crossbars needs few levels in a cell."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import is_parametrized

from ..datasets import ImageSplit
from ..nn import AbstractMappedLayer
from ..nn.layer_selection import matches
from ..nn.layers.digital_layers import reads_own_weights
from ..nn.layers.layer_rules import view_as_matrices
from ..records.bit_assignment import require_bits
from ..values import require_instance, require_number, takes_numbers
from .calibration import measure_spans
from .layers import QuantisedLayer, matrix_layers
from .rounding import InputRounding

Bits = int | Mapping[str, int]
UNQUANTISED = 0


@takes_numbers
def quantise(
    model: nn.Module,
    bits: Bits,
    *,
    activation_bits: Bits = UNQUANTISED,
    calibration: Tensor | ImageSplit | None = None,
    percent: float = 99.9,
) -> nn.Module:
    """Copy a network with linear and convolution layers whose weights, and inputs, have few bits.

    `bits`: of all layers, or by patterns on names as in `map_model`, of which the first that
    matches decides; layers that none matches keep full precision. 2 to 16: weights take 2^bits - 1
    values, evenly spaced from -max |w| to max |w| of their layer. `activation_bits`: of the inputs
    of such a layer, 1 to 16 (at least 2 where inputs can be negative), or 0, unquantised; behind a
    ReLU, 2^bits values from zero up. Ranges are measured, once, on the `calibration` images with
    weights rounded: the percentile `percent` of the magnitudes in a batch of 100, the mean over
    batches (the maximum for 100). Images in [0, 1] are the activations of the first layer.

    Gradients pass straight through, and stop where activations saturate; records say so. Biases,
    batch norm and sums of branches keep full precision. Evaluation and attacks need nothing
    further; `map_model(quantised, ...)` programs the rounded weights, and
    `matching(quantised, crossbar)` gives each layer cells that hold exactly these.

    Raises ValueError for a model in training mode, bits out of range, a pattern that matches
    nothing, activations without calibration images, a network without such layers and one that is
    quantised already; and for an `int` where a layer such as attention or an LSTM multiplies by its
    weights itself: name the layers then.

    >>> small = quantise(nn.Linear(2, 1, bias=False).eval(), bits=2)
    >>> magnitudes = {abs(w) for w in small.weight.flatten().tolist()} - {0.0}
    >>> magnitudes == {small.weight.abs().max().item()}
    True
    """
    require_instance("model", model, nn.Module)
    if model.training:
        raise ValueError(
            "`model` is in training mode; call model.eval() first, so that batch norm stands still"
        )
    require_number("percent", percent, above=0.0, at_most=100.0)
    quantised, layers = replace_layers(copy.deepcopy(model), bits)
    input_bits = _bits_by_layer(
        "activation_bits", activation_bits, list(layers), at_least=UNQUANTISED
    )
    if any(input_bits.values()):
        if calibration is None:
            raise ValueError(
                "`activation_bits` need `calibration` images to measure their ranges on; pass some"
            )
        rounded = {name: layer for name, layer in layers.items() if input_bits.get(name)}
        for name, span in measure_spans(quantised, rounded, calibration, percent).items():
            if span.signed and input_bits[name] < 2:
                raise ValueError(
                    f"`activation_bits` of {name!r} must be at least 2, got 1: "
                    "its inputs can be negative"
                )
            rounding = InputRounding(input_bits[name], span)
            layers[name].inputs = rounding.to(layers[name].weight.device).eval()
    return quantised


def replace_layers(model: nn.Module, bits: Bits) -> tuple[nn.Module, dict[str, QuantisedLayer]]:
    """Replace layers of a network, in place, by quantised ones.

    Returns the network, and its quantised layers by name.
    """
    layers = dict(matrix_layers(model))
    _require_quantisable(model, layers, bits)
    weight_bits = _bits_by_layer("bits", bits, list(layers), at_least=2)
    quantised = {name: QuantisedLayer(layers[name], count) for name, count in weight_bits.items()}
    replacements: dict[nn.Module | None, QuantisedLayer] = {q.layer: q for q in quantised.values()}
    for parent in list(model.modules()):
        for key, child in parent._modules.items():  # a layer may occur in several places
            if child in replacements:
                parent._modules[key] = replacements[child]
    return replacements.get(model, model), quantised


def _require_quantisable(model: nn.Module, layers: Mapping[str, nn.Module], bits: Bits) -> None:
    if not layers:
        raise ValueError("`model` has no linear or convolution layer to quantise")
    for layer in layers.values():
        if isinstance(layer, AbstractMappedLayer):
            raise ValueError("`model` is a chip; quantise the software network, then map it")
        if isinstance(layer, QuantisedLayer) or is_parametrized(layer, "weight"):
            raise ValueError(
                "`model` has weights that are computed from others already; "
                "quantise the network it was"
            )
    if isinstance(bits, int):
        for name, module in model.named_modules():
            if isinstance(module, (nn.Linear, _ConvNd)):
                continue
            if reads_own_weights(module) or view_as_matrices(module):
                raise ValueError(
                    f"`model` layer {name!r} ({type(module).__name__}) multiplies by its weights "
                    "itself and cannot be quantised; name the layers that can be, such as "
                    'bits={"head": 4}'
                )


def _bits_by_layer(argument: str, bits: Bits, names: list[str], *, at_least: int) -> dict[str, int]:
    """Bits of every layer that gets any."""
    require_instance(argument, bits, (int, Mapping))
    pairs = list(bits.items()) if isinstance(bits, Mapping) else [("*", bits)]
    for pattern, count in pairs:
        require_bits(argument, count, at_least=at_least)
        if not any(matches(name, pattern) for name in names):
            raise ValueError(
                f"`{argument}` pattern {pattern!r} matches no layer; there are {', '.join(names)}"
            )
    found = {name: [n for pattern, n in pairs if matches(name, pattern)] for name in names}
    return {name: counts[0] for name, counts in found.items() if counts}
