"""An ensemble is its chips, bit for bit, and holds nothing twice that they share."""

import copy
import dataclasses
import threading

import pytest
import torch
from tests.nn.crossbars import CODES, IDEAL, REAL
from torch import nn
from torch.utils.checkpoint import checkpoint

import wordline as wl
from wordline.evaluation import identify

SEEDS = (4, 0, 7)
NOISY = dataclasses.replace(REAL, nonidealities=(wl.GaussianVariation(0.1), wl.ReadNoise(0.05)))
FAULTY = dataclasses.replace(
    CODES, encoding=wl.OffsetColumn(), gain=wl.PerColumnGain(), slicing=wl.BitSlicing(5, 2, 6, 2),
    nonidealities=(wl.LogNormalVariation(0.2), wl.StuckDevices(on=0.02, open=0.02)),
)  # fmt: skip


@pytest.mark.parametrize("crossbar", [IDEAL, REAL, CODES, NOISY, FAULTY])
def test_every_chip_is_the_one_of_its_seed(
    tiny_cnn: nn.Module, crossbar: wl.Crossbar, no_global_draws: None
) -> None:
    ensemble = wl.map_chips(tiny_cnn, crossbar, SEEDS)
    singles = [wl.map_model(tiny_cnn, crossbar, seed) for seed in SEEDS]
    x = torch.rand(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    for ours, single in zip(ensemble, singles, strict=True):
        assert ours.seed == single.seed and ours.report() == single.report()
        state = single.state_dict()
        assert ours.state_dict().keys() == state.keys()
        assert all(
            torch.equal(value, state[name])
            for name, value in ours.state_dict().items()
            if "limit" not in name
        )
    answers = ensemble(x)
    assert answers.shape == (3, 3, 4)
    assert all(
        torch.equal(answer, single(x)) for answer, single in zip(answers, singles, strict=True)
    )


def test_what_chips_share_exists_once(tiny_cnn: nn.Module) -> None:
    ensemble, single = wl.map_chips(tiny_cnn, REAL, range(5)), wl.map_model(tiny_cnn, REAL)
    assert sum(p.numel() for p in ensemble.parameters()) == sum(
        p.numel() for p in single.parameters()
    )
    per_chip = sum(b.numel() for layer in single.layers.values() for b in layer.buffers())
    shared = sum(b.numel() for b in single.buffers()) - per_chip
    assert sum(b.numel() for b in ensemble.buffers()) == 5 * per_chip + shared
    for layer in ensemble.layers.values():
        assert all(
            b.untyped_storage().nbytes() == b.numel() * b.element_size() for b in layer.buffers()
        )


def test_a_chip_taken_out_stands_alone(tiny_cnn: nn.Module) -> None:
    ensemble, x = wl.map_chips(tiny_cnn, REAL, SEEDS), torch.rand(2, 2, 6, 6)
    before, chip = ensemble(x), ensemble[-1]
    assert chip.seed == 7 and list(chip.layers) == ["0", "5"]
    chip.layers["0"].effective_weight.zero_()
    chip.model[1].running_mean.fill_(9.0)
    assert torch.equal(ensemble(x), before)
    with pytest.raises(IndexError):
        ensemble[3]


def test_an_ensemble_is_an_ordinary_module(tiny_cnn: nn.Module) -> None:
    ensemble, x = wl.map_chips(tiny_cnn, REAL, SEEDS), torch.rand(2, 2, 6, 6)
    blank = wl.map_chips(tiny_cnn, REAL, (1, 2, 3))
    blank.load_state_dict(ensemble.state_dict())
    assert torch.equal(blank(x), ensemble(x)) and torch.equal(
        copy.deepcopy(ensemble)(x), ensemble(x)
    )
    assert len(ensemble) == 3 and not ensemble.training
    x.requires_grad_()
    (mean,) = torch.autograd.grad(ensemble(x).mean(0).square().sum(), x)
    ours = torch.stack([chip(x) for chip in ensemble]).mean(0)
    torch.testing.assert_close(mean, torch.autograd.grad(ours.square().sum(), x)[0])
    assert ensemble.double()(x.double()).dtype == torch.float64


def test_layers_of_parts_shared_layers_and_choices() -> None:
    shared = nn.Linear(4, 4)
    network = nn.Sequential(shared, nn.ReLU(), shared, nn.GRUCell(4, 4), nn.Linear(4, 2)).eval()
    ensemble = wl.map_chips(network, REAL, SEEDS, exclude=("4",), overrides=(("0", CODES),))
    single = wl.map_model(network, REAL, 0, exclude=("4",), overrides=(("0", CODES),))
    x = torch.rand(3, 4)
    assert torch.equal(ensemble(x)[1], single(x))
    # what a chip packs for its first read is its own; all else is the same
    reports = [
        [dataclasses.replace(layer, kept_bytes=0) for layer in chip.report().layers]
        for chip in (ensemble[1], single)
    ]
    assert reports[0] == reports[1]


def test_calibration_measures_every_chip(tiny_cnn: nn.Module) -> None:
    crossbar = dataclasses.replace(
        CODES, nonidealities=REAL.nonidealities, adc=wl.UniformConverter(7, wl.Calibrated())
    )
    data = [(torch.rand(2, 6, 6), 0) for _ in range(8)]
    ensemble = wl.calibrate(wl.map_chips(tiny_cnn, crossbar, SEEDS), data)
    for k, seed in enumerate(SEEDS):
        single = wl.calibrate(wl.map_model(tiny_cnn, crossbar, seed), data)
        assert torch.equal(ensemble[k].layers["0"].output_limit, single.layers["0"].output_limit)
    limits = {
        float(layer.output_limit)
        for name, layer in ensemble.layers.items()
        if name.startswith("0.")
    }
    assert len(limits) == 3


def test_weights_may_be_read_from_the_chip_that_computes() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(x, self.inner.weight, self.inner.bias)

    network, x = Functional().eval(), torch.rand(2, 4)
    ensemble = wl.map_chips(network, REAL, SEEDS)
    assert all(
        torch.equal(y, wl.map_model(network, REAL, seed)(x))
        for y, seed in zip(ensemble(x), SEEDS, strict=True)
    )


@pytest.mark.parametrize(
    ("seeds", "kind", "message"),
    [
        (3, TypeError, r"`seeds` must be a sequence of whole numbers, got 3; write range\(8\)"),
        ("12", TypeError, "`seeds` must be a sequence"),
        ((0, 0.5), TypeError, "`seeds` must be a whole number"),
        ((0, -1), ValueError, "`seeds` must be at least 0"),
        ((), ValueError, "`seeds` must be different and at least one"),
        ((1, 1), ValueError, "`seeds` must be different"),
    ],
)
def test_bad_seeds_are_refused(seeds: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        wl.map_chips(nn.Linear(2, 2).eval(), IDEAL, seeds)  # type: ignore[arg-type]


def test_what_cannot_be_stacked_is_refused() -> None:
    with pytest.raises(TypeError, match="`model` must return one tensor to be stacked, got tuple"):
        wl.map_chips(nn.LSTM(2, 2).eval(), IDEAL)(torch.rand(3, 2))
    with pytest.raises(ValueError, match="`model` is in training mode"):
        wl.map_chips(nn.Linear(2, 2), IDEAL)


class Checkpointed(nn.Module):
    def __init__(self, **how: bool) -> None:
        super().__init__()
        self.a, self.b, self.how = nn.Linear(6, 8), nn.Linear(8, 3), how

    def block(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(3 * self.a(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(checkpoint(self.block, x, **self.how) if self.how else self.block(x))


@pytest.mark.parametrize(
    "how", [{}, {"use_reentrant": True}, {"use_reentrant": False, "preserve_rng_state": False}]
)
def test_gradients_are_those_of_each_chip_when_computed_again(how: dict[str, bool]) -> None:
    network, x = Checkpointed(**how).eval(), torch.rand(5, 6)
    ensemble = wl.map_chips(network, REAL, SEEDS)
    for k, seed in enumerate(SEEDS):
        ours, alone = x.clone().requires_grad_(), x.clone().requires_grad_()
        ensemble(ours)[k].square().sum().backward()
        wl.map_model(network, REAL, seed)(alone).square().sum().backward()
        assert ours.grad is not None and torch.equal(ours.grad, alone.grad)


def test_threads_nested_calls_and_errors_do_not_meet(tiny_cnn: nn.Module) -> None:
    ensemble, x = wl.map_chips(tiny_cnn, REAL, SEEDS), torch.rand(2, 2, 6, 6)
    with torch.no_grad():
        right = ensemble(x)
    wrong: list[int] = []

    def work() -> None:
        with torch.no_grad():
            wrong.extend(1 for _ in range(10) if not torch.equal(ensemble(x), right))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    nested: list[torch.Tensor] = []

    def call_again(*_: object) -> None:
        if not nested:
            nested.append(x)
            nested.append(ensemble(x))

    hook = ensemble.layers["0.samples.1"].register_forward_hook(call_again)
    assert torch.equal(ensemble(x), right) and torch.equal(nested[1], right)
    hook.remove()
    hook = ensemble.layers["5.samples.1"].register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ensemble(x)
    hook.remove()
    assert torch.equal(ensemble(x), right)


def test_a_network_sees_the_layers_of_its_chip(tiny_cnn: nn.Module) -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert self.inner.in_features == 4
            return self.inner(x) + self.inner.weight.sum() * self.inner.bias

    network, x = Reads().eval(), torch.rand(2, 4)
    ensemble = wl.map_chips(network, REAL, SEEDS)
    singles = [wl.map_model(network, REAL, seed) for seed in SEEDS]
    assert torch.equal(ensemble(x), torch.stack([single(x) for single in singles]))
    assert all(
        identify(chip) == identify(single) for chip, single in zip(ensemble, singles, strict=True)
    )
    many = wl.map_chips(tiny_cnn, REAL, SEEDS)
    many.train()
    assert many._copies().with_modules(lambda layer: layer.samples[0]).training
    assert not many.eval()[0].training
