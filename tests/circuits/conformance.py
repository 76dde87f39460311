"""What every linear solver must satisfy: supply `solve` and `adjoint`, inherit all tests.

class TestMine(SolverConformance):
    solve, adjoint = staticmethod(mine.solve), staticmethod(mine.adjoint)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.oracles import closed_forms, kirchhoff
from torch import Tensor

from wordline.circuits import Wires


def wired(driver: float, row: float, col: float, sense: float) -> Wires:
    """Resistances in the order of `ohms`."""
    return Wires(driver_ohm=driver, row_ohm=row, col_ohm=col, sense_ohm=sense)


STRONG, TYPICAL = wired(1.0, 10.0, 10.0, 1.0), wired(1e3, 5.0, 10.0, 1e3)
WIRES = {
    "typical": TYPICAL,
    "strong": STRONG,
    "asymmetric": wired(500.0, 2.5, 25.0, 100.0),
    "no driver": wired(0.0, 5.0, 10.0, 1e3),
    "no sense": wired(1e3, 5.0, 10.0, 0.0),
    "no row": wired(1e3, 0.0, 10.0, 1e3),
    "no column": wired(1e3, 5.0, 0.0, 1e3),
    "wires only": wired(0.0, 5.0, 10.0, 0.0),
    "ends only": wired(1e3, 0.0, 0.0, 500.0),
    "row only": wired(0.0, 5.0, 0.0, 0.0),
    "none": Wires(),
}
SHAPES = [
    (1, 1),
    (1, 2),
    (2, 1),
    (2, 2),
    (1, 9),
    (9, 1),
    (3, 3),
    (5, 3),
    (3, 8),
    (8, 8),
    (13, 11),
    (16, 16),
    (19, 27),
]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6}


def conductances(*shape: int, top: float = 1e-3, seed: int = 0) -> Tensor:
    """Uniform conductances up to `top`, the same for the same seed."""
    return (
        torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * top
    )


def ohms(wires: Wires) -> tuple[float, float, float, float]:
    """Driver, row, column, sense."""
    return wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm


def distance(x: Tensor, reference: np.ndarray) -> float:
    """Largest difference relative to each tile's largest entry; infinite if anything is not a
    number.
    """
    reference = torch.as_tensor(reference)
    scale = reference.abs().amax((-2, -1), keepdim=True).clamp_min(1e-300)
    worst = ((x.double() - reference) / scale).abs().max().item()
    return worst if worst == worst else float("inf")


def special_tiles() -> dict[str, Tensor]:
    """Tiles on which solvers stumble, 9 x 7."""
    g = conductances(9, 7)
    out = {
        "all on": torch.full_like(g, 1e-2),
        "all off": torch.zeros_like(g),
        "one cell": torch.zeros_like(g),
    }
    out["one cell"][4, 3] = 1e-3
    out["open row"], out["open column"], out["open first row and column"] = (
        g.clone(),
        g.clone(),
        g.clone(),
    )
    out["open row"][5] = 0
    out["open column"][:, 2] = 0
    out["open first row and column"][0] = 0
    out["open first row and column"][:, 0] = 0
    out["half open"] = g * (conductances(9, 7, seed=1) > 5e-4)
    out["wide range"] = 10 ** (-12 * conductances(9, 7, top=1.0))
    return out


class SolverConformance:
    """Against the dense solve, closed forms and the adjoint formula."""

    solve: Callable[[Tensor, Wires], Tensor]
    adjoint: Callable[[Tensor, Tensor, Wires], Tensor]

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_any_shape(self, shape: tuple[int, int], dtype: torch.dtype) -> None:
        g = conductances(2, *shape).to(dtype)
        want = kirchhoff.effective_conductance(g.double().numpy(), *ohms(TYPICAL))
        assert distance(self.solve(g, TYPICAL), want) < TOLERANCE[dtype]

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
    @pytest.mark.parametrize("wires", WIRES.values(), ids=WIRES.keys())
    def test_any_resistance_may_be_zero(self, wires: Wires, dtype: torch.dtype) -> None:
        g = conductances(1, 7, 10, top=1e-2).to(dtype)
        want = kirchhoff.effective_conductance(g.double().numpy(), *ohms(wires))
        assert distance(self.solve(g, wires), want) < TOLERANCE[dtype]

    @pytest.mark.parametrize(
        "wires", [TYPICAL, STRONG, WIRES["wires only"]], ids=["typical", "strong", "wires only"]
    )
    @pytest.mark.parametrize("name", special_tiles())
    def test_special_tiles(self, name: str, wires: Wires) -> None:
        g = special_tiles()[name][None]
        want = kirchhoff.effective_conductance(g.numpy(), *ohms(wires))
        assert distance(self.solve(g, wires), want) < TOLERANCE[torch.float64]
        assert distance(self.solve(g.float(), wires), want) < 5e-6

    @pytest.mark.parametrize(
        "wires", [TYPICAL, STRONG, WIRES["none"]], ids=["typical", "strong", "none"]
    )
    def test_single_cell_is_three_resistances_in_a_row(self, wires: Wires) -> None:
        g = torch.tensor([0.0, 1e-300, 1e-6, 1.0, 1e12], dtype=torch.float64)
        want = [closed_forms.one_cell(x, wires.driver_ohm, wires.sense_ohm) for x in g.tolist()]
        got = self.solve(g[:, None, None], wires)[:, 0, 0]
        torch.testing.assert_close(
            got, torch.tensor(want, dtype=torch.float64), rtol=1e-14, atol=0.0
        )

    def test_ideal_wires_with_driver_and_sense(self) -> None:
        g = conductances(6, 11)
        want = closed_forms.ideal_wires(g.numpy(), 1e3, 500.0)
        assert (
            distance(self.solve(g[None], Wires(driver_ohm=1e3, sense_ohm=500.0))[0], want) < 1e-13
        )

    def test_one_column_is_a_ladder(self) -> None:
        g = conductances(12)
        want = closed_forms.one_column_ladder(g.numpy(), 10.0, 500.0)
        for row_ohm in (0.0, 7.0):  # a single column has no segment between columns
            wires = Wires(row_ohm=row_ohm, col_ohm=10.0, sense_ohm=500.0)
            assert distance(self.solve(g[None, :, None], wires)[0].mT, want[None]) < 1e-13

    @pytest.mark.parametrize("wires", WIRES.values(), ids=WIRES.keys())
    @pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 6), (6, 1), (5, 3), (7, 9)], ids=str)
    def test_gradient_is_the_product_of_two_device_voltages(
        self, shape: tuple[int, int], wires: Wires
    ) -> None:
        g = conductances(1, *shape, top=1e-2)
        weight = torch.randn(
            g.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64
        )
        want = kirchhoff.gradient(g[0].numpy(), weight[0].numpy(), *ohms(wires))
        assert distance(self.adjoint(g, weight, wires), want[None]) < 1e-11
        assert distance(self.adjoint(g.float(), weight.float(), wires), want[None]) < 3e-5

    @pytest.mark.parametrize("name", special_tiles())
    def test_gradient_of_special_tiles(self, name: str) -> None:
        g = special_tiles()[name]
        weight = torch.randn(
            g.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64
        )
        want = kirchhoff.gradient(g.numpy(), weight.numpy(), *ohms(STRONG))
        assert distance(self.adjoint(g[None], weight[None], STRONG), want[None]) < 1e-11

    def test_many_tiles_at_once(self) -> None:
        g = conductances(37, 5, 6)
        want = kirchhoff.effective_conductance(g.numpy(), *ohms(TYPICAL))
        assert distance(self.solve(g, TYPICAL), want) < TOLERANCE[torch.float64]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "wires", [TYPICAL, STRONG, WIRES["wires only"]], ids=["typical", "strong", "wires only"]
    )
    @pytest.mark.parametrize("top", [5e-5, 1e-2])
    def test_large_arrays(self, top: float, wires: Wires) -> None:
        g = conductances(1, 48, 48, top=top)
        want = kirchhoff.effective_conductance(g.numpy(), *ohms(wires))
        assert distance(self.solve(g, wires), want) < TOLERANCE[torch.float64]
        assert distance(self.solve(g.float(), wires), want) < 5e-6
