"""Cutting, padding and pairing, against indices worked out by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordline.devices import Memristor
from wordline.mapping import DifferentialPair, LeastSquaresGain, MaxScale, PercentileScale, PerColumnGain
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


def test_pair_of_an_unstorable_sign_keeps_both_halves_in_the_window() -> None:
    device = Memristor(2e4, 2e5)
    u = torch.linspace(-1, 1, 21, dtype=torch.float64)
    g = DifferentialPair().encode(u, device)
    assert float(g.min()) >= 5e-6 - 1e-18
    assert float(g.max()) <= 5e-5 + 1e-18
    torch.testing.assert_close(DifferentialPair().decode(g, device), u)


def test_least_squares_gain_is_the_best_factor() -> None:
    generator = torch.Generator().manual_seed(0)
    made, wanted = torch.randn(2, 1, 6, 4, generator=generator, dtype=torch.float64)
    best = LeastSquaresGain().solve(made, wanted)
    loss = lambda s: float((s * made - wanted).square().sum())  # noqa: E731
    assert loss(best) <= min(loss(best * 1.01), loss(best * 0.99))
    columns = PerColumnGain().solve(made, wanted)
    assert columns.shape == (1, 1, 4)
    assert float((columns * made - wanted).square().sum()) <= loss(best)


def test_a_layer_of_zeros_has_scale_and_gain_one() -> None:
    zeros = torch.zeros(1, 3, 2)
    assert MaxScale().largest(zeros) == 1
    assert LeastSquaresGain().solve(zeros, zeros) == 1
    assert (PerColumnGain().solve(zeros, zeros) == 1).all()


@given(st.floats(1, 100), st.integers(1, 40))
def test_percentile_scale_leaves_the_share_below(percent: float, count: int) -> None:
    values = torch.arange(1.0, count + 1)
    largest = float(PercentileScale(percent).largest(values))
    assert float((values <= largest).double().mean()) >= percent / 100 - 1e-9


def test_percentile_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="`percent` must be at most 100, got 101"):
        PercentileScale(101)
