"""The interface of a programmable device."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor

from ..values import Value


class AbstractDevice(Value):
    """A programmable conductance: a window of targets, and the conductance held after programming.

    A device of your own is a frozen dataclass with the members below. `conductance` gives the
    target of the mapping and must pass gradients; `programmed` gives the conductance in the array,
    before the crossbar's non-idealities act on it.

    `passes`: number of random draws for each device, at most 1, where every device is treated
    alone; a large layer is then programmed in chunks, with the same numbers. 0, the default: all at
    once.
    """

    passes: ClassVar[int] = 0

    @property
    @abc.abstractmethod
    def g_on_siemens(self) -> float:
        """Largest target."""

    @property
    @abc.abstractmethod
    def g_off_siemens(self) -> float:
        """Smallest target, >= 0 and less than `g_on_siemens`."""

    @abc.abstractmethod
    def conductance(self, share: Tensor) -> Tensor:
        """Return the target in siemens for a share of the window: 0 -> g_off and 1 -> g_on."""

    @abc.abstractmethod
    def programmed(self, g: Tensor, *, generator: torch.Generator) -> Tensor:
        """Program targets of any shape, siemens; returns the conductances held.

        Every draw comes from `generator`.
        """

    @abc.abstractmethod
    def describe(self) -> str:
        """Describe the device in words and units."""
