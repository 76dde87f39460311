"""What a network runs on while it trains."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import final

from torch import nn

from ..values import Value


class AbstractBody(Value, abc.ABC):
    """How a network is run while its weights are looked for: what is left at the end is the software network.

    The ones that know a chip stand in `wordline.defenses`.
    """

    @abc.abstractmethod
    def around(self, model: nn.Module) -> nn.Module:
        """The network that runs, on the very parameters and buffers of `model`, which keeps its own way to run."""

    @abc.abstractmethod
    def begin_step(self, network: nn.Module, seed: int) -> None:
        """Make ready for the passes of one step; every draw of them comes from `seed`."""


@final
@dataclass(frozen=True)
class Plain(AbstractBody):
    """The network itself.

    >>> model = nn.Identity()
    >>> Plain().around(model) is model
    True
    """

    def around(self, model: nn.Module) -> nn.Module:
        """The same object."""
        return model

    def begin_step(self, network: nn.Module, seed: int) -> None:
        """Nothing."""


def tie(network: nn.Module, model: nn.Module) -> nn.Module:
    """Let a copy of `model` run on the parameters and buffers of `model` itself, found by their names.

    Raises ValueError for one that the copy does not keep under its name and shape.
    """
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    modules = dict(network.named_modules())
    for name, tensor in tensors:
        path, _, leaf = name.rpartition(".")
        owner = modules.get(path)
        there = None if owner is None else owner._parameters.get(leaf, owner._buffers.get(leaf))
        if owner is None or there is None or there.shape != tensor.shape:
            raise ValueError(
                f"`body` has no {name!r} of the network to train; on chips only convolutions, linear layers and what "
                "stays digital can train: choose another architecture, or the body Plain()"
            )
        target = owner._parameters if isinstance(tensor, nn.Parameter) else owner._buffers
        target[leaf] = tensor
    return network
