"""Converter ranges measured on data, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..devices import AbstractConverter, Calibrated
from ..values import require_instance, require_integer, takes_numbers
from .abstract_mapped_layer import AbstractMappedLayer
from .chip import Chip
from .dataset_images import load_image
from .ensemble import ChipEnsemble
from .reading.read_path import NOT_OBSERVED, CalibrationObserver

AnyChip = TypeVar("AnyChip", Chip, ChipEnsemble)
Layers = dict[str, AbstractMappedLayer]


@takes_numbers
def calibrate(
    chip: AnyChip, data: Dataset[Any], *, limit: int = 200, batch_size: int = 50
) -> AnyChip:
    """Measure every `Calibrated` range of a chip on the first `limit` images of `data`.

    Changes this chip and returns it. Two passes: the first, without converters, sets the ranges of
    all DACs; the second, with them, those of the ADCs, each from the column sums of all its tiles.
    The range is the percentile of the magnitudes in a batch, or for an ADC in the parts and streams
    in which a batch is read: the largest of them for 100 percent, their mean for less. A layer that
    these images do not pass through keeps no range. No label is read; pass training images,
    floating point or bytes, which count as value / 255. `limit=0` takes all. A chip without such
    ranges is returned unchanged; every chip of an ensemble is measured for itself.

    Raises ValueError where there are no images.

    >>> from wordline.devices import UniformConverter
    >>> from wordline.mapping import Crossbar
    >>> from wordline.nn import map_model
    >>> import dataclasses
    >>> crossbar = dataclasses.replace(Crossbar.preset("ideal"), dac=UniformConverter(bits=8))
    >>> chip = map_model(torch.nn.Linear(1, 1).eval(), crossbar)
    >>> data = [(torch.tensor([-3.0]), 0), (torch.tensor([2.0]), 0)]
    >>> calibrate(chip, data).layers["model"].input_limit.item()
    3.0
    """
    require_instance("chip", chip, (Chip, ChipEnsemble))
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    count = len(cast(Sized, data))
    count = min(limit, count) if limit else count
    if count == 0:
        raise ValueError("`data` holds no images to calibrate with")
    dacs = {name: layer for name, layer in chip.layers.items() if _measured(layer.crossbar.dac)}
    adcs = {name: layer for name, layer in chip.layers.items() if _measured(layer.crossbar.adc)}
    if dacs:
        _measure(chip, data, count, batch_size, dacs, inputs=True)
    if adcs:
        _measure(chip, data, count, batch_size, adcs, inputs=False)
    if dacs or adcs:
        name = getattr(data, "name", "a nameless data set")
        content = data.fingerprint() if hasattr(data, "fingerprint") else "of unknown content"
        batches = f"batches of {batch_size}"
        chip.calibration = f"first {count} images of {name} {content}, {batches}"
    return chip


def _measured(converter: AbstractConverter) -> bool:
    return isinstance(converter.range, Calibrated) and not converter.ideal


def _measure(
    chip: Chip | ChipEnsemble, data: Dataset[Any], count: int, batch_size: int, layers: Layers, *,
    inputs: bool,
) -> None:  # fmt: skip
    """Measure the ranges of all DACs, with `inputs`, or of all ADCs in one pass over the data."""
    converters = {
        name: layer.crossbar.dac if inputs else layer.crossbar.adc for name, layer in layers.items()
    }
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}
    like = next(value for value in chip.state_dict().values() if value.is_floating_point())
    try:
        for name, layer in layers.items():
            record = _recorder(converters[name], seen[name])
            layer.observe(CalibrationObserver(*((record, None) if inputs else (None, record))))
        with torch.no_grad():
            for start in range(0, count, batch_size):
                stop = min(start + batch_size, count)
                images = [load_image(data, index) for index in range(start, stop)]
                chip(torch.stack(images).to(like.device, like.dtype))
    finally:
        for layer in layers.values():
            layer.observe(NOT_OBSERVED)
    for name, layer in layers.items():
        if not seen[name]:
            continue
        values = torch.stack(seen[name])
        percent = cast(Calibrated, converters[name].range).percent
        measured = values.amax() if percent == 100 else values.mean()
        limit = measured.where(measured > 0, torch.ones_like(measured))
        (layer.input_limit if inputs else layer.output_limit).copy_(limit)


def _recorder(converter: AbstractConverter, seen: list[Tensor]) -> Callable[[Tensor], None]:
    span = cast(Calibrated, converter.range)
    return lambda values: seen.append(span.measure(values))
