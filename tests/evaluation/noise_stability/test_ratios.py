"""The ratios of one batch: closed forms, limits and scale invariance."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordline.evaluation.noise_stability.ratios import (
    factor,
    norm,
    ratio,
    rows,
    sensitivity,
    snr,
    statistic,
)

A = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
B = torch.tensor([[3.0, 2.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)


def test_closed_forms_and_limits() -> None:
    assert snr(A, B).tolist() == [13 / 4, 1.0, math.inf]  # the signal is b
    assert sensitivity(A, B).tolist() == [4 / 25, math.inf, 0.0]  # here it is a
    inf = math.inf
    found = factor(torch.tensor([6.0, inf, inf, 6.0]), torch.tensor([2.0, 2.0, inf, inf]))
    assert found.tolist() == [3.0, inf, 1.0, 0.0]
    assert ratio(torch.tensor([0.0, 1.0, 6.0]), torch.tensor([0.0, 0.0, 3.0])).tolist() == [
        0.0,
        inf,
        2.0,
    ]
    assert norm(A).tolist() == pytest.approx([5.0, 0.0, 2**0.5])


@given(st.floats(-1e3, 1e3).filter(lambda c: abs(c) > 1e-3), st.integers(0, 99))
def test_a_common_factor_changes_no_ratio(scale: float, seed: int) -> None:
    a, b = torch.randn(2, 4, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(snr(scale * a, scale * b), snr(a, b))
    torch.testing.assert_close(sensitivity(scale * a, scale * b), sensitivity(a, b))
    torch.testing.assert_close(
        snr(b, a), 1 / sensitivity(a, b)
    )  # the two differ in whose norm stands above


def test_statistics_over_images() -> None:
    found = statistic(torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64))
    assert (found.mean, found.median) == (3.0, 2.0)
    assert found.error == pytest.approx((14 / 2) ** 0.5 / 3**0.5)
    endless = statistic(torch.tensor([1.0, math.inf, 2.0]))
    assert (endless.mean, endless.error, endless.median) == (math.inf, math.inf, 2.0)
    assert statistic(torch.tensor([5.0])).error == 0.0


def test_rows_are_images() -> None:
    values = torch.arange(24.0).reshape(2, 3, 4)
    assert rows(values, 2).shape == (2, 12) and rows(values.reshape(6, 4), 2).equal(rows(values, 2))
    with pytest.raises(ValueError, match="do not begin with the 4 images"):
        rows(values, 4)
