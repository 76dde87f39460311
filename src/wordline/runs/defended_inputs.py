"""Networks with a defence or a name of their own, and images of few bits, as cells ask for them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, final

from torch import nn

from ..attacks import FGSM, AbstractAttack
from ..quantisation import BitRule, quanos
from ..defenses import Discretised, discretise
from ..values import require_instance, require_integer
from .inputs import AbstractNetwork, Images
from .threads import fixed_threads

if TYPE_CHECKING:
    from ..datasets import ImageSplit
    from .store import Store

MOST_PIXEL_BITS = 24  # what `Discretised` takes


@final
@dataclass(frozen=True, kw_only=True)
class FewBitImages(Images):
    """Images whose pixels were discretised before anybody saw them; see `wordline.defenses.discretise`.

    >>> from wordline.runs import Store
    >>> images = FewBitImages("digits", limit=5, bits=1)
    >>> Store().split(images).images.unique().tolist()
    [0.0, 1.0]
    """

    bits: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_bits(self.bits)

    @property
    def called(self) -> str:
        """As the split is called: 8-bit pixels are those of bytes, and still another row of a table."""
        return f"{self.data}, {self.bits}-bit pixels"

    def load(self, store: Store) -> ImageSplit:
        """The same images, discretised."""
        return discretise(super().load(store), self.bits)


@final
@dataclass(frozen=True)
class FewBitPixels(AbstractNetwork):
    """A network that looks at its images through pixels of few bits: `Discretised`, straight-through.

    >>> from wordline.runs import Packaged, Store
    >>> FewBitPixels(Packaged("digits-cnn"), bits=2).pinned(Store()).party.network
    'DigitsCNN behind 2-bit pixels'
    """

    network: AbstractNetwork
    bits: int

    def __post_init__(self) -> None:
        require_instance("network", self.network, AbstractNetwork)
        _require_bits(self.bits)

    def load(self, store: Store) -> nn.Module:
        """The rounding in front of the network."""
        return Discretised(store.network(self.network), self.bits).eval()

    def skeleton(self, store: Store) -> nn.Module:
        """Of the network behind, for the rounding multiplies nothing."""
        return self.network.skeleton(store)


@final
@dataclass(frozen=True)
class HybridPrecision(AbstractNetwork):
    """A network in the precision of QUANOS, not retrained: bits of every layer from its noise sensitivity.

    `images`: what sensitivity and ranges are measured on, training images; `rule` and `attack`: as of
    `wordline.quantisation.quanos`. Weights have few values and rethinking crossbars cells of any value, so a chip programs
    them as they are, but for variation. Measured with one thread in batches of 100, so that every process makes the
    same network.
    """

    network: AbstractNetwork
    images: Images
    rule: BitRule = field(default_factory=BitRule)
    attack: AbstractAttack = field(default_factory=lambda: FGSM(eps=8 / 255))

    def __post_init__(self) -> None:
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, Images)
        require_instance("rule", self.rule, BitRule)
        require_instance("attack", self.attack, AbstractAttack)

    def load(self, store: Store) -> nn.Module:
        """Measured and quantised."""
        software, images = store.network(self.network), store.split(self.images)
        with fixed_threads(1):
            made, _ = quanos(software, images, attack=self.attack, rule=self.rule, limit=0)
        made.display_name = f"{type(software).__name__} of {self.rule.mean_bits:g} bits (QUANOS)"  # type: ignore[assignment]
        return made.eval()

    def skeleton(self, store: Store) -> nn.Module:
        """At full precision: as many multiplications."""
        return self.network.skeleton(store)


@final
@dataclass(frozen=True)
class Called(AbstractNetwork):
    """A network under a name that records keep, where a table holds several of one class.

    >>> from wordline.runs import Packaged, Store
    >>> Called(Packaged("digits-cnn"), "vanilla").pinned(Store()).party.network
    'vanilla'
    """

    network: AbstractNetwork
    name: str

    def __post_init__(self) -> None:
        require_instance("network", self.network, AbstractNetwork)
        require_instance("name", self.name, str)
        if not self.name:
            raise ValueError("`name` is empty; say what the network is called in tables, such as 'eps_train 4/255'")

    def load(self, store: Store) -> nn.Module:
        """A copy that knows its name; the weights are shared with no one."""
        made = copy.deepcopy(store.network(self.network))
        made.display_name = self.name  # type: ignore[assignment]
        return made

    def skeleton(self, store: Store) -> nn.Module:
        """Without the name."""
        return self.network.skeleton(store)


def quanos_on(network: AbstractNetwork, data: str, count: int = 500) -> HybridPrecision:
    """QUANOS as `wordline.quantisation.quanos` sets it, measured on the first `count` training images."""
    return HybridPrecision(network, replace(Images(data, "train"), limit=count))


def _require_bits(bits: int) -> None:
    require_integer("bits", bits, at_least=1)
    if bits > MOST_PIXEL_BITS:
        raise ValueError(f"`bits` must be at most {MOST_PIXEL_BITS}, got {bits}")
