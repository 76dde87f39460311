"""Programming in chunks of devices, with the random numbers of programming all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from .device import AbstractDevice
from .nonideality import AbstractNonideality

ChunkFunction = Callable[[Tensor, Sequence[torch.Generator]], Tensor]
MAX_DEVICES = 1 << 20  # of a chunk
_DRAW_BLOCK = 16  # torch draws normal numbers in blocks of so many, from the start of the memory


def program_in_chunks(
    device: AbstractDevice, g: Tensor, *, generator: torch.Generator, overwrite: bool = False
) -> Tensor:
    """Compute `device.programmed(g)`; with `overwrite` in the memory of g, in chunks."""
    if overwrite and _can_be_chunked(device.passes, generator):
        return _overwrite_in_chunks(
            lambda chunk, generators: device.programmed(chunk, generator=generators[0]),
            device.passes,
            g,
            generator,
        )
    realised = device.programmed(g, generator=generator)
    return g.copy_(realised) if overwrite else realised


def apply_in_chunks(
    nonideality: AbstractNonideality,
    g: Tensor,
    device: AbstractDevice,
    *,
    generator: torch.Generator,
    overwrite: bool = False,
) -> Tensor:
    """Compute `nonideality.apply(g)`; with `overwrite` in the memory of g, in chunks."""
    if overwrite and _can_be_chunked(nonideality.passes, generator):
        return _overwrite_in_chunks(
            lambda chunk, generators: nonideality.apply_with_generators(chunk, device, generators),
            nonideality.passes,
            g,
            generator,
        )
    realised = nonideality.apply(g, device, generator=generator)
    return g.copy_(realised) if overwrite else realised


def chunks(count: int, max_size: int) -> Iterator[slice]:
    """Yield ranges of about `max_size` devices, each of whole blocks of random numbers.

    The last has at least one block.

    >>> [(chunk.start, chunk.stop) for chunk in chunks(100, 48)]
    [(0, 48), (48, 100)]
    """
    size = max(1, max_size // _DRAW_BLOCK) * _DRAW_BLOCK
    starts = list(range(0, max(1, count - _DRAW_BLOCK + 1), size))
    yield from (slice(*ends) for ends in zip(starts, [*starts[1:], count], strict=True))


def _can_be_chunked(passes: int, generator: torch.Generator) -> bool:
    # Off the processor, random numbers depend on how many are drawn at once.
    return passes > 0 and generator.device.type == "cpu"


def _overwrite_in_chunks(
    function: ChunkFunction, passes: int, g: Tensor, generator: torch.Generator
) -> Tensor:
    """Overwrite each chunk of g by `function(chunk, generators)`, one generator for each pass."""
    devices, generators = g.view(-1), [generator]
    while len(generators) < passes:  # each pass begins where the previous one ends
        generators.append(_copy(generators[-1]))
        for chunk in chunks(len(devices), MAX_DEVICES):
            function(devices[chunk], [generators[-1]])
    for chunk in chunks(len(devices), MAX_DEVICES):
        devices[chunk] = function(devices[chunk], generators)
    generator.set_state(generators[-1].get_state())
    return g


def _copy(generator: torch.Generator) -> torch.Generator:
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return copy
