"""Spans of the inputs of quantised layers, measured on calibration images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit
from ..hooks import forward_pre_hooks
from ..models.batches import prepare
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

    def record(name: str, module: nn.Module, arguments: tuple[Any, ...], keywords: Any) -> None:
        spans[name].append(Span.of(arguments[0], percent))

    inputs = {name: layer.inputs for name, layer in layers.items()}
    with torch.no_grad(), forward_pre_hooks(inputs, record):
        for part in images.split(_BATCH):
            model(prepare(model, part))
    for name, of_layer in spans.items():
        if not of_layer:
            raise ValueError(
                f"`activation_bits` of {name!r} cannot be calibrated: "
                "no image passes through that layer"
            )
    return {name: join_spans(of_layer, percent) for name, of_layer in spans.items()}
