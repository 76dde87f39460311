"""Gradients of passes with read noise, computed again in any way: those of the noise they met."""

import dataclasses
import itertools
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, hessian, jacfwd, jacrev, vjp, vmap
from torch.utils.checkpoint import checkpoint, checkpoint_sequential, set_checkpoint_early_stop

import wordline as wl
from wordline.nn.reading import recomputation
from wordline.nn.reading.noise_stream import NoiseStream
from wordline.seeds import stream_seed

MATRIX = dataclasses.replace(
    wl.Crossbar.preset("ideal"), tile=(4, 4), nonidealities=(wl.ReadNoise(0.2),)
)
READ = dataclasses.replace(MATRIX, adc=wl.UniformConverter(bits=12, range=wl.FullScale(0.7)))
X = torch.linspace(-1, 1, 24).view(4, 6)
HOW: list[dict[str, bool] | None] = [
    None,
    *({"use_reentrant": r, "preserve_rng_state": p} for r in (True, False) for p in (True, False)),
]


class Net(nn.Module):
    """Two regions, one inside the other, the inner one with a layer that is read twice."""

    def __init__(
        self, outer: dict[str, bool] | None = None, inner: dict[str, bool] | None = None
    ) -> None:
        super().__init__()
        self.a, self.b, self.c, self.how = (
            nn.Linear(6, 8),
            nn.Linear(8, 8),
            nn.Linear(8, 3),
            (outer, inner),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self._kept(self.how[0], self._outer, x))

    def _outer(self, x: Tensor) -> Tensor:
        return self._kept(self.how[1], self._inner, torch.tanh(self.a(x))).square()

    def _inner(self, x: Tensor) -> Tensor:
        return torch.tanh(3 * self.b(torch.tanh(self.b(x))))

    def _kept(
        self, how: dict[str, bool] | None, function: Callable[[Tensor], Tensor], x: Tensor
    ) -> Tensor:
        return function(x) if how is None else checkpoint(function, x, **how)


@pytest.fixture
def plain() -> nn.Module:
    return Net().eval()


def chip_of(plain: nn.Module, net: nn.Module, crossbar: wl.Crossbar = MATRIX) -> wl.Chip:
    net.load_state_dict(plain.state_dict())
    return wl.map_model(net.eval(), crossbar, seed=3)


def gradients(chip: nn.Module, passes: int = 3, order: int = -1) -> list[Tensor]:
    """Of several passes over the same images, taken after all of them in either order."""
    done = [(x, chip(x)) for x in (X.clone().requires_grad_() for _ in range(passes))]
    for _, y in done[::order]:
        y.logsumexp(-1).sum().backward()
    return [x.grad for x, _ in done if x.grad is not None]


def equal(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return len(ours) == len(theirs) and all(
        torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.filterwarnings(
    "ignore:None of the inputs have requires_grad"
)  # reentrant regions in regions
@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(HOW, HOW))[1:])
def test_nested_checkpoints(
    plain: nn.Module, outer: dict[str, bool] | None, inner: dict[str, bool] | None
) -> None:
    truth, saving = wl.map_model(plain, MATRIX, seed=3), chip_of(plain, Net(outer, inner))
    assert equal(gradients(saving), gradients(truth))
    assert equal(gradients(saving, order=1), gradients(truth, order=1))
    assert torch.equal(saving(X), truth(X))  # nothing was taken from the stream


def test_reads_by_converters_and_an_ensemble_of_chips(plain: nn.Module) -> None:
    assert equal(
        gradients(chip_of(plain, Net(HOW[3], HOW[1]), READ)), gradients(chip_of(plain, Net(), READ))
    )
    saving = Net(HOW[3], HOW[4])
    saving.load_state_dict(plain.state_dict())
    ensembles = [wl.map_chips(net.eval(), MATRIX, (1, 2)) for net in (saving, plain)]
    assert equal(*(gradients(ensemble, 2) for ensemble in ensembles))


