"""Noise of one read after another: its random numbers, and the arrays during a read."""

from __future__ import annotations

import dataclasses

import torch

from ...mapping import Crossbar, ProgrammedMatrix, multiply, read_noise, solve
from ...seeds import stream_seed
from .recomputation import draw_once


class NoiseStream:
    """Seeds of the noise of one read after another; the same ones again after `restart`.

    A read that is computed again for a gradient, by activation checkpointing, gets the noise of its
    first pass and takes nothing from the stream.
    """

    def __init__(self, seed: int, reads: int = 0) -> None:
        self.seed, self.reads = seed, reads

    def next(self) -> torch.Generator:
        """Return the generator of the next read."""
        return torch.Generator().manual_seed(draw_once(self._draw))

    def restart(self, seed: int, reads: int = 0) -> None:
        """Begin at the first read of another stream, or after so many of its reads."""
        self.seed, self.reads = seed, reads

    def _draw(self) -> int:
        """Return the seed of the next read; one caller at a time."""
        self.reads += 1
        return stream_seed(self.seed, f"read {self.reads - 1}")


def first_read(seed: int) -> torch.Generator:
    """Return the generator of the first read of a stream."""
    return torch.Generator().manual_seed(stream_seed(seed, "read 0"))


def during_one_read(
    state: ProgrammedMatrix, crossbar: Crossbar, generator: torch.Generator
) -> ProgrammedMatrix:
    """Draw the read noise of one read and solve the arrays with it."""
    with torch.autocast(state.conductances.device.type, enabled=False):  # no siemens in 16 bits
        noisy = read_noise(state.conductances, crossbar, generator=generator)
        ((response, matrix),) = solve((noisy,), crossbar, state.weight)
        weight = multiply(state.gain * state.w_max, matrix)
    return dataclasses.replace(state, conductances=noisy, response=response, weight=weight)
