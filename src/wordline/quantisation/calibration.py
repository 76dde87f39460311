"""Spans of the inputs of quantised layers, measured on calibration images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit, to_float
from ..values import require_instance
from .layers import QuantisedLayer
from .rounding import Span, join_spans

_BATCH = 100  # images at a time


def measure_spans(
    model: nn.Module,
    layers: Mapping[str, QuantisedLayer],
    calibration: Tensor | ImageSplit,
    percent: float,
) -> dict[str, Span]:
    """Measure the spans of the inputs of these layers over the calibration images."""
    require_instance("calibration", calibration, (Tensor, ImageSplit))
    images = calibration.images if isinstance(calibration, ImageSplit) else calibration
    if len(images) == 0:
        raise ValueError("`calibration` holds no images")
    spans: dict[str, list[Span]] = {name: [] for name in layers}
    like = next(tensor for tensor in model.parameters())
    with ExitStack() as hooks, torch.no_grad():
        for name, layer in layers.items():
            hook = _append_to(spans[name], percent)
            hooks.callback(layer.inputs.register_forward_pre_hook(hook).remove)
        for start in range(0, len(images), _BATCH):
            model(to_float(images[start : start + _BATCH]).to(like.device, like.dtype))
    for name, of_layer in spans.items():
        if not of_layer:
            raise ValueError(
                f"`activation_bits` of {name!r} cannot be calibrated: "
                "no image passes through that layer"
            )
    return {name: join_spans(of_layer, percent) for name, of_layer in spans.items()}


def _append_to(spans: list[Span], percent: float) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    return lambda module, inputs: spans.append(Span.of(inputs[0], percent))
