"""The compiled read of sliced pairs against its formula, in float64, and against the plain read."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.arrays import SurrogateArray
from wordline.arrays.surrogate import Digits
from wordline.arrays.surrogate.file import load_surrogate
from wordline.nn.reading import read_curved

SMALL = SurrogateArray.of("builtin:puma-32x32-100k")
DESIGN, ROWS = SMALL.design, SMALL.design.tile[0]
DIGITS = Digits(
    levels=63, bits=2, count=3, volts=DESIGN.volts, slice_weights=(1.0, 4.0, 16.0),
    ampere=DESIGN.full_scale_ampere, steps=100, below=0, passes=True,
)  # fmt: skip


def arrays(rng: torch.Generator, groups: int, row_tiles: int, column_tiles: int) -> Tensor:
    """Draw three slices of pairs `(6, groups, row tiles, column tiles, height, 32)`.

    The last pair is equal, as that of small weights is.
    """
    shape = (6, groups, row_tiles, column_tiles, *DESIGN.tile)
    shares = torch.randint(4, shape, generator=rng).double() / 3
    shares[4:] = 0
    low, high = DESIGN.g_off_siemens, DESIGN.g_on_siemens
    return SMALL.program(low + (high - low) * shares, DESIGN.wires).float()


def raw_codes(x: Tensor, programmed: Tensor, digits: Digits) -> Tensor:
    """Compute what the ADC rounds, for x `(..., rows)`, from a column's formula in float64."""
    net = load_surrogate(SMALL.path, SMALL.sha256).network
    p = programmed.double()
    w, w2, w3, wq, bias, skip = p.split([ROWS] * 4 + [len(net.o), 1], -2)
    m1, m2, m3, f3 = x @ w, x**2 @ w2, x**3 @ w3, x**3 @ wq
    z = [m / m1.clamp(min=1e-9 * DESIGN.g_on_siemens) for m in (m2, m3, f3)]
    z = torch.stack([*z, m1 / (ROWS * DESIGN.g_on_siemens)], -1)
    y = z @ net.u[:4] + bias.movedim(-2, -1).unsqueeze(-3)
    r = skip + z @ net.k[:4] + (y / (1 + y * y).sqrt()) @ net.o
    return DESIGN.volts * m1 * (1 + r) / digits.ampere * digits.steps


