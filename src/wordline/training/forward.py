"""Forward pass of a network while it trains: as it is, or wrapped in a chip, noise or rounding."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import final

from torch import nn

from ..values import Value


class AbstractTrainingForward(Value, abc.ABC):
    """Wrapper of a network during training; the trained result is the software network itself.

    The wrappers that know a chip stand in `wordline.defenses`, rounding in `wordline.quantisation`.
    """

    @abc.abstractmethod
    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the network that runs, on the very parameters and buffers of `model`.

        The forward pass of `model` itself stays as it is.
        """

    @abc.abstractmethod
    def on_step(self, network: nn.Module, seed: int) -> None:
        """Prepare the wrapped network for the passes of one step; all their draws use `seed`."""


@final
@dataclass(frozen=True)
class IdentityForward(AbstractTrainingForward):
    """The network itself.

    >>> model = nn.Identity()
    >>> IdentityForward().wrap(model) is model
    True
    """

    def wrap(self, model: nn.Module) -> nn.Module:
        return model

    def on_step(self, network: nn.Module, seed: int) -> None:
        pass


def share_parameters(copy: nn.Module, model: nn.Module) -> nn.Module:
    """Replace the parameters and buffers of a copy of `model` by those of `model`, by their names.

    Returns the copy. Raises ValueError for one that the copy does not keep under its name and
    shape.
    """
    parameters = model.named_parameters(remove_duplicate=False)
    tensors = [*parameters, *model.named_buffers(remove_duplicate=False)]
    modules = dict(copy.named_modules())
    for name, tensor in tensors:
        path, _, leaf = name.rpartition(".")
        owner = modules.get(path)
        there = None if owner is None else owner._parameters.get(leaf, owner._buffers.get(leaf))
        if owner is None or there is None or there.shape != tensor.shape:
            raise ValueError(
                f"`forward` has no {name!r} of the network to train; on chips only convolutions, "
                "linear layers and digital layers can train: choose another architecture, or "
                "IdentityForward()"
            )
        target = owner._parameters if isinstance(tensor, nn.Parameter) else owner._buffers
        target[leaf] = tensor
    return copy
