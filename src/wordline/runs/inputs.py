"""Images and networks by name, as cells ask for them."""

from __future__ import annotations

import abc
import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from torch import Tensor, nn

from .. import datasets, models, training
from ..evaluation import identify
from ..records.record import NetworkIdentity
from ..values import require_choice, require_instance, require_integer
from .cell import AbstractIngredient

if TYPE_CHECKING:
    from .store import Store

NOBODY = NetworkIdentity("", "")


@dataclass(frozen=True)
class Images(AbstractIngredient):
    """The first `limit` images (0: all) of a split of a data set by name; pinned: how many, and which exactly.

    >>> from wordline.runs import Store
    >>> Images("digits", limit=20).pinned(Store()).count
    20
    """

    data: str
    split: str = "test"
    limit: int = 0
    fingerprint: str = ""
    count: int = 0

    def __post_init__(self) -> None:
        require_choice("split", self.split, ("train", "test"))
        require_integer("limit", self.limit, at_least=0)

    @property
    def called(self) -> str:
        """What they are called in a key."""
        return self.data

    def load(self, store: Store) -> datasets.ImageSplit:
        """The images themselves, from the data set."""
        data = store.data(self.data)
        whole = data.train if self.split == "train" else data.test
        return whole.take(self.limit) if self.limit else whole

    def pinned(self, store: Store) -> Self:
        """With count and fingerprint."""
        found = store.split(self)
        return dataclasses.replace(self, fingerprint=found.fingerprint(), count=len(found))

    @classmethod
    def of(cls, split: datasets.ImageSplit) -> Images:
        """The name of images that the caller holds; see `Store.hold`."""
        return cls(split.name, fingerprint=split.fingerprint(), count=len(split))


@dataclass(frozen=True)
class NoImages(AbstractIngredient):
    """None are needed."""

    def pinned(self, store: Store) -> Self:
        """Itself."""
        return self


@dataclass(frozen=True, kw_only=True)
class AbstractNetwork(AbstractIngredient):
    """A software network; pinned, `party` says what it is."""

    party: NetworkIdentity = NOBODY

    @abc.abstractmethod
    def load(self, store: Store) -> nn.Module:
        """The network in evaluation mode."""

    def skeleton(self, store: Store) -> nn.Module:
        """The network for counting: one that is trained first comes untrained."""
        return store.network(self)

    def pinned(self, store: Store) -> Self:
        """With its fingerprints."""
        return dataclasses.replace(self, party=identify(store.network(self)))


@dataclass(frozen=True, kw_only=True)
class Given(AbstractNetwork):
    """A network that the caller holds in memory: `Store.hold` knows it."""

    def load(self, store: Store) -> nn.Module:
        """Refused: nobody held it."""
        raise ValueError(f"`network` {self.party.network!r} is not held by this store; pass it to Store.hold")


@dataclass(frozen=True)
class Packaged(AbstractNetwork):
    """A trained network by name, by its .safetensors file, or from `package.module:factory` with `weights`."""

    name: str
    weights: str = ""

    def load(self, store: Store) -> nn.Module:
        """What `load_model` or the factory gives."""
        if ":" in self.name:
            return models.from_factory(self.name, self.weights)
        return models.load_model(self.name)


@dataclass(frozen=True)
class Trained(AbstractNetwork):
    """A network that is trained when first asked for, and kept in the store's cache."""

    architecture: str
    data: str
    recipe: training.Recipe
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("architecture", self.architecture, tuple(models.ARCHITECTURES))
        require_instance("recipe", self.recipe, training.Recipe)
        require_integer("seed", self.seed, at_least=0)

    def load(self, store: Store) -> nn.Module:
        """From the cache; otherwise trained now. An interrupted training goes on from its last epoch."""
        data = store.data(self.data)
        plain = dataclasses.replace(self, party=NOBODY)
        made_by = (plain.identity(), data.train.fingerprint())
        tensors = store.tensors("networks", made_by, lambda: self._train(store, made_by))
        classes, side = len(data.classes), data.train.images.shape[-1]
        network = models.build_model(self.architecture, classes, side)
        return models.load_state(network, tensors, "cache").eval()

    def skeleton(self, store: Store) -> nn.Module:
        """Untrained."""
        data = store.data(self.data)
        return models.build_model(self.architecture, len(data.classes), data.test.images.shape[-1]).eval()

    def _train(self, store: Store, made_by: tuple[str, ...]) -> dict[str, Tensor]:
        with tempfile.TemporaryDirectory() as scratch:
            out = store.folder("networks", made_by, Path(scratch))
            data, bar = store.data(self.data), store.progress
            training.train(self.architecture, data, self.recipe, out, seed=self.seed, progress=bar)
            return models.read_weights(out / f"{self.architecture}-{self.data}.safetensors")
