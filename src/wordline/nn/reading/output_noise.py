"""Output noise of one pass: its random numbers, at columns and at outputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...devices.draws import draw_normal
from ...mapping import Crossbar, ProgrammedMatrix
from ...mapping.full_scale import UNMEASURED, column_noise, output_noise_shares
from ...seeds import stream_seed
from ..layers.product import AbstractProduct


class NoiseDraws:
    """Standard normal numbers of the output noise of one pass through a layer.

    `of_sample`: vectors that a sample drives the rows with, where all samples meet the same
    numbers; 0 where every vector meets its own.
    """

    def __init__(self, seed: int, of_sample: int = 0) -> None:
        self.seed, self.of_sample = seed, of_sample
        self._kept: dict[tuple[int, ...], Tensor] = {}  # of one sample, by stream and shape

    def normal(self, like: Tensor, start: int = 0, stream: int = 0) -> Tensor:
        """Draw numbers of the shape of `like` `(..., vectors, cols)`.

        `start`: place of the first vector in the pass; `stream`: number of the read of a stream.
        The same place gets the same numbers when it is computed again for a gradient.
        """
        if not self.of_sample:
            return draw_normal(like, self._generator(start, stream))
        shape = *like.shape[:-2], self.of_sample, like.shape[-1]
        key = (stream, *shape)
        if key not in self._kept:
            of_sample = torch.empty(()).expand(shape)
            self._kept[key] = draw_normal(of_sample, self._generator(stream))
        places = torch.arange(start, start + like.shape[-2]) % self.of_sample
        return self._kept[key].index_select(-2, places).to(like.device, like.dtype)

    def _generator(self, *place: int) -> torch.Generator:
        return torch.Generator().manual_seed(stream_seed(self.seed, "output", *place))


def add_at_columns(
    sums: Tensor, crossbar: Crossbar, measured: Tensor, draws: NoiseDraws, place: tuple[int, int]
) -> Tensor:
    """Add output noise to column sums `(..., vectors, cols)` in shares, in front of the converter.

    `place`: (first vector, read of a stream).
    """
    return sums + column_noise(crossbar, measured) * draws.normal(sums, *place)


def noise_at_outputs(
    x: Tensor, product: AbstractProduct, crossbar: Crossbar, state: ProgrammedMatrix,
    outputs: int, draws: NoiseDraws,
) -> Tensor:  # fmt: skip
    """Return the noise of all tiles behind an output, for each unit of full-scale input.

    Where nothing stands between columns and their sum, the sum of independent Gaussian numbers is
    drawn at once. Every tile of an offset column has a reference, whose noise its columns share.
    """
    encoding, vectors = crossbar.encoding, product.vector_count(x)
    arrays, groups, row_tiles, col_tiles, _, cols = state.conductances.shape
    if encoding.spare_cols == 0:
        numbers = draws.normal(x.new_empty(()).expand(groups, vectors, outputs))
        std = output_noise_shares(crossbar, UNMEASURED, row_tiles)
    else:
        drawn = draws.normal(x.new_empty(()).expand(arrays, groups, col_tiles, vectors, cols))
        decoded = encoding.difference(drawn, crossbar.slicing.zero_share)
        numbers = decoded.transpose(1, 2).flatten(2)[..., :outputs]
        std = column_noise(crossbar, UNMEASURED) * math.sqrt(row_tiles)
    return product.from_vectors(std * numbers * (state.w_max * state.gain), x)
