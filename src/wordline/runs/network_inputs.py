"""Networks as inputs of cells: by name, or held in memory."""

from __future__ import annotations

import abc
import copy
import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self, final

from torch import nn

from .. import models
from ..evaluation import identify
from ..records.record import NetworkIdentity
from ..values import require_instance
from .cell import AbstractInput, Loader

UNKNOWN = NetworkIdentity("", "")


@dataclass(frozen=True, kw_only=True)
class AbstractNetwork(AbstractInput):
    """A software network; pinned, `content` says which one exactly."""

    content: NetworkIdentity = UNKNOWN

    @abc.abstractmethod
    def build(self, loader: Loader) -> nn.Module:
        """Return a new network in evaluation mode."""

    def skeleton(self, loader: Loader) -> nn.Module:
        """Return a network of the same layers for counting; nothing is trained for it."""
        return self.load(loader)

    @final
    def load(self, loader: Loader, device: str = "cpu") -> nn.Module:
        """Return the network, built once; refuse another than this input is pinned to."""
        key = (self, device)
        if key not in loader.memory:
            loader.memory[key] = self._checked(self.build(loader).to(device))
        network: nn.Module = loader.memory[key]
        return network

    @final
    def pinned(self, loader: Loader) -> Self:
        key = ("pinned", self)
        if key not in loader.memory:
            loader.memory[key] = dataclasses.replace(self, content=identify(self.load(loader)))
        pinned: Self = loader.memory[key]
        return pinned

    def _checked(self, network: nn.Module) -> nn.Module:
        if self.content.weights and identify(network) != self.content:
            raise ValueError(
                f"`network` {self!r} has other weights or another structure here; use one version"
            )
        return network


@final
@dataclass(frozen=True, kw_only=True)
class InMemoryNetwork(AbstractNetwork):
    """A network that the caller holds in memory and hands to `Store.hold`."""

    former_names: ClassVar[tuple[str, ...]] = ("Given",)

    def build(self, loader: Loader) -> nn.Module:
        name = self.content.network
        raise ValueError(f"`network` {name!r} is not held by this store; pass it to Store.hold")


@final
@dataclass(frozen=True)
class PretrainedNetwork(AbstractNetwork):
    """A trained network: by name, by its .safetensors file, or from a factory.

    A factory is `package.module:factory`, with its weight file in `weights`.
    """

    former_names: ClassVar[tuple[str, ...]] = ("Packaged",)

    name: str
    weights: str = ""

    def build(self, loader: Loader) -> nn.Module:
        if ":" in self.name:
            return models.from_factory(self.name, self.weights)
        return models.load_model(self.name)


@final
@dataclass(frozen=True)
class NamedNetwork(AbstractNetwork):
    """A network under a name for records, where a table holds several of one class.

    >>> from wordline.runs import PretrainedNetwork, Store
    >>> NamedNetwork(PretrainedNetwork("digits-cnn"), "vanilla").pinned(Store()).content.network
    'vanilla'
    """

    former_names: ClassVar[tuple[str, ...]] = ("Called",)

    network: AbstractNetwork
    name: str

    def __post_init__(self) -> None:
        require_instance("network", self.network, AbstractNetwork)
        require_instance("name", self.name, str)
        if not self.name:
            raise ValueError(
                "`name` is empty; say what the network is called in tables, such as "
                "'eps_train 4/255'"
            )

    def build(self, loader: Loader) -> nn.Module:
        made = copy.deepcopy(self.network.load(loader))  # the inner network keeps its own name
        made.known_as = self.name  # type: ignore[assignment]
        return made

    def skeleton(self, loader: Loader) -> nn.Module:
        return self.network.skeleton(loader)
