"""What can hold a conductance."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch import Tensor

from ..values import Value


class AbstractDevice(Value):
    """A programmable conductance: the window it is asked for in, and what it holds when it has been asked.

    A device of your own is a frozen dataclass with the members below. `conductance` is what the mapping asks for and
    must pass gradients; `programmed` is what then lies in the array, before the crossbar's non-idealities act on it.

    `passes`: 1 where `programmed` concerns each device alone and draws at most one number for it, so that a large
    layer can be programmed a few devices at a time, with the same numbers; 0, the default, otherwise.
    """

    passes: ClassVar[int] = 0

    @property
    @abc.abstractmethod
    def g_on_siemens(self) -> float:
        """Largest conductance that can be asked for."""

    @property
    @abc.abstractmethod
    def g_off_siemens(self) -> float:
        """Smallest conductance that can be asked for, >= 0 and less than `g_on_siemens`."""

    @abc.abstractmethod
    def conductance(self, share: Tensor) -> Tensor:
        """Conductance in siemens to ask for, of a share of the window: 0 -> g_off and 1 -> g_on."""

    @abc.abstractmethod
    def programmed(self, g: Tensor, *, generator: torch.Generator) -> Tensor:
        """Conductances asked for -> conductances held; siemens, any shape, every draw from `generator`."""

    @abc.abstractmethod
    def describe(self) -> str:
        """The device in words and units, for people."""