@pytest.mark.parametrize("reentrant", [True, False])
def test_sequences_loops_and_graphs_that_are_kept(reentrant: bool) -> None:
    chip = wl.map_model(
        nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Linear(6, 6)).eval(), MATRIX
    )

    def loop(x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + torch.tanh(chip(x))
        return x

    def twice(function: Callable[[Tensor], Tensor]) -> Tensor:
        chip.restart(4)
        x = X.clone().requires_grad_()
        y = function(x)
        y.square().sum().backward(retain_graph=True)
        chip.restart(9)  # the stream may be anywhere by then
        y.sum().backward()
        assert x.grad is not None
        return x.grad

    def kept(x: Tensor) -> Tensor:
        return checkpoint(loop, x, use_reentrant=reentrant)

    assert torch.equal(twice(kept), twice(loop))

    def parts(x: Tensor) -> Tensor:
        return checkpoint_sequential(chip.model, 2, x, use_reentrant=reentrant)

    assert torch.equal(twice(parts), twice(chip))


@pytest.mark.parametrize("early", [True, False])
def test_a_gradient_taken_inside_a_region(plain: nn.Module, early: bool) -> None:
    chip = wl.map_model(plain, MATRIX, seed=3)

    def penalised(x: Tensor) -> Tensor:
        y = chip(x)
        (slope,) = torch.autograd.grad(
            y.logsumexp(1).sum(), x, create_graph=True, retain_graph=True
        )
        return y.square() + slope.sum()

    found = []
    for function in (penalised, lambda x: checkpoint(penalised, x, use_reentrant=False)):
        chip.restart(4)
        with set_checkpoint_early_stop(early):
            found.append(gradients(function))  # type: ignore[arg-type]
    assert equal(*found)


def test_several_threads(plain: nn.Module) -> None:
    saving = chip_of(plain, Net(HOW[3], HOW[4]))
    wrong = []

    def work() -> None:
        for _ in range(5):
            x = X.clone().requires_grad_()
            y = saving(x).sum()
            (ours,) = torch.autograd.grad(y, x, retain_graph=True)
            if not torch.equal(ours, torch.autograd.grad(y, x)[0]):
                wrong.append(1)

    together(work, 3)
    assert not wrong
    assert [layer.noise.reads for layer in saving.layers.values()] == [15, 30, 15]  # of a, b and c


def together(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_every_read_of_a_stream_is_handed_out_once() -> None:
    stream, seeds = NoiseStream(5), []
    together(lambda: seeds.extend([stream.next().initial_seed() for _ in range(300)]), 4)
    assert (
        sorted(seeds) == sorted(stream_seed(5, f"read {k}") for k in range(1200))
        and stream.reads == 1200
    )


@pytest.mark.parametrize("of", [grad, jacrev, jacfwd, hessian])
def test_transforms_of_functions(of: Callable[..., Any]) -> None:
    chip = wl.map_model(
        nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).eval(), MATRIX, seed=3
    )
    still = chip.frozen(5)

    def loss(model: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: model(x).logsumexp(1).sum()

    assert torch.equal(of(loss(lambda x: chip.restart(5)(x)))(X), of(loss(still))(X))


def test_maps_over_images_and_pullbacks_that_are_used_twice() -> None:
    chip = wl.map_model(
        nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).eval(), MATRIX, seed=3
    )
    still = chip.frozen(5)
    for randomness in ("error", "same", "different"):  # every image of a batch meets the same noise
        torch.testing.assert_close(vmap(chip.restart(5), randomness=randomness)(X), still(X))
    _, back = vjp(chip.restart(5), X)
    _, truth = vjp(still, X)
    chip(X)
    for cotangent in (torch.eye(4, 3), torch.ones(4, 3), torch.eye(4, 3)):
        assert torch.equal(back(cotangent)[0], truth(cotangent)[0])


class _Again(torch.autograd.Function):
    """A checkpoint of somebody's own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.function = function
        ctx.save_for_backward(x)
        return function(x)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            y = ctx.function(x)
        return torch.autograd.grad(y, x, upstream)[0], None


def test_what_cannot_be_known_is_refused(plain: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = wl.map_model(plain, MATRIX, seed=3)

    def own(x: Tensor) -> Tensor:
        return _Again.apply(x, chip)

    for function in (own, lambda x: checkpoint(own, x, use_reentrant=False)):
        with pytest.raises(
            RuntimeError, match=r"inside a backward pass.*compute with noise that stands still"
        ):
            gradients(function, 1)  # type: ignore[arg-type]
    assert len(gradients(lambda x: _Again.apply(x, chip.frozen(1)), 1)) == 1
    saving = chip_of(plain, Net(HOW[3]))
    with monkeypatch.context() as patched:  # another torch, whose regions are not found
        patched.setattr(recomputation, "_FILE", "elsewhere")
        with pytest.raises(RuntimeError, match="read noise was asked for inside a backward pass"):
            gradients(saving, 1)
    x = X.clone().requires_grad_()
    with monkeypatch.context() as patched:
        patched.setattr(recomputation, "_FILE", "elsewhere")
        y = saving(x)
    with pytest.raises(RuntimeError, match="is not known to have done so before"):
        y.sum().backward()


@pytest.mark.parametrize("reentrant", [True, False])
def test_the_regions_of_this_version_of_torch_are_found(reentrant: bool) -> None:
    found = []

    def function(x: Tensor) -> Tensor:
        found.append(list(recomputation._regions(sys._getframe())))
        return x.sin().sin()

    checkpoint(function, X.clone().requires_grad_(), use_reentrant=reentrant).sum().backward()
    ((first, run),), ((second, again),) = found
    assert first is second and run is None and again is not None


def test_conversions_of_a_pass_are_counted_once(plain: nn.Module) -> None:
    truth, saving = chip_of(plain, Net(), READ), chip_of(plain, Net(HOW[3], HOW[1]), READ)
    gradients(truth), gradients(saving)
    assert [layer.tally.conversions for layer in saving.layers.values()] == [
        layer.tally.conversions for layer in truth.layers.values()
    ]


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_nothing_is_kept_of_a_region_that_is_gone(plain: nn.Module) -> None:
    saving = chip_of(plain, Net(HOW[3], HOW[1]))
    before = len(recomputation._DRAWN)
    gradients(saving)
    with torch.no_grad():
        saving(X)
    assert len(recomputation._DRAWN) <= before
