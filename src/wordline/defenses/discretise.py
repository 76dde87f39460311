"""Pixels of few bits: inside the model, as a defence, and in the data, before any attack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit, to_float
from ..devices import FixedRange, UniformConverter
from ..values import require_choice, require_instance

GRADIENTS = ("straight-through", "none")


class Discretised(nn.Module):
    """A network behind the rounding of its images to pixels of `bits` bits: x -> model(x_b).

        x_b = floor(x (2^b - 1) + 1/2) / (2^b - 1)        x in [0, 1]

    Halves are rounded up, as by every converter here; images of bytes contain none, for
    2 k (2^b - 1) = 255 (2m + 1) has an even and an odd side. `model` is any network, a chip
    included, and is not copied; `map_model` takes the whole as it takes any network, and leaves the
    rounding in front of the arrays.

    `gradient`, declared, and kept by records: "straight-through" takes the rounding for the
    identity on the way back, which is the adaptive attack (BPDA, Athalye et al. 2018, arXiv
    1802.00420); "none" is the true derivative of a staircase, zero, which stops gradient attacks
    and protects nothing. Source of x_b: arXiv 2008.11298, Fig. 9.

    Raises TypeError for a `model` that is no network, ValueError for `bits` outside 1 to 24 and for
    another `gradient`.

    >>> Discretised(nn.Identity(), bits=2)(torch.tensor([0.1, 0.4, 0.9])).mul(3).tolist()
    [0.0, 1.0, 3.0]
    """

    def __init__(
        self, model: nn.Module, bits: int,
        gradient: Literal["straight-through", "none"] = "straight-through",
    ) -> None:  # fmt: skip
        super().__init__()
        require_instance("model", model, nn.Module)
        require_choice("gradient", gradient, GRADIENTS)
        self.model, self.bits, self.gradient = model, bits, gradient
        self.codes = UniformConverter(bits, range=FixedRange(1.0), signed=False, gradient=gradient)
        self.training = model.training

    def forward(self, images: Tensor) -> Any:
        """Compute the network on the discretised images, which lie in [0, 1]."""
        return self.model(self.codes.convert(images))

    @property
    def display_name(self) -> str:
        """The name in records, with the bits, which a fingerprint alone would tell otherwise."""
        behind = getattr(self.model, "display_name", "")
        return f"{behind or type(self.model).__name__} behind {self.bits}-bit pixels"

    def extra_repr(self) -> str:
        return f"{self.bits}-bit pixels, gradient {self.gradient}"


@overload
def discretise(images: Tensor, bits: int) -> Tensor: ...
@overload
def discretise(images: ImageSplit, bits: int) -> ImageSplit: ...
def discretise(images: Tensor | ImageSplit, bits: int) -> Tensor | ImageSplit:
    """Round pixels to `bits` bits in the data, before any attack.

    x_b as in `Discretised`. A tensor of floats in [0, 1] or of bytes comes back as floats; a split
    as a split, with the bits in its name, and as bytes where every x_b is one (1, 2, 4 and 8 bits
    of byte images), with the same floats to the bit. An attack may then move pixels between the
    levels, as in arXiv 2008.11298, Fig. 9; the defense that rounds adversarial images too is
    `Discretised`.

    Raises TypeError for anything else, ValueError for pixels outside [0, 1] and for `bits` outside
    1 to 24.

    >>> discretise(torch.tensor([0, 100, 255], dtype=torch.uint8), bits=1).tolist()
    [0.0, 0.0, 1.0]
    """
    require_instance("images", images, (Tensor, ImageSplit))
    pixels = UniformConverter(bits, range=FixedRange(1.0), signed=False)
    if isinstance(images, ImageSplit):
        rounded = discretise(images.images, bits)
        if images.images.dtype == torch.uint8 and 255 % pixels.steps == 0:
            # k / (2^b - 1) = k (255 / (2^b - 1)) / 255 is a byte
            rounded = (rounded * 255).round().to(torch.uint8)
        name = f"{images.name}, {bits}-bit pixels".lstrip(", ")
        return replace(images, images=rounded, name=name)
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"`images` must be uint8 or floating point, got {images.dtype}")
    floats = to_float(images)
    if not bool(((floats >= 0) & (floats <= 1)).all()):
        raise ValueError(
            "`images` hold values outside [0, 1] or NaN; put normalisation inside the model"
        )
    return pixels.convert(floats.detach())
