"""The surrogate against the nonlinear solve on new arrays, and its refusal of other designs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from tests.arrays.test_arrays import draw, oracle
from torch import Tensor

from wordline.arrays import ExactArray, IdealBackward, NonlinearArray, SurrogateArray
from wordline.arrays.surrogate import read as read_module
from wordline.arrays.surrogate import surrogate_array
from wordline.arrays.surrogate.design import ArrayDesign
from wordline.arrays.surrogate.file import save_surrogate
from wordline.arrays.surrogate.fit import fit
from wordline.arrays.surrogate.samples import HELD_OUT, SampleDistribution, draw_samples
from wordline.circuits import Wires, effective_conductance

BUILTIN = ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k")
SMALL = SurrogateArray.of("builtin:puma-32x32-100k")


def read(array: SurrogateArray, volts: Tensor, g: Tensor) -> Tensor:
    return array.currents(volts, array.program(g, array.design.wires), array.design.wires)


@pytest.fixture
def drawn(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    g, volts = draw_samples(SMALL.design, 3, 6, HELD_OUT, generator=rng)
    return volts, g


def test_a_column_is_read_alone_as_among_the_others(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    programmed, wires = SMALL.program(g, SMALL.design.wires), SMALL.design.wires
    whole, few = (SMALL.currents(volts, p, wires) for p in (programmed, programmed[..., 5:9]))
    assert SMALL.independent_columns
    torch.testing.assert_close(few, whole[..., 5:9], rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize(
    "distribution", [HELD_OUT, SampleDistribution(zeros=4.0, tail=0.5)], ids=["sparse", "dense"]
)
def test_its_errors_are_those_it_states(
    rng: torch.Generator, name: str, distribution: SampleDistribution
) -> None:
    array = SurrogateArray.of(f"builtin:{name}")
    design, report = array.design, array.report
    g, volts = draw_samples(design, 12, 16, distribution, generator=rng)
    exact = NonlinearArray(design.law).currents(volts, g, design.wires)
    off = read(array, volts.float(), g.float()) - exact
    assert (off.square().mean() / exact.square().mean()).sqrt() < 1.5 * report.surrogate.rms
    assert off.abs().max() / design.full_scale_ampere < 1.5 * report.surrogate.largest
    linear = volts @ effective_conductance(g, design.wires) - exact
    assert off.square().mean() < 1e-4 * linear.square().mean()  # a hundredth of the error, at least


def test_corners_of_the_design() -> None:
    design = SMALL.design
    full = torch.full((1, 32), design.volts, dtype=torch.float64)
    one = torch.zeros(1, 32, dtype=torch.float64).index_fill(1, torch.tensor([5]), design.volts)
    volts = torch.cat([full, one, full / 100])
    limit = 2 * SMALL.report.surrogate.largest * design.full_scale_ampere
    for siemens in (design.g_off_siemens, design.g_on_siemens):
        g = torch.full(design.tile, siemens, dtype=torch.float64)
        exact = NonlinearArray(design.law).currents(volts, g, design.wires)
        assert (read(SMALL, volts, g) - exact).abs().max() < limit


def test_currents_are_those_of_the_nodes(rng: torch.Generator, tmp_path: Path) -> None:
    design = ArrayDesign.from_json(SMALL.design.to_json().replace("[32, 32]", "[6, 5]"))
    save_surrogate(fit(design, samples=512, epochs=30), tmp_path / "small.safetensors")
    array = SurrogateArray.of(tmp_path / "small.safetensors")
    volts, g = (
        draw(rng, 4, 6, low=0.0, high=0.25),
        draw(rng, 6, 5, low=design.g_off_siemens, high=1e-5),
    )
    exact = oracle(volts, g, 4.0)
    assert (read(array, volts, g) - exact).abs().max() < 2e-4 * exact.max()
    assert (volts @ effective_conductance(g, design.wires) - exact).abs().max() > 5e-2 * exact.max()


def test_no_volts_no_amperes(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    rest = torch.zeros_like(volts).float().requires_grad_()
    currents = read(SMALL, rest, g.float())
    assert currents.abs().max() == 0
    (slope,) = torch.autograd.grad(
        currents.sum(), rest
    )  # small signals: what an ohmic array carries, within 1e-3
    ohmic = effective_conductance(g, SMALL.design.wires).sum(2).unsqueeze(1).expand_as(slope)
    torch.testing.assert_close(slope.double(), ohmic, rtol=2e-3, atol=0)


def test_the_gradient_is_the_surrogates_own(
    drawn: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    volts, g = drawn
    programmed = SMALL.program(g, SMALL.design.wires)
    leaf = (0.05 + 0.7 * volts).requires_grad_()

    def microamperes(v: Tensor) -> Tensor:
        return 1e6 * SMALL.currents(v, programmed, SMALL.design.wires)

    def check() -> Tensor:
        assert torch.autograd.gradcheck(microamperes, leaf, eps=1e-5, rtol=1e-5, fast_mode=True)
        return torch.autograd.grad(microamperes(leaf).square().sum(), leaf)[0]

    whole = check()
    monkeypatch.setattr(read_module, "_CELLS", 4 * 32)  # four samples at a time
    torch.testing.assert_close(check(), whole, rtol=1e-12, atol=0)


def test_forward_mode_and_vmap(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    wires = SMALL.design.wires
    programmed, at = SMALL.program(g, wires), 0.05 + 0.7 * volts
    along = torch.rand(at.shape, dtype=at.dtype, generator=torch.Generator().manual_seed(0)) - 0.5

    def microamperes(v: Tensor) -> Tensor:
        return 1e6 * SMALL.currents(v, programmed, wires)

    ahead, behind = (microamperes(at + e * along) for e in (1e-5, -1e-5))
    found = torch.func.jvp(microamperes, (at,), (along,))[1]
    torch.testing.assert_close(found, (ahead - behind) / 2e-5, rtol=1e-4, atol=1e-5)
    many = torch.stack([at, 0.5 * at])
    torch.testing.assert_close(
        torch.func.vmap(microamperes)(many), torch.stack([*map(microamperes, many)])
    )
    with pytest.raises(
        NotImplementedError, match="`programmed` of a surrogate has no forward-mode derivative"
    ):
        torch.func.jvp(lambda p: SMALL.currents(at, p, wires), (programmed,), (programmed,))


def test_the_gradient_is_close_to_the_arrays(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    leaf, wires = volts.requires_grad_(), SMALL.design.wires
    exact = torch.autograd.grad(
        NonlinearArray(SMALL.design.law).currents(leaf, g, wires).sum(), leaf
    )[0]
    linear = torch.autograd.grad((leaf @ effective_conductance(g, wires)).sum(), leaf)[0]
    found = torch.autograd.grad(read(SMALL, leaf, g).sum(), leaf)[0]
    assert (found - exact).norm() < 2e-3 * exact.norm() < 0.1 * (linear - exact).norm()


@pytest.mark.parametrize("block", range(6), ids=["w", "w2", "w3", "wq", "bias", "skip"])
def test_gradients_reach_what_was_programmed(drawn: tuple[Tensor, Tensor], block: int) -> None:
    volts, g = drawn
    wires = SMALL.design.wires
    programmed = SMALL.program(g, wires).requires_grad_()
    ends = [0, 32, 64, 96, 128, 128 + SMALL.report.hidden, programmed.shape[-2]]
    way = torch.zeros_like(programmed)
    way[:, ends[block] : ends[block + 1]] = programmed.detach()[:, ends[block] : ends[block + 1]]
    weight = torch.arange(1.0, 33.0, dtype=torch.float64)  # a column is not another
    (found,) = torch.autograd.grad(
        (weight * SMALL.currents(volts, programmed, wires)).sum(), programmed
    )
    with torch.no_grad():
        ahead, behind = (
            (weight * SMALL.currents(volts, programmed + e * way, wires)).sum()
            for e in (1e-4, -1e-4)
        )
    assert (found * way).sum().item() == pytest.approx(((ahead - behind) / 2e-4).item(), rel=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_compiled_and_portable_passes_agree(
    drawn: tuple[Tensor, Tensor],
    monkeypatch: pytest.MonkeyPatch,
    dtype: torch.dtype,
    tolerance: float,
) -> None:
    volts, g = (x.to(dtype) for x in drawn)
    volts[:, 0] = 0.0  # at rest, where nothing is relative to the current
    programmed = SMALL.program(g, SMALL.design.wires).to(dtype)

    def run() -> list[Tensor]:
        leaves = [volts.clone().requires_grad_(), programmed.clone().requires_grad_()]
        found = SMALL.currents(leaves[0], leaves[1], SMALL.design.wires)
        towards = torch.linspace(-1, 1, found.numel(), dtype=dtype).view_as(found)
        return [found.detach(), *torch.autograd.grad((found * towards).sum(), leaves)]

    compiled = run()
    monkeypatch.setattr(read_module, "_is_compiled", lambda *_: False)
    for one, other in zip(compiled, run(), strict=True):
        assert other.abs().max() > 0
        assert (one - other).abs().max() <= tolerance * other.abs().max()


def test_a_sample_does_not_feel_its_batch(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    together = read(SMALL, volts.unsqueeze(1), torch.stack([g, g.flip(2)], 1))
    assert together.shape == (3, 2, 6, 32)
    torch.testing.assert_close(
        read(SMALL, volts[1, 3:4], g[1])[0], together[1, 0, 3], rtol=1e-12, atol=0
    )
    assert SMALL.currents(
        volts[:, :0], SMALL.program(g, SMALL.design.wires), SMALL.design.wires
    ).shape == (3, 0, 32)


def test_it_works_in_the_wider_type_and_never_below_single(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    fine, wires = read(SMALL, volts, g), SMALL.design.wires
    coarse = SMALL.program(g.float(), wires)
    assert coarse.dtype == torch.float32 and coarse.shape == (
        3,
        4 * 32 + SMALL.report.hidden + 1,
        32,
    )
    for dtype, tolerance in ((torch.float32, 2e-6), (torch.bfloat16, 1e-2)):
        found = SMALL.currents(volts.to(dtype), coarse, wires)
        assert found.dtype == torch.float32
        assert (found - fine).abs().max() < tolerance * fine.max()


def test_behind_an_ideal_backward(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn[0].requires_grad_(), drawn[1]
    array, wires = IdealBackward(SMALL), SMALL.design.wires
    currents = array.currents(volts, array.program(g, wires), wires)
    assert torch.equal(currents, read(SMALL, volts, g)) and array.needs_volts
    (slope,) = torch.autograd.grad(currents.sum(), volts)
    torch.testing.assert_close(slope, g.sum(2).unsqueeze(1).expand_as(slope), rtol=1e-12, atol=0)


def test_json_round_trip_and_hash() -> None:
    again = SurrogateArray.from_json(SMALL.to_json())
    assert again == SMALL and hash(again) == hash(SMALL) and again.report == SMALL.report
    file = Path(surrogate_array.__file__).parent / "weights" / "puma-32x32-100k.safetensors"
    assert SMALL.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_it_was_not_fitted_for_is_refused(drawn: tuple[Tensor, Tensor]) -> None:
    volts, g = drawn
    wires = SMALL.design.wires
    programmed = SMALL.program(g, wires)
    with pytest.raises(
        ValueError,
        match=r"`tile` \(16, 32\) is not what the surrogate .* was fitted for, \(32, 32\)",
    ):
        SMALL.program(g[:, :16], wires)
    with pytest.raises(ValueError, match=r"`tile` \(16, 32\) is not what"):
        SMALL.currents(volts[..., :16], programmed, wires)
    for refuse in (lambda w: SMALL.program(g, w), lambda w: SMALL.currents(volts, programmed, w)):
        with pytest.raises(
            ValueError, match=r"`wires` Wires\(driver_ohm=0.0.* is not what the surrogate"
        ):
            refuse(Wires())
    with pytest.raises(
        ValueError,
        match=r"`g` holds .* S; the surrogate .* was fitted for devices between 8.3\d*e-07",
    ):
        SMALL.program(g / 3, wires)
    with pytest.raises(ValueError, match=r"`g` holds .* and 1.5e-05 S, or open"):
        SMALL.program(2 * g, wires)
    for bad in (-0.1, 0.26, torch.nan):
        with pytest.raises(
            ValueError, match=r"`volts` run from .*; the surrogate .* was fitted from 0 to 0.25 V"
        ):
            SMALL.currents(torch.where(volts > 0, volts, bad), programmed, wires)
    with pytest.raises(
        ValueError, match="`sha256` must be 64 hex digits, got 'abc'; use SurrogateArray.of"
    ):
        SurrogateArray(SMALL.path, "abc")
    with pytest.raises(TypeError, match="`path` must be str"):
        SurrogateArray(ExactArray(), SMALL.sha256)  # type: ignore[arg-type]
