"""Pixels of few bits: inside the model, as a defence, and in the data, before any attack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit, to_float
from ..devices import FixedRange, UniformConverter
from ..values import require_choice, require_instance

WORDS = ("straight-through", "none")


class Discretised(nn.Module):
    """A network that looks at its images through pixels of `bits` bits: x -> model(x_b).

        x_b = floor(x (2^b - 1) + 1/2) / (2^b - 1)        x in [0, 1]

    Halves are rounded up, as by every converter here; images of bytes meet none, for 2 k (2^b - 1) = 255 (2m + 1)
    has an even and an odd side. `model` is any network, a chip included, and is not copied; `map_model` takes the whole
    as it takes any network, and leaves the rounding in front of the arrays.

    `gradient`, declared, and kept by records: "straight-through" takes the rounding for the identity on the way back,
    which is the adaptive attack (BPDA, Athalye et al. 2018, arXiv 1802.00420); "none" is the true derivative of a
    staircase, zero, which blinds gradient attacks and protects nothing. Source of x_b: arXiv 2008.11298, Fig. 9.

    Raises TypeError for what is no network, ValueError for `bits` outside 1 to 24 and for another word.

    >>> Discretised(nn.Identity(), bits=2)(torch.tensor([0.1, 0.4, 0.9])).mul(3).tolist()
    [0.0, 1.0, 3.0]
    """

    def __init__(
        self, model: nn.Module, bits: int, gradient: Literal["straight-through", "none"] = "straight-through"
    ) -> None:
        super().__init__()
        require_instance("model", model, nn.Module)
        require_choice("gradient", gradient, WORDS)
        self.model, self.bits, self.gradient = model, bits, gradient
        self.codes = UniformConverter(bits, range=FixedRange(1.0), signed=False, gradient=gradient)
        self.training = model.training

    def forward(self, images: Tensor) -> Any:
        """Images in [0, 1] -> what the network makes of their discretised form."""
        return self.model(self.codes.convert(images))

    @property
    def known_as(self) -> str:
        """What records call it: the bits would otherwise be told by a fingerprint alone."""
        behind = getattr(self.model, "known_as", "")
        return f"{behind or type(self.model).__name__} behind {self.bits}-bit pixels"

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{self.bits}-bit pixels, gradient {self.gradient}"


@overload
def discretise(images: Tensor, bits: int) -> Tensor: ...
@overload
def discretise(images: ImageSplit, bits: int) -> ImageSplit: ...
def discretise(images: Tensor | ImageSplit, bits: int) -> Tensor | ImageSplit:
    """Images whose pixels hold `bits` bits, once and for all: data discretised before any attack sees them.

    x_b as in `Discretised`. A tensor of floats in [0, 1] or of bytes comes back as floats; a split as a split, its name
    saying so, and as bytes where every x_b is one (1, 2, 4 and 8 bits of byte images), with the same floats to the bit.
    An attack may then move pixels between the levels: arXiv 2008.11298, Fig. 9, discretises so; a defence would
    discretise what the attack made too, and is `Discretised`.

    Raises TypeError for anything else, ValueError for pixels outside [0, 1] and for `bits` outside 1 to 24.

    >>> discretise(torch.tensor([0, 100, 255], dtype=torch.uint8), bits=1).tolist()
    [0.0, 0.0, 1.0]
    """
    require_instance("images", images, (Tensor, ImageSplit))
    pixels = UniformConverter(bits, range=FixedRange(1.0), signed=False)
    if isinstance(images, ImageSplit):
        made = discretise(images.images, bits)
        if images.images.dtype == torch.uint8 and 255 % pixels.steps == 0:  # k / (2^b - 1) = k (255 / (2^b - 1)) / 255
            made = (made * 255).round().to(torch.uint8)
        return replace(images, images=made, name=f"{images.name}, {bits}-bit pixels".lstrip(", "))
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"`images` must be uint8 or floating point, got {images.dtype}")
    floats = to_float(images)
    if not bool(((floats >= 0) & (floats <= 1)).all()):
        raise ValueError("`images` hold values outside [0, 1] or NaN; put normalisation inside the model")
    return pixels.convert(floats.detach())