def oracle(
    u: Tensor, programmed: Tensor, digits: Digits, outputs: list[int]
) -> tuple[Tensor, Tensor, Tensor, int]:
    """Totals, whether a code was near an edge, straight-through totals, saturated conversions.

    Of some outputs.
    """
    slices = len(digits.slice_weights)
    groups, n, k = u.shape
    shares = u.detach().double()
    codes = (shares.abs() * digits.levels + 0.5).floor().long()
    slope = digits.levels / sum((2**digits.bits - 1) * 2 ** (digits.bits * t) for t in range(3))
    shape = groups, n, len(outputs)
    out, smooth = torch.zeros(shape).double(), torch.zeros(shape).double()
    edges, saturated = torch.zeros(shape).bool(), 0
    for g, tile, place, s, half, t, sign in np.ndindex(
        groups, programmed.shape[2], len(outputs), slices, 2, digits.count, 2
    ):
        rows = slice(tile * ROWS, min(k, (tile + 1) * ROWS))
        of_sign = (u[g, :, rows] < 0) if sign else (u[g, :, rows] >= 0)
        digit = (codes[g, :, rows] >> digits.bits * t) % 2**digits.bits * of_sign
        x = digit.double() / (2**digits.bits - 1)
        follow = slope * (1 - 2 * sign) * u[g, :, rows].double() * of_sign
        x = x + follow - follow.detach()
        x = nn.functional.pad(x, (0, ROWS - x.shape[1]))
        column = outputs[place]
        array = programmed[2 * s + half, g, tile, column // 32][:, column % 32, None]
        raw = raw_codes(x, array, digits)[:, 0]
        code = (raw.detach() + 0.5).floor()
        kept = code.clamp(-digits.below, digits.steps)
        saturated += int((code != kept).sum())
        weight = digits.slice_weights[s] * 2 ** (digits.bits * t) * (1 - 2 * half) * (1 - 2 * sign)
        out[g, :, place] += weight * kept
        edges[g, :, place] |= ((raw.detach() + 0.5) - (raw.detach() + 0.5).round()).abs() < 1e-4
        passed = torch.zeros(shape).double()
        passed[g, :, place] = weight * raw.where(code == kept, 0)
        smooth = smooth + passed
    return out, edges, smooth, saturated


def converted(u: Tensor, programmed: Tensor, digits: Digits, outputs: int) -> tuple[Tensor, int]:
    return SMALL.convert(u, programmed, DESIGN.wires, digits=digits, outputs=outputs)


def inputs(rng: torch.Generator, groups: int, n: int, k: int, signed: bool) -> Tensor:
    u = torch.rand(groups, n, k, generator=rng) ** 2
    u *= torch.rand(groups, n, k, generator=rng) < 0.5
    u[:, 0] = 0.0
    return u * (1 - 2 * (torch.rand(groups, n, k, generator=rng) < 0.4)) if signed else u


@pytest.mark.parametrize("ampere", [1.0, 0.15], ids=["in range", "saturating"])
@pytest.mark.parametrize(
    ("groups", "k", "outputs", "signed"), [(2, 41, 3, True), (1, 64, 34, False)]
)
def test_totals_and_derivatives_are_those_of_the_formula(
    rng: torch.Generator, groups: int, k: int, outputs: int, signed: bool, ampere: float
) -> None:
    digits = dataclasses.replace(DIGITS, ampere=ampere * DIGITS.ampere)
    programmed = arrays(rng, groups, 2, -(-outputs // 32))
    u = inputs(rng, groups, 4, k, signed).requires_grad_()
    found, saturated = converted(u, programmed, digits, outputs)
    some = sorted({0, outputs // 2, min(31, outputs - 1), outputs - 1})
    wanted, edges, smooth, over = oracle(u, programmed, digits, some)
    assert edges.double().mean() < 0.2 and wanted.abs().max() > 100
    found = found[..., some]
    assert torch.equal(found[~edges], wanted[~edges])
    assert (saturated > 0) == (over > 0) == (ampere < 1)
    if len(some) == outputs:
        assert abs(saturated - over) <= 2
    towards = torch.randn(found.shape, generator=rng, dtype=torch.float64)
    (mine,) = torch.autograd.grad((found * towards).sum(), u)
    (theirs,) = torch.autograd.grad((smooth * towards).sum(), u)
    assert theirs.abs().max() > 0
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max().item())


def test_an_adc_without_derivative_passes_none(rng: torch.Generator) -> None:
    u = inputs(rng, 1, 3, 40, False).requires_grad_()
    blocked = dataclasses.replace(DIGITS, passes=False)
    total, _ = converted(u, arrays(rng, 1, 2, 1), blocked, 3)
    assert torch.autograd.grad(total.sum(), u)[0].abs().max() == 0


def test_a_second_derivative_is_refused(rng: torch.Generator) -> None:
    u = inputs(rng, 1, 3, 40, False).requires_grad_()
    total, _ = converted(u, arrays(rng, 1, 2, 1), DIGITS, 3)
    (grad,) = torch.autograd.grad(total.square().sum(), u, create_graph=True)
    with pytest.raises(NotImplementedError, match="`a read of SurrogateArray` is differentiable"):
        torch.autograd.grad(grad.sum(), u)


def test_volts_beyond_the_design_are_refused(rng: torch.Generator) -> None:
    high = dataclasses.replace(DIGITS, volts=0.3)
    with pytest.raises(ValueError, match=r"`volts` run from 0 to 0.3; the surrogate"):
        converted(inputs(rng, 1, 1, 32, False), arrays(rng, 1, 1, 1), high, 3)


def test_equal_strong_arrays_are_read_for_what_saturates(rng: torch.Generator) -> None:
    programmed = arrays(rng, 1, 1, 1)
    programmed[1::2] = programmed[::2]
    u = torch.ones(1, 2, 32)
    low = dataclasses.replace(DIGITS, ampere=0.1 * DIGITS.ampere)
    total, saturated = converted(u, programmed, low, 5)
    assert total.abs().max() == 0 and saturated == oracle(u, programmed, low, [*range(5)])[3] > 0


LAYERS = {
    "convolution": (nn.Conv2d(6, 35, 3, padding=1), (3, 6, 5, 4)),
    "grouped": (nn.Conv2d(8, 6, 3, groups=2, bias=False), (2, 8, 4, 5)),
    "linear": (nn.Linear(70, 4), (9, 70)),
}


@pytest.fixture(params=[False, True], ids=["plain pair", "two-sided, saturating"])
def crossbar(request: pytest.FixtureRequest) -> wl.Crossbar:
    crossbar = wl.Crossbar.preset("puma-32x32-100k", gain=wl.UnitGain())
    if request.param:
        crossbar = dataclasses.replace(
            crossbar,
            encoding=wl.DifferentialPair(two_sided=True),
            slicing=wl.BitSlicing(8, 2, 8, 4),
            dac=dataclasses.replace(crossbar.dac, bits=8),
            adc=wl.UniformConverter(bits=6, range=wl.FullScale(0.05), signed=False),
        )
    return crossbar


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("signed", [False, True])
def test_a_layer_reads_as_in_plain_torch(
    name: str,
    signed: bool,
    crossbar: wl.Crossbar,
    rng: torch.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, shape = LAYERS[name]
    x = torch.rand(shape, generator=rng).sub(0.5 if signed else 0.2).clamp(min=-1 if signed else 0)

    def run() -> tuple[Tensor, Tensor, int, int]:
        chip = wl.map_model(nn.Sequential(layer).eval(), crossbar, seed=0)
        leaf = x.clone().requires_grad_()
        y = chip(leaf)
        grad = torch.autograd.grad(y.square().sum(), leaf)[0]
        tally = next(m.tally for m in chip.modules() if hasattr(m, "tally"))
        return y.detach(), grad, tally.conversions, tally.saturated

    fast = run()
    calls: list[int] = []
    real = read_curved.applies
    monkeypatch.setattr(read_curved, "applies", lambda *a: calls.append(real(*a)))  # returns None
    plain = run()
    assert calls == [True]
    # A code at an edge may round to its neighbour: few do.
    moved = (fast[0] - plain[0]).abs() > 1e-5 * plain[0].abs().max()
    assert moved.double().mean() < 0.02
    assert (fast[1] - plain[1]).norm() < 2e-3 * plain[1].norm()
    assert fast[2] == plain[2] and abs(fast[3] - plain[3]) <= 2 + plain[3] // 100
    assert (plain[3] > 0) == (crossbar.slicing.weight_bits == 8)


def test_a_sample_does_not_feel_its_batch_nor_the_threads(rng: torch.Generator) -> None:
    programmed, u = arrays(rng, 1, 2, 1), inputs(rng, 1, 300, 50, True)

    def run(part: Tensor) -> tuple[Tensor, Tensor]:
        leaf = part.clone().requires_grad_()
        total = converted(leaf, programmed, DIGITS, 20)[0]
        return total.detach(), torch.autograd.grad(total.square().sum(), leaf)[0]

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        together = run(u)
        torch.set_num_threads(3)
        for n in (0, 77, 299):
            for mine, all_of_them in zip(run(u[:, n : n + 1]), together, strict=True):
                assert torch.equal(mine, all_of_them[:, n : n + 1])
        for mine, others in zip(run(u), together, strict=True):
            assert torch.equal(mine, others)
    finally:
        torch.set_num_threads(threads)


def test_reads_that_the_kernel_cannot_do_are_left_to_torch(rng: torch.Generator) -> None:
    crossbar = wl.Crossbar.preset("puma-32x32-100k", gain=wl.UnitGain())
    response, u = arrays(rng, 1, 1, 1), inputs(rng, 1, 2, 30, False)
    nan = torch.tensor(math.nan)
    ranges = read_curved.ConverterRanges(nan, nan)
    seen = dataclasses.replace(ranges, observe=lambda sums: None)
    fine = dataclasses.replace(crossbar, encoding=wl.DifferentialPair(two_sided=True))
    spared = dataclasses.replace(
        crossbar, adc=dataclasses.replace(crossbar.adc, less_off_current=True)
    )
    assert read_curved.applies(fine, response, u, ranges)
    assert not read_curved.applies(crossbar, response, u, seen)
    assert not read_curved.applies(crossbar, response, u.double(), ranges)
    assert not read_curved.applies(crossbar, response.requires_grad_(), u, ranges)
    assert not read_curved.applies(spared, response.detach(), u, ranges)
    assert not read_curved.applies(
        dataclasses.replace(crossbar, slicing=wl.NoSlicing()), response.detach(), u, ranges
    )
