"""Devices a few at a time, with the very random numbers that all of them at once would get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from .device import AbstractDevice
from .nonideality import AbstractNonideality

Act = Callable[[Tensor, Sequence[torch.Generator]], Tensor]
MOST = 1 << 20  # devices at a time
_DRAWN_TOGETHER = 16  # torch draws normal numbers in blocks of so many, from the start of the memory


def program_devices(
    device: AbstractDevice, g: Tensor, *, generator: torch.Generator, overwrite: bool = False
) -> Tensor:
    """`device.programmed(g)`, bit for bit; with `overwrite` in the memory of g, a few devices at a time."""
    if overwrite and _goes_in_parts(device.passes, generator):
        return _in_parts(lambda part, draws: device.programmed(part, generator=draws[0]), device.passes, g, generator)
    there = device.programmed(g, generator=generator)
    return g.copy_(there) if overwrite else there


def apply_to_devices(
    nonideality: AbstractNonideality, g: Tensor, device: AbstractDevice, *, generator: torch.Generator,
    overwrite: bool = False,
) -> Tensor:  # fmt: skip
    """`nonideality.apply(g)`, bit for bit; with `overwrite` in the memory of g, a few devices at a time."""
    if overwrite and _goes_in_parts(nonideality.passes, generator):
        return _in_parts(
            lambda part, draws: nonideality.apply_drawing(part, device, draws), nonideality.passes, g, generator
        )
    there = nonideality.apply(g, device, generator=generator)
    return g.copy_(there) if overwrite else there


def parts(count: int, most: int) -> Iterator[slice]:
    """Ranges of about `most` devices, whole blocks of random numbers each; the last holds at least one block.

    >>> [(part.start, part.stop) for part in parts(100, 48)]
    [(0, 48), (48, 100)]
    """
    size = max(1, most // _DRAWN_TOGETHER) * _DRAWN_TOGETHER
    starts = list(range(0, max(1, count - _DRAWN_TOGETHER + 1), size))
    yield from (slice(*ends) for ends in zip(starts, [*starts[1:], count], strict=True))


def _goes_in_parts(passes: int, generator: torch.Generator) -> bool:
    return passes > 0 and generator.device.type == "cpu"  # elsewhere a draw depends on how many are drawn at once


def _in_parts(act: Act, passes: int, g: Tensor, generator: torch.Generator) -> Tensor:
    """Overwrite g by what `act(part, generators)` makes of its parts, one generator a pass."""
    devices, generators = g.view(-1), [generator]
    while len(generators) < passes:  # each pass begins where the one before it ends
        generators.append(_copy(generators[-1]))
        for part in parts(len(devices), MOST):
            act(devices[part], [generators[-1]])
    for part in parts(len(devices), MOST):
        devices[part] = act(devices[part], generators)
    generator.set_state(generators[-1].get_state())
    return g


def _copy(generator: torch.Generator) -> torch.Generator:
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return copy
