"""Cutting, padding and pairing, against indices worked out by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordline.mapping import (
    AbstractEncoding,
    DifferentialPair,
    LeastSquaresGain,
    MaxScale,
    OffsetColumn,
    PercentileScale,
    PerColumnGain,
)
from wordline.mapping.tiling import join, split

sizes = st.integers(1, 9)


@given(st.integers(1, 3), sizes, sizes, sizes, sizes)
def test_joining_undoes_splitting(groups: int, k: int, c: int, rows: int, cols: int) -> None:
    matrix = torch.arange(groups * k * c, dtype=torch.float64).view(groups, k, c) + 1
    tiles = split(matrix, (rows, cols), fill=0.0)
    assert torch.equal(join(tiles, (k, c)), matrix)
    assert float(tiles.sum()) == float(matrix.sum())  # padding adds nothing


def test_each_cell_lands_in_its_tile() -> None:
    matrix = torch.arange(35.0).view(5, 7)
    tiles = split(matrix, (2, 3), fill=-1.0)
    assert tiles.shape == (3, 3, 2, 3)
    for i in range(5):
        for j in range(7):
            assert tiles[i // 2, j // 3, i % 2, j % 3] == matrix[i, j]
    assert (tiles[2, :, 1, :] == -1).all()
    assert (tiles[:, 2, :, 1:] == -1).all()


@pytest.mark.parametrize(
    "encoding", [DifferentialPair(), DifferentialPair(two_sided=True), OffsetColumn()]
)
@pytest.mark.parametrize("middle", [0.5, 8 / 15])
def test_an_encoding_stays_in_the_window_and_gives_the_numbers_back(
    encoding: AbstractEncoding, middle: float
) -> None:
    u = torch.linspace(-1, 1, 21, dtype=torch.float64).view(3, 7)
    shares = encoding.shares(u, middle)
    assert float(shares.min()) >= -1e-15
    assert float(shares.max()) <= 1 + 1e-15
    assert shares.shape[-1] == 7 + encoding.spare_cols
    torch.testing.assert_close(encoding.difference(shares, middle), u)
    torch.testing.assert_close(
        encoding.difference(shares + 0.3, middle), u
    )  # what all devices share cancels


def test_least_squares_gain_is_the_best_factor() -> None:
    generator = torch.Generator().manual_seed(0)
    made, wanted = torch.randn(2, 1, 6, 4, generator=generator, dtype=torch.float64)
    best = LeastSquaresGain().solve(made, wanted)
    loss = lambda s: float((s * made - wanted).square().sum())  # noqa: E731
    assert loss(best) <= min(loss(best * 1.01), loss(best * 0.99))
    columns = PerColumnGain().solve(made, wanted)
    assert columns.shape == (1, 1, 4)
    assert float((columns * made - wanted).square().sum()) <= loss(best)


def test_a_layer_of_zeros_has_scale_zero_and_gain_one() -> None:
    zeros = torch.zeros(1, 3, 2)
    assert MaxScale().w_max(zeros) == 0
    assert LeastSquaresGain().solve(zeros, zeros) == 1
    assert (PerColumnGain().solve(zeros, zeros) == 1).all()


@given(st.floats(1, 100), st.integers(1, 40))
def test_percentile_scale_leaves_the_share_below(percent: float, count: int) -> None:
    values = torch.arange(1.0, count + 1)
    largest = float(PercentileScale(percent).w_max(values))
    assert float((values <= largest).double().mean()) >= percent / 100 - 1e-9


def test_percentile_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="`percent` must be at most 100, got 101"):
        PercentileScale(101)
