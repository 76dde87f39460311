"""Programming, against a second implementation in numpy that shares no code with it."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from tests.oracles.kirchhoff import effective_conductance as kirchhoff

import wordline as wl
from wordline.mapping import program, program_many
from wordline.mapping.cells import array_shape, cell_count
from wordline.mapping.explain import explain, nonideality_factors_of

RETHINKING = wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
SMALL = wl.Crossbar(
    tile=(4, 3), device=wl.Memristor(2e4, 2e5), wires=RETHINKING, gain=wl.UnitGain()
)


def _matrix(groups: int, k: int, c: int) -> torch.Tensor:
    return torch.randn(
        groups, k, c, generator=torch.Generator().manual_seed(k * c), dtype=torch.float64
    )


def _by_hand(w: np.ndarray) -> np.ndarray:
    """Unit-gain effective weight of one group on 4 x 3 tiles, one dense Kirchhoff solve a tile."""
    k, c = w.shape
    made = np.zeros((2, -(-k // 4) * 4, -(-c // 3) * 3))
    for half, sign in enumerate((1, -1)):
        g = np.full(made.shape[1:], 5e-6)
        g[:k, :c] += np.maximum(sign * w, 0) / np.abs(w).max() * 45e-6
        for i in range(0, g.shape[0], 4):
            for j in range(0, g.shape[1], 3):
                made[half, i : i + 4, j : j + 3] = kirchhoff(
                    g[i : i + 4, j : j + 3], driver=1e3, row=5, col=10, sense=1e3
                )
    return (np.abs(w).max() * (made[0] - made[1]) / 45e-6)[:k, :c]


@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (5, 4), (9, 7), (3, 8)])
def test_program_equals_a_pipeline_written_by_hand(shape: tuple[int, int]) -> None:
    matrix = _matrix(1, *shape)
    programmed = program(matrix, SMALL, generator=torch.Generator())
    np.testing.assert_allclose(
        programmed.weight[0].numpy(), _by_hand(matrix[0].numpy()), rtol=1e-9, atol=1e-12
    )


def test_an_ideal_crossbar_gives_the_weights_back() -> None:
    matrix = _matrix(2, 130, 70)
    programmed = program(matrix, wl.Crossbar.preset("ideal"), generator=torch.Generator())
    torch.testing.assert_close(programmed.weight, matrix, rtol=1e-12, atol=1e-12)
    assert float(programmed.nf) == 0


@pytest.mark.parametrize("gain", [wl.LeastSquaresGain(), wl.PerColumnGain()])
def test_gain_multiplies_the_unit_gain_weight(gain: wl.LeastSquaresGain | wl.PerColumnGain) -> None:
    matrix = _matrix(2, 9, 5)
    unit = program(matrix, SMALL, generator=torch.Generator())
    gained = program(matrix, dataclasses.replace(SMALL, gain=gain), generator=torch.Generator())
    torch.testing.assert_close(gained.weight, unit.weight * gain.solve(unit.weight, matrix))


def test_the_same_seed_is_the_same_chip_and_another_is_not() -> None:
    crossbar = wl.Crossbar.preset("rethinking-16")
    chips = [
        program(_matrix(1, 20, 20), crossbar, generator=torch.Generator().manual_seed(s)).weight
        for s in (0, 0, 1)
    ]
    assert torch.equal(chips[0], chips[1])
    assert not torch.equal(chips[0], chips[2])


def test_gradient_reaches_the_weights_through_the_circuit() -> None:
    matrix = _matrix(1, 5, 4)
    matrix[0, 0, 0] = 5.0  # a clear maximum: w_max is a constant of the derivative

    def made(free: torch.Tensor) -> torch.Tensor:
        whole = matrix.clone()
        whole[0, 1:, 1:] = free
        crossbar = dataclasses.replace(SMALL, gain=wl.LeastSquaresGain())
        return program(whole, crossbar, generator=torch.Generator()).weight

    assert torch.autograd.gradcheck(
        made, matrix[0, 1:, 1:].clone().requires_grad_(), eps=1e-6, atol=1e-6
    )


def test_nan_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="`matrix` holds NaN or Inf weights"):
        program(torch.full((1, 2, 2), torch.nan), SMALL, generator=torch.Generator())


def test_nf_of_the_published_constants() -> None:
    """About 0.48 / 0.66 / 0.80 for uniform conductances, 0.25 / 0.39 / 0.58 for half-normal."""
    for size, uniform, half_normal in ((16, 0.48, 0.25), (32, 0.66, 0.39), (64, 0.80, 0.58)):
        nf = nonideality_factors_of(wl.Crossbar.preset(f"rethinking-{size}"))
        assert nf == pytest.approx((uniform, half_normal), abs=0.03)


def test_explanation_names_units_and_source() -> None:
    text = explain(wl.Crossbar.preset("rethinking-16"), name="rethinking-16")
    for part in (
        "16 word lines",
        "= 50 to 5 uS",
        "1000 ohm at the start",
        "sigma 0.1",
        "UnitGain",
        "arXiv 2008.11298",
        "assumed",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"tile": 64}, TypeError, "`tile` must be a pair"),
        ({"tile": (0, 4)}, ValueError, "`tile rows` must be at least 1"),
        ({"tile": (4, 2.5)}, TypeError, "`tile cols` must be a whole number"),
        ({"device": 3}, TypeError, "`device` must be AbstractDevice"),
        ({"wires": None}, TypeError, "`wires` must be Wires"),
        ({"gain": "unit"}, TypeError, "`gain` must be AbstractGain"),
        (
            {"nonidealities": wl.GaussianVariation(0.1)},
            TypeError,
            "`nonidealities` must be a tuple",
        ),
        ({"nonidealities": (0.1,)}, TypeError, "`nonidealities` must be AbstractNonideality"),
        ({"encoding": 1}, TypeError, "`encoding` must be AbstractEncoding"),
        ({"scale": 1}, TypeError, "`scale` must be AbstractScale"),
    ],
)
def test_impossible_crossbars_are_refused(
    change: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        dataclasses.replace(SMALL, **change)


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(
        ValueError, match="`name` must be one of ideal, rethinking-16.*got 'rethinking-17'"
    ):
        wl.Crossbar.preset("rethinking-17")


def test_a_crossbar_without_gain_is_refused() -> None:
    with pytest.raises(TypeError, match="gain"):
        wl.Crossbar(tile=(4, 4), device=wl.Memristor(1.0, 2.0), wires=wl.Wires())


@pytest.mark.parametrize("sigma", [0.0, 0.2])
def test_many_samples_at_once_are_single_ones_bit_for_bit(sigma: float) -> None:
    matrix = _matrix(2, 9, 7).requires_grad_()
    crossbar = dataclasses.replace(
        SMALL, nonidealities=(wl.GaussianVariation(sigma),), gain=wl.PerColumnGain()
    )
    many = program_many(matrix, crossbar, [torch.Generator().manual_seed(seed) for seed in (3, 5)])
    for sample, seed in zip(many, (3, 5), strict=True):
        single = program(matrix, crossbar, generator=torch.Generator().manual_seed(seed))
        for field in dataclasses.fields(single):
            assert torch.equal(getattr(sample, field.name), getattr(single, field.name)), field.name
        losses = (sample.weight.square().sum(), single.weight.square().sum())
        ours, theirs = (torch.autograd.grad(loss, matrix, retain_graph=True)[0] for loss in losses)
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    assert torch.equal(many[0].weight, many[1].weight) == (sigma == 0)


@pytest.mark.parametrize("matrix", [(1, 1, 1), (3, 9, 7)])
@pytest.mark.parametrize("slicing", [wl.NoSlicing(), wl.BitSlicing(5, 2, 5, 2)])
@pytest.mark.parametrize("encoding", [wl.DifferentialPair(), wl.OffsetColumn()])
def test_cells_are_counted_without_programming(
    matrix: tuple[int, int, int], slicing: wl.NoSlicing, encoding: wl.DifferentialPair
) -> None:
    crossbar = dataclasses.replace(SMALL, slicing=slicing, encoding=encoding)
    made = program(_matrix(*matrix), crossbar, generator=torch.Generator()).conductances
    assert cell_count(matrix, crossbar) == made.numel()
    assert math.prod(array_shape(crossbar)) == made.shape[0]
