"""Networks behind a defence as inputs of cells: pixels of few bits, and layers of few bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from torch import nn

from ..attacks import FGSM, AbstractAttack
from ..defenses import Discretised
from ..quantisation import BitRule, quanos
from ..values import require_instance
from .cell import Loader
from .image_inputs import AbstractImages, Images, require_pixel_bits
from .network_inputs import AbstractNetwork
from .threads import fixed_threads


@final
@dataclass(frozen=True)
class FewBitPixels(AbstractNetwork):
    """A network behind a rounding of its pixels: `Discretised`, straight-through.

    >>> from wordline.runs import PretrainedNetwork, Store
    >>> FewBitPixels(PretrainedNetwork("digits-cnn"), 2).pinned(Store()).content.network
    'DigitsCNN behind 2-bit pixels'
    """

    network: AbstractNetwork
    bits: int

    def __post_init__(self) -> None:
        require_instance("network", self.network, AbstractNetwork)
        require_pixel_bits(self.bits)

    def build(self, loader: Loader) -> nn.Module:
        return Discretised(self.network.load(loader), self.bits).eval()

    def skeleton(self, loader: Loader) -> nn.Module:
        return self.network.skeleton(loader)  # the rounding multiplies nothing


@final
@dataclass(frozen=True)
class HybridPrecision(AbstractNetwork):
    """A network in the precision of QUANOS, not retrained: bits by each layer's noise sensitivity.

    `images`: training images on which sensitivity and ranges are measured; `rule` and `attack`: as
    of `wordline.quantisation.quanos`. Weights have few values and rethinking crossbars cells of any
    value, so a chip programs them as they are, but for variation. Measured with one thread in
    batches of 100, so that every process makes the same network.
    """

    network: AbstractNetwork
    images: AbstractImages
    rule: BitRule = field(default_factory=BitRule)
    attack: AbstractAttack = field(default_factory=lambda: FGSM(eps=8 / 255))

    def __post_init__(self) -> None:
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, AbstractImages)
        require_instance("rule", self.rule, BitRule)
        require_instance("attack", self.attack, AbstractAttack)

    def build(self, loader: Loader) -> nn.Module:
        software, images = self.network.load(loader), self.images.load(loader)
        with fixed_threads(1):
            made, _ = quanos(software, images, attack=self.attack, rule=self.rule, limit=0)
        title = f"{type(software).__name__} of {self.rule.mean_bits:g} bits (QUANOS)"
        made.known_as = title  # type: ignore[assignment]
        return made.eval()

    def skeleton(self, loader: Loader) -> nn.Module:
        return self.network.skeleton(loader)  # as many multiplications at full precision


def quanos_on(network: AbstractNetwork, data: str, count: int = 500) -> HybridPrecision:
    """Apply QUANOS as `wordline.quantisation.quanos` does, on the first `count` training images."""
    return HybridPrecision(network, Images(data, "train", count))
