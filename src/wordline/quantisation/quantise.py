"""A network whose weights and activations have few bits, layer by layer: on crossbars it needs few levels a cell."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import is_parametrized

from ..datasets import ImageSplit, to_float
from ..nn import AbstractMappedLayer
from ..nn.layer_selection import matches
from ..nn.layers.digital_layers import reads_own_weights
from ..nn.layers.layer_rules import view_as_matrices
from ..values import require_instance, require_integer, require_number, takes_numbers
from .layer import QuantisedLayer, matrix_layers
from .rounding import MOST_BITS, InputRounding, Span, joined

Bits = int | Mapping[str, int]
AS_THEY_ARE = 0
_BATCH = 100  # calibration images at a time


@takes_numbers
def quantise(
    model: nn.Module,
    bits: Bits,
    *,
    activation_bits: Bits = AS_THEY_ARE,
    calibration: Tensor | ImageSplit | None = None,
    percent: float = 99.9,
) -> nn.Module:
    """A copy of a network whose linear and convolution layers have weights, and inputs, of few bits.

    `bits`: of all layers, or of those that patterns on names mean, as in `map_model`, the first that matches deciding;
    layers that none matches keep full precision. 2 to 16: weights take 2^bits - 1 values, evenly spaced from -max |w|
    to max |w| of their layer. `activation_bits`: of what such a layer is given, 1 to 16 (2 where it can be negative),
    or 0, as they are; behind a ReLU, 2^bits values from zero up. Ranges are measured, once, on the `calibration` images
    with weights rounded: the percentile `percent` of the magnitudes in a batch of 100, the mean over batches (the
    maximum for 100). Images in [0, 1] are the activations of the first layer.

    Gradients pass straight through, and saturated activations stop them; records say so. Biases, batch norm and sums of
    branches keep full precision. Evaluation and attacks need nothing further; `map_model(quantised, ...)` programs
    the rounded weights, and `matching(quantised, crossbar)` gives each layer cells that hold exactly these.

    Raises ValueError for a model in training mode, bits out of range, a pattern that matches nothing, activations
    without calibration images, a network without such layers and one that is quantised already; and for an `int` where
    a layer such as attention or an LSTM multiplies by its weights in a way of its own: name the layers then.

    >>> small = quantise(nn.Linear(2, 1, bias=False).eval(), bits=2)
    >>> sorted({abs(w) for w in small.weight.flatten().tolist()} - {0.0}) == [small.weight.abs().max().item()]
    True
    """
    require_instance("model", model, nn.Module)
    if model.training:
        raise ValueError("`model` is in training mode; call model.eval() first, so that batch norm stands still")
    require_number("percent", percent, above=0.0, at_most=100.0)
    made, layers = dressed(copy.deepcopy(model), bits)
    wanted = _bits_of("activation_bits", activation_bits, list(layers), at_least=AS_THEY_ARE)
    if any(wanted.values()):
        if calibration is None:
            raise ValueError("`activation_bits` need `calibration` images to measure their ranges on; pass some")
        rounded = {name: layer for name, layer in layers.items() if wanted.get(name)}
        for name, span in _spans(made, rounded, calibration, percent).items():
            if span.signed and wanted[name] < 2:
                raise ValueError(f"`activation_bits` of {name!r} must be at least 2, got 1: its inputs can be negative")
            layers[name].inputs = InputRounding(wanted[name], span).to(layers[name].weight.device).eval()
    return made


def dressed(model: nn.Module, bits: Bits) -> tuple[nn.Module, dict[str, QuantisedLayer]]:
    """A network, changed in place, with rounded weights; and its quantised layers by name."""
    found = dict(matrix_layers(model))
    _require_quantisable(model, found, bits)
    wanted = _bits_of("bits", bits, list(found), at_least=2)
    made = {name: QuantisedLayer(found[name], count) for name, count in wanted.items()}
    instead: dict[nn.Module | None, QuantisedLayer] = {layer.layer: layer for layer in made.values()}
    for parent in list(model.modules()):
        for key, child in parent._modules.items():  # a layer may stand in several places
            if child in instead:
                parent._modules[key] = instead[child]
    return instead.get(model, model), made


def _require_quantisable(model: nn.Module, found: Mapping[str, nn.Module], bits: Bits) -> None:
    if not found:
        raise ValueError("`model` has no linear or convolution layer to quantise")
    for layer in found.values():
        if isinstance(layer, AbstractMappedLayer):
            raise ValueError("`model` is a chip; quantise the software network, then map it")
        if isinstance(layer, QuantisedLayer) or is_parametrized(layer, "weight"):
            raise ValueError("`model` has weights that are computed from others already; quantise the network it was")
    if isinstance(bits, int):
        for name, module in model.named_modules():
            if not isinstance(module, (nn.Linear, _ConvNd)) and (reads_own_weights(module) or view_as_matrices(module)):
                raise ValueError(
                    f"`model` layer {name!r} ({type(module).__name__}) multiplies by its weights itself and cannot be "
                    'quantised; name the layers that can be, such as bits={"head": 4}'
                )


def _bits_of(argument: str, bits: Bits, names: list[str], *, at_least: int) -> dict[str, int]:
    """The bits of every layer that gets any."""
    require_instance(argument, bits, (int, Mapping))
    pairs = list(bits.items()) if isinstance(bits, Mapping) else [("*", bits)]
    for pattern, count in pairs:
        require_integer(argument, count, at_least=at_least)
        if count > MOST_BITS:
            raise ValueError(f"`{argument}` must be at most {MOST_BITS}, got {count}")
        if not any(matches(name, pattern) for name in names):
            raise ValueError(f"`{argument}` pattern {pattern!r} matches no layer; there are {', '.join(names)}")
    chosen = {name: [count for pattern, count in pairs if matches(name, pattern)] for name in names}
    return {name: counts[0] for name, counts in chosen.items() if counts}


def _spans(
    model: nn.Module, layers: Mapping[str, QuantisedLayer], calibration: Tensor | ImageSplit, percent: float
) -> dict[str, Span]:
    """The spans of what these layers are given, over the calibration images."""
    require_instance("calibration", calibration, (Tensor, ImageSplit))
    images = calibration.images if isinstance(calibration, ImageSplit) else calibration
    if len(images) == 0:
        raise ValueError("`calibration` holds no images")
    seen: dict[str, list[Span]] = {name: [] for name in layers}
    like = next(tensor for tensor in model.parameters())
    looks = [layer.inputs.register_forward_pre_hook(_look(seen[name], percent)) for name, layer in layers.items()]
    try:
        with torch.no_grad():
            for start in range(0, len(images), _BATCH):
                model(to_float(images[start : start + _BATCH]).to(like.device, like.dtype))
    finally:
        for look in looks:
            look.remove()
    if unseen := [name for name, spans in seen.items() if not spans]:
        raise ValueError(f"`activation_bits` of {unseen[0]!r} cannot be calibrated: no image passes through that layer")
    return {name: joined(spans, percent) for name, spans in seen.items()}


def _look(seen: list[Span], percent: float) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    return lambda module, given: seen.append(Span.of(given[0], percent))
