"""The random samples, the least-squares fit, and the surrogate files that come of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from wordline.arrays import ArrayDesign, SurrogateArray, fit_surrogate
from wordline.arrays.surrogate.fit import fit
from wordline.arrays.surrogate.least_squares import fit_network
from wordline.arrays.surrogate.samples import HELD_OUT, TRAINING, SampleDistribution, draw_samples
from wordline.circuits import AbstractDeviceLaw, Ohmic, SinhDevice, Wires
from wordline.progress import AbstractProgress, Advance, Silent

DESIGN = ArrayDesign(
    tile=(8, 6), g_off_siemens=1e-6, g_on_siemens=1e-5, law=SinhDevice(4.0), volts=0.25,
    wires=Wires(driver_ohm=500, row_ohm=2.5, col_ohm=2.5, sense_ohm=100),
)  # fmt: skip
WORDS = {
    "tile": (8, 6),
    "g_off": 1e-6,
    "g_on": 1e-5,
    "wires": DESIGN.wires,
    "law": DESIGN.law,
    "volts": 0.25,
}


@dataclass(frozen=True)
class Quadratic(AbstractDeviceLaw):
    """Not odd in its powers, unlike a hyperbolic sine."""

    k: float

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        return g * (v + self.k * v * v.abs())


def sigmoid(y: Tensor) -> Tensor:
    return y / (1 + y**2).sqrt()


class Counting(AbstractProgress):
    def __init__(self) -> None:
        self.done: dict[str, list[int]] = {}

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        self.done[description] = [0, total]

        def advance(units: int, note: str) -> None:
            self.done[description][0] += units

        yield advance


# --- samples ---------------------------------------------------------------------------


def test_samples_stay_within_the_design(rng: torch.Generator) -> None:
    g, volts = draw_samples(DESIGN, 400, 5, TRAINING, generator=rng)
    assert g.shape == (400, 8, 6) and volts.shape == (400, 5, 8)
    assert volts.min() == 0 and 0.2499 < volts.max() <= 0.25
    live = g[g > 0]
    assert live.min() >= 0.5e-6 and 1e-5 < live.max() <= 1.5e-5  # some scatter
    assert 0 < (g == 0).double().mean() < 0.01  # some are open


def test_digits_are_the_levels_of_four_bits(rng: torch.Generator) -> None:
    design = dataclasses.replace(DESIGN, tile=(64, 64))
    g, volts = draw_samples(design, 60, 40, TRAINING, generator=rng)
    level = 15 * (g - 1e-6) / 9e-6
    whole = ((level - level.round()).abs() < 1e-9).flatten(1).all(1)
    assert (
        0.2 < whole.double().mean() < 0.55
    )  # half of them, but for those that scatter or have open devices
    digits = level[whole].round()
    assert digits.min() == 0 and digits.max() == 15
    stream = 15 * volts / 0.25
    assert 0.4 < ((stream - stream.round()).abs() < 1e-9).all(-1).double().mean() < 0.6


def test_a_distribution_sets_the_share_of_zeros(rng: torch.Generator) -> None:
    design = dataclasses.replace(DESIGN, tile=(32, 1))
    for zeros in (0.5, 1.0, 3.0):  # the mean of u^z is 1 / (1 + z)
        _, volts = draw_samples(
            design, 1500, 8, SampleDistribution(zeros=zeros, tail=1.0), generator=rng
        )
        live = (
            (volts.flatten(0, 1)[:, 0] > 0).double().mean().item()
        )  # the first row is never padding
        assert (
            live <= 1 / 4 + 3 / 4 * (1 - 1 / (1 + zeros)) < live + 0.2
        )  # some of the digits are zeros, too


def test_the_held_out_distribution_is_another(rng: torch.Generator) -> None:
    assert HELD_OUT != TRAINING
    shares = [
        (draw_samples(DESIGN, 500, 4, m, generator=rng).volts == 0).double().mean()
        for m in (TRAINING, HELD_OUT)
    ]
    assert shares[1] > shares[0] + 0.05


# --- the fit ---------------------------------------------------------------------------


def test_least_squares_finds_a_network_that_exists(rng: torch.Generator) -> None:
    z = torch.rand(1000, 3, generator=rng, dtype=torch.float64)
    weight = torch.rand(1000, generator=rng, dtype=torch.float64)
    wanted = 0.2 + 0.5 * sigmoid(z @ torch.tensor([1.0, -2.0, 0.5]).double() - 0.3) - z[:, 1]
    found = fit_network(
        z, weight, weight * wanted, hidden=3, epochs=60, generator=rng, progress=Silent()
    )  # fmt: skip
    r = sigmoid(z @ found.u + found.b) @ found.o + z @ found.k + found.c
    assert (weight * (r - wanted)).square().mean().sqrt() < 1e-5


def test_more_epochs_never_fit_worse(rng: torch.Generator) -> None:
    z = torch.rand(300, 2, generator=rng, dtype=torch.float64)
    target = (5 * z[:, 0]).sin() * z[:, 1]
    errors = []
    for epochs in (1, 3, 10, 30):
        g = torch.Generator().manual_seed(1)
        n = fit_network(
            z,
            torch.ones(300).double(),
            target,
            hidden=4,
            epochs=epochs,
            generator=g,
            progress=Silent(),
        )
        errors.append(
            (sigmoid(z @ n.u + n.b) @ n.o + z @ n.k + n.c - target).square().mean().item()
        )
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 10


def test_the_same_seed_fits_the_same_network(no_global_draws: None) -> None:
    threads = torch.get_num_threads()
    first, again = (fit(DESIGN, samples=160, epochs=8) for _ in range(2))
    other = fit(DESIGN, samples=160, epochs=8, seed=1)
    assert torch.get_num_threads() == threads and first.report == again.report
    assert all(torch.equal(a, b) for a, b in zip(first.network, again.network, strict=True))
    assert not torch.equal(first.network.u, other.network.u)


@pytest.mark.parametrize(
    ("law", "least"),
    [(SinhDevice(4.0), 300), (SinhDevice(12.0), 60), (Quadratic(2.0), 200)],
    ids=str,
)
def test_any_law_can_be_fitted(law: AbstractDeviceLaw, least: float) -> None:
    """The linear solve is `least` times further off than the surrogate."""
    report = fit(dataclasses.replace(DESIGN, law=law), samples=768, epochs=30).report
    assert report.linear.rms > least * report.surrogate.rms
    assert report.linear.largest > least / 3 * report.surrogate.largest


def test_an_ohmic_array_leaves_nothing_to_fit() -> None:
    report = fit(dataclasses.replace(DESIGN, law=Ohmic()), samples=64, epochs=5).report
    assert report.linear.rms < 1e-12 and report.surrogate.rms < 1e-6  # float32
    assert report.nf == pytest.approx(report.nf_linear, rel=1e-9)


def test_nf_is_what_a_single_cell_loses() -> None:
    design = dataclasses.replace(
        DESIGN, tile=(1, 1), law=Ohmic(), wires=Wires(driver_ohm=1e6), g_off_siemens=0.999e-5
    )
    report = fit(design, samples=32, epochs=2).report
    assert report.nf == pytest.approx(10 / 11, abs=1e-3)  # 1 MOhm before 100 kOhm


def test_fit_surrogate_writes_what_an_array_reads(tmp_path: Path) -> None:
    out, progress = tmp_path / "new" / "mine.safetensors", Counting()
    report = fit_surrogate(
        **WORDS, out=out, samples=160, epochs=8, seed=3, command="as typed", progress=progress
    )
    array = SurrogateArray.of(out)
    assert array.report == report and array.design == DESIGN
    assert (report.samples, report.epochs, report.seed, report.command) == (160, 8, 3, "as typed")
    assert report.held_out >= 40 and math.isfinite(report.nf)
    for what, total in (("solving arrays to learn from", 10), ("fitting the surrogate", 8)):
        assert progress.done[what] == [total, total]


def test_an_interrupted_fit_leaves_no_file(tmp_path: Path) -> None:
    class Interrupted(Counting):
        @contextmanager
        def task(self, description: str, total: int) -> Iterator[Advance]:
            if description == "fitting the surrogate":
                raise KeyboardInterrupt
            yield lambda units, note: None

    with pytest.raises(KeyboardInterrupt):
        fit_surrogate(
            **WORDS, out=tmp_path / "mine.safetensors", samples=32, epochs=2, progress=Interrupted()
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tile": 8}, TypeError, "`tile` must be a pair"),
        ({"tile": (0, 6)}, ValueError, "`tile rows` must be at least 1"),
        ({"tile": (8, 0)}, ValueError, "`tile cols` must be at least 1"),
        ({"g_off": -1.0}, ValueError, "`g_off_siemens` must be at least 0"),
        ({"g_on": 1e-6}, ValueError, "`g_on_siemens` must be greater than 1e-06"),
        ({"wires": 5}, TypeError, "`wires` must be Wires"),
        ({"law": "sinh"}, TypeError, "`law` must be AbstractDeviceLaw"),
        ({"volts": 0.0}, ValueError, "`volts` must be greater than 0"),
        ({"samples": 1}, ValueError, "`samples` must be at least 16"),
        ({"epochs": 0}, ValueError, "`epochs` must be at least 1"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"out": Path("mine.pt")}, ValueError, "`out` must end in .safetensors, got 'mine.pt'"),
        (
            {"wires": Wires(sense_ohm=1e3), "volts": 1e3, "samples": 16},
            ValueError,
            "`law` SinhDevice.* does not settle on drawn arrays; lower `volts`",
        ),
    ],
)
def test_bad_arguments_are_refused(
    tmp_path: Path, change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit_surrogate(**{**WORDS, "out": tmp_path / "x.safetensors", **change})
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_the_file_is_refused_before_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordline.arrays.surrogate.fit.fit", lambda *a, **k: pytest.fail("fitted"))
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(ValueError, match="`out` '.*/x.safetensors' is a folder; name a file in it"):
        fit_surrogate(**{**WORDS, "out": tmp_path / "x.safetensors"})  # type: ignore[arg-type]


def test_the_network_is_at_least_one_unit_wide() -> None:
    with pytest.raises(ValueError, match="`hidden` must be at least 1"):
        fit(DESIGN, hidden=0)
