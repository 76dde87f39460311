"""Programming block by block: the same bits, and little memory beyond the result."""

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import wordline as wl
from wordline.devices.chunks import apply_in_chunks, chunks, program_in_chunks
from wordline.devices.nonideality import AbstractNonideality
from wordline.mapping import ProgrammedMatrix, program_many, read_noise
from wordline.mapping.blocks import blocks

BASE = wl.Crossbar(
    tile=(16, 12), device=wl.Memristor(2e4, 2e5),
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(0.1),), gain=wl.LeastSquaresGain(),
)  # fmt: skip
TABLE = wl.MeasuredDevice((5e-6, 2e-5, 5e-5), (6e-6, 2e-5, 4.8e-5), (1e-6, 2e-6, 3e-6))
VERIFIED = wl.WriteVerify(wl.GaussianVariation(0.1), tolerance=0.05, attempts=4)
EVENTS = (
    wl.StateDependentVariation(0.2), wl.LogNormalVariation(0.1), VERIFIED,
    wl.StuckDevices(0.01, 0.02, 0.03),
    wl.RetentionDrift(1e4, 1.0, 0.05, 0.02), wl.ReadNoise(0.05, frozen=True), wl.ReadNoise(0.02),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Smeared(AbstractNonideality):
    """Every device takes the mean of all: it has to see all of them at once."""

    def apply(self, g: Tensor, device: object, *, generator: torch.Generator) -> Tensor:
        return (g + g.mean()) / 2 * (1 + 0.01 * torch.randn(g.shape, generator=generator))


CROSSBARS = {
    "pair": BASE,
    "offset": dataclasses.replace(BASE, encoding=wl.OffsetColumn(), gain=wl.PerColumnGain()),
    "two-sided": dataclasses.replace(
        BASE, encoding=wl.DifferentialPair(two_sided=True), gain=wl.UnitGain()
    ),
    "sliced": dataclasses.replace(BASE, slicing=wl.BitSlicing(9, 2, 9, 2)),
    "sliced-offset": dataclasses.replace(
        BASE, slicing=wl.BitSlicing(9, 3, 9, 2), encoding=wl.OffsetColumn()
    ),
    "events": dataclasses.replace(BASE, nonidealities=EVENTS),
    "table": dataclasses.replace(BASE, device=TABLE, nonidealities=()),
    "smeared": dataclasses.replace(
        BASE, nonidealities=(wl.GaussianVariation(0.1), Smeared(), wl.StuckDevices(0.1))
    ),
    "ideal-wires": dataclasses.replace(BASE, wires=wl.Wires(), slicing=wl.BitSlicing(9, 2, 9, 2)),
    "curved": dataclasses.replace(BASE, array=wl.NonlinearArray(wl.SinhDevice(4.0))),
    "backward": dataclasses.replace(BASE, array=wl.IdealBackward(wl.ExactArray())),
    "surrogate": wl.Crossbar.preset("puma-32x32-100k"),
    "packed": dataclasses.replace(BASE, packing=wl.BlockDiagonal()),
}


def _generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def _weights(*shape: int) -> Tensor:
    """As a layer hands them over: a transposed view of its weight."""
    return torch.randn(
        shape[0], shape[2], shape[1], generator=torch.Generator().manual_seed(1)
    ).transpose(1, 2)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordline.mapping.cells.MAX_CELLS", 4096)
    monkeypatch.setattr("wordline.devices.chunks.MAX_DEVICES", 1000)
    monkeypatch.setattr("wordline.mapping.conductances.MAX_DEVICES", 1000)


@pytest.mark.parametrize("name", CROSSBARS)
@pytest.mark.parametrize(
    ("shape", "seeds"), [((1, 100, 70), (3,)), ((5, 20, 7), (3, 5)), ((9, 5, 3), (3,))]
)
def test_some_tiles_at_a_time_give_the_same_bits(
    name: str, shape: tuple[int, int, int], seeds: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    crossbar, matrix = CROSSBARS[name], _weights(*shape)
    before = _generators(*seeds)
    at_once = program_many(matrix, crossbar, before)
    noisy = [read_noise(one.conductances, crossbar, generator=_generators(9)[0]) for one in at_once]
    request.getfixturevalue("few")
    after = _generators(*seeds)
    parts_of_it = program_many(matrix, crossbar, after)
    assert all(
        torch.equal(a.get_state(), b.get_state()) for a, b in zip(before, after, strict=True)
    )
    for one, other, noise in zip(at_once, parts_of_it, noisy, strict=True):
        for field in dataclasses.fields(ProgrammedMatrix):
            assert torch.equal(getattr(one, field.name), getattr(other, field.name)), field.name
        assert torch.equal(
            noise, read_noise(other.conductances, crossbar, generator=_generators(9)[0])
        )


def test_with_a_derivative_all_tiles_are_programmed_at_once(few: None) -> None:
    matrix = _weights(1, 40, 30).contiguous().requires_grad_()
    (tracked,) = program_many(matrix, BASE, _generators(3))
    with torch.no_grad():
        (plain,) = program_many(matrix, BASE, _generators(3))
    assert torch.equal(tracked.weight, plain.weight) and not plain.weight.requires_grad
    assert torch.autograd.grad(tracked.weight.sum(), matrix)[0].abs().sum() > 0


class Largest(TorchDispatchMode):
    """Bytes that operations make in memory of their own, of tensors larger than so many."""

    def __init__(self, above: int) -> None:
        super().__init__()
        self.above, self.made = above, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        known = {t.untyped_storage().data_ptr() for t in args if isinstance(t, Tensor)}
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in known:
                size = tensor.untyped_storage().nbytes()
                self.made += size if size > self.above else 0
        return out


@pytest.mark.parametrize("name", ["pair", "sliced", "events", "surrogate"])
def test_nothing_as_large_as_the_layer_is_made_but_what_is_kept(
    name: str, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name != "surrogate":  # which makes more of every device
        monkeypatch.setattr("wordline.mapping.cells.MAX_CELLS", 16384)
    crossbar, matrix = (
        dataclasses.replace(CROSSBARS[name], gain=wl.UnitGain()),
        _weights(1, 384, 384),
    )
    with Largest(above=matrix.nbytes // 2) as large:
        (made,) = program_many(matrix, crossbar, _generators(3))
    kept = made.conductances.nbytes + made.weight.nbytes
    if made.response is not made.conductances:
        kept += made.response.nbytes
    assert kept <= large.made <= kept + 2 * matrix.nbytes  # magnitudes, for the largest of them


@pytest.mark.parametrize("count", [1, 15, 16, 31, 33, 1000, 4097])
@pytest.mark.parametrize("draw", [torch.randn, torch.rand])
def test_numbers_drawn_in_parts_are_those_drawn_at_once(
    count: int, draw: type[torch.randn]
) -> None:  # type: ignore[valid-type]
    first, second = _generators(7, 7)
    whole = draw(count, generator=first)
    found = [draw(part.stop - part.start, generator=second) for part in chunks(count, 48)]
    assert torch.equal(torch.cat(found), whole) and torch.equal(
        first.get_state(), second.get_state()
    )


def test_parts_are_whole_blocks_of_random_numbers() -> None:
    assert [(p.start, p.stop) for p in chunks(40, 1)] == [(0, 16), (16, 40)]
    assert [(p.start, p.stop) for p in chunks(3, 1)] == [(0, 3)]


@pytest.mark.parametrize("overwrite", [True, False])
def test_devices_are_overwritten_only_when_asked(overwrite: bool, few: None) -> None:
    g = torch.full((3000,), 2e-5)
    for there in (
        program_in_chunks(TABLE, g, generator=_generators(1)[0], overwrite=overwrite),
        apply_in_chunks(VERIFIED, g, TABLE, generator=_generators(1)[0], overwrite=overwrite),
    ):
        assert (there is g) == overwrite
        assert bool((g != 2e-5).any()) == overwrite


def test_blocks_cover_every_tile_once() -> None:
    for most in (1, 2, 3, 5, 7, 12, 100):
        count = torch.zeros(3, 4, 5)
        for block in blocks(3, 4, 5, max_tiles=most):
            count[block.tiles] += 1
            assert len(block.groups) * len(block.row_tiles) * len(block.col_tiles) <= most
        assert bool((count == 1).all())
