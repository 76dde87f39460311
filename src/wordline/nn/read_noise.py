"""Random numbers of one read after another."""

from __future__ import annotations

import torch

from ..seeds import stream_seed
from .recomputation import once


class NoiseStream:
    """Seeds of the noise of one read after another; the same ones again after `restart`.

    A read that is computed again for a gradient, by activation checkpointing, meets the noise that it
    met before and takes nothing from the stream.
    """

    def __init__(self, seed: int, reads: int = 0) -> None:
        self.seed, self.reads = seed, reads

    def next(self) -> torch.Generator:
        """The generator of the next read."""
        return torch.Generator().manual_seed(once(self._draw))

    def restart(self, seed: int, reads: int = 0) -> None:
        """Begin at the first read of another stream, or after so many of its reads."""
        self.seed, self.reads = seed, reads

    def _draw(self) -> int:
        """The seed of the next read; one caller at a time."""
        self.reads += 1
        return stream_seed(self.seed, f"read {self.reads - 1}")


def first_read(seed: int) -> torch.Generator:
    """The generator of the first read of a stream."""
    return torch.Generator().manual_seed(stream_seed(seed, "read 0"))
