"""PyTorch data sets of (image, label) pairs as a split: a `TensorDataset`, a `Subset`, a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset

from ..values import require_integer
from .images import ImageData, ImageSplit

Pairs = Dataset[tuple[Tensor, int]] | Sequence[tuple[Tensor, int]]
ROUNDING = 1e-6  # pixels this far off [0, 1] are clipped, farther ones refused
WANTED = "must be ImageSplit or a map-style data set of (image, label) pairs"


def as_split(data: Pairs, name: str = "data", *, limit: int = 0) -> ImageSplit:
    """Return the first `limit` images (0: all) of a data set as an `ImageSplit`.

    Every pair is asked for once, in order. An image is a tensor or an array (C, H, W), either
    floating point in [0, 1] or uint8, which counts as value / 255; a label is a whole number or a
    tensor of one. The split takes its name from the data set's `name`, otherwise from its class. An
    `ImageSplit` comes back as it is, except that pixels which rounding has put off [0, 1] by up to
    1e-6 are clipped; `flags` says so, as it does of bytes of a foreign data set.

    `name` is the argument that errors speak of. Raises TypeError for anything that holds no such
    pairs, ValueError for no images, images of several shapes, and pixels outside [0, 1] or NaN.

    >>> split = as_split([(torch.full((1, 2, 2), 1.0000001), 3), (torch.zeros(1, 2, 2), 1)])
    >>> split.labels.tolist(), split.images.max().item(), split.name
    ([3, 1], 1.0, 'list')
    >>> split.flags
    ('pixels off [0, 1] by up to 1.2e-07 were clipped',)
    """
    require_integer("limit", limit, at_least=0)
    if not isinstance(data, ImageSplit):
        return _clip_split(_convert(data, name, limit), name)
    return _clip_split(data.take(limit) if limit else data, name)


def clip_rounding(images: Tensor) -> tuple[Tensor, str]:
    """Clip pixels that rounding put off [0, 1]; return the images and a note ("" for none).

    Pixels farther off, and NaN, are left as they are.
    """
    off = max(float(-images.min()), float(images.max()) - 1)
    if not 0 < off <= ROUNDING:  # NaN compares false
        return images, ""
    return images.clamp(0, 1), f"pixels off [0, 1] by up to {off:.1e} were clipped"


def _clip_split(split: ImageSplit, name: str) -> ImageSplit:
    if split.images.dtype == torch.uint8:
        return split
    images, note = clip_rounding(split.images)
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise ValueError(
            f"`images` of `{name}` must lie in [0, 1] without NaN, got {float(images.min()):g} to "
            f"{float(images.max()):g}; put normalisation inside the model, as "
            "`wl.Normalized(model, mean, std)`"
        )
    return replace(split, images=images, flags=(*split.flags, note)) if note else split


def _convert(data: Any, name: str, limit: int) -> ImageSplit:
    _require_pairs(data, name)
    count = min(limit, len(data)) if limit else len(data)
    if count == 0:
        raise ValueError(f"`{name}` is empty; pass at least one (image, label) pair")
    images: list[Tensor] = []
    labels: list[int] = []
    for index in range(count):
        pair = data[index]
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"`{name}` {WANTED}, but item {index} is {type(pair).__name__}; "
                "for two tensors pass torch.utils.data.TensorDataset(images, labels)"
            )
        images.append(_image(pair[0], f"`{name}` item {index}"))
        labels.append(_label(pair[1], f"`{name}` item {index}"))
        if (images[-1].shape, images[-1].dtype) != (images[0].shape, images[0].dtype):
            raise ValueError(
                f"`{name}` item {index} is {images[-1].dtype} {tuple(images[-1].shape)}, item 0 "
                f"{images[0].dtype} {tuple(images[0].shape)}; images must be alike"
            )
    is_bytes = images[0].dtype == torch.uint8
    flags = ("bytes of the data set were divided by 255",) if is_bytes else ()
    return ImageSplit(torch.stack(images), torch.tensor(labels), _name_of(data), flags)


def _require_pairs(data: Any, name: str) -> None:
    if isinstance(data, ImageData):
        raise TypeError(
            f"`{name}` {WANTED}, got a data set of two splits; pass its `.test` or `.train`"
        )
    if hasattr(data, "dataset") and not isinstance(data, Dataset):
        raise TypeError(f"`{name}` {WANTED}, got {type(data).__name__}; pass its `.dataset`")
    map_style = hasattr(data, "__len__") and hasattr(data, "__getitem__")
    if isinstance(data, str | bytes | dict) or not map_style:
        raise TypeError(f"`{name}` {WANTED}, got {type(data).__name__}")


def _name_of(data: Any) -> str:
    if isinstance(data, Subset):
        return f"Subset of {_name_of(data.dataset)}"
    name = getattr(data, "name", "")
    return name if isinstance(name, str) and name else type(data).__name__


def _image(image: Any, where: str) -> Tensor:
    if isinstance(image, np.ndarray):
        image = torch.from_numpy(np.ascontiguousarray(image))
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{where} has an image of type {type(image).__name__}, which must be a tensor; give "
            "the data set transform=torchvision.transforms.ToTensor()"
        )
    if image.dtype != torch.uint8 and not image.is_floating_point():
        raise TypeError(
            f"{where} has an image of {image.dtype}, which must be floating point in [0, 1] "
            "or uint8"
        )
    if image.ndim != 3:
        raise ValueError(
            f"{where} has an image of shape {tuple(image.shape)}, which must be (C, H, W)"
        )
    return image.detach().cpu()


def _label(label: Any, where: str) -> int:
    if isinstance(label, Tensor | np.ndarray) and label.ndim == 0:
        label = label.item()
    if isinstance(label, bool) or not isinstance(label, int | np.integer):
        raise TypeError(
            f"{where} has the label {label!r}, which must be a whole number or a tensor of one"
        )
    if label < 0:
        raise ValueError(f"{where} has the label {label}, which must not be negative")
    return int(label)
