"""A chip that loads a state becomes that chip, with its whole report, or stays what it was."""

import copy
import dataclasses
import io
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.nn.crossbars import CODES, REAL
from torch import nn

import wordline as wl
from wordline.evaluation import identify
from wordline.values import encode

OTHER = dataclasses.replace(
    REAL,
    device=wl.Memristor(1e4, 1e6),
    wires=wl.Wires(driver_ohm=2e3, row_ohm=1, col_ohm=2, sense_ohm=2e3),
)
WIDE = wl.Memristor(1e4, 1e6)
MEASURED = dataclasses.replace(CODES, dac=wl.UniformConverter(6), adc=wl.UniformConverter(7))
NOISY = dataclasses.replace(CODES, nonidealities=(wl.ReadNoise(0.1),))
X = torch.linspace(0, 1, 40).view(4, 10)


@pytest.fixture
def network() -> nn.Module:
    layers = nn.Linear(10, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 3)
    return nn.Sequential(*layers).eval()


def numbers(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.allclose(value, other[name], 0, 0, equal_nan=True) for name, value in one.items()
    )


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("crossbar", [REAL, CODES, NOISY])
def test_a_loaded_chip_is_the_saved_one(
    network: nn.Module, crossbar: wl.Crossbar, assign: bool
) -> None:
    saved = wl.map_model(network, dataclasses.replace(crossbar, device=WIDE), 1)
    loaded = wl.map_model(network, crossbar, 2)
    saved(X), loaded(X)  # what a layer prepared for its own arrays is not kept
    loaded.load_state_dict(saved.state_dict(), assign=assign)
    assert (loaded.seed, loaded.crossbar) == (1, saved.crossbar)
    # all of the report but the memory, as what the saved chip packed for its reads is not loaded
    layers = [
        [dataclasses.replace(layer, kept_bytes=0) for layer in chip.report().layers]
        for chip in (loaded, saved)
    ]
    assert layers[0] == layers[1]
    assert repr(loaded) == repr(saved) and identify(loaded) == identify(saved)
    assert torch.equal(loaded(X), saved(X)) and torch.equal(loaded(X), saved(X))
    assert loaded.report() == saved.report()  # conversions are counted on


@pytest.mark.parametrize("crossbar", [REAL, CODES])
def test_a_loaded_ensemble_is_the_saved_one(network: nn.Module, crossbar: wl.Crossbar) -> None:
    there = dataclasses.replace(crossbar, device=WIDE)
    saved, loaded = wl.map_chips(network, there, (1, 5)), wl.map_chips(network, crossbar, (2, 3))
    saved(X), loaded(X)
    saved.calibration = "on something"
    loaded.load_state_dict(saved.state_dict())
    assert (loaded.seeds, loaded.crossbar, loaded.calibration) == ((1, 5), there, "on something")
    assert torch.equal(loaded(X), saved(X))
    alone = wl.map_model(network, there, 5)
    alone.calibration = "on something"
    assert torch.equal(loaded[1](X), alone(X)) and loaded[1].seed == 5
    assert (
        identify(loaded[1]).crossbar == there
        and identify(loaded[1]).structure == identify(alone).structure
    )


def test_calibration_and_what_stayed_digital_come_along(network: nn.Module) -> None:
    data = [(torch.rand(10), 0) for _ in range(9)]
    saved = wl.calibrate(wl.map_model(network, MEASURED, 1, exclude=("3",)), data)
    loaded = wl.map_model(network, MEASURED, 2, only=("0",))
    loaded.load_state_dict(saved.state_dict())
    assert loaded.calibration == saved.calibration != ""
    assert dict(loaded.digital_layers)["3"] == "excluded by '3'"
    assert torch.equal(loaded(X), saved(X))


def test_the_stream_of_read_noise_goes_on_where_it_stood(network: nn.Module) -> None:
    saved, loaded = (wl.map_model(network, NOISY, seed) for seed in (1, 2))
    loaded.load_state_dict(saved.state_dict())
    assert torch.equal(loaded(X), saved(X))
    saved.restart(7)(X)
    loaded.load_state_dict(saved.state_dict())
    assert torch.equal(loaded(X), saved(X)) and torch.equal(loaded(X), saved(X))
    assert not torch.equal(loaded(X), loaded.restart(7)(X))


@pytest.mark.parametrize("make", [lambda chip: chip.frozen(5), lambda chip: chip.with_noise(3.0)])
def test_noise_that_was_changed_is_loaded_as_it_is(
    network: nn.Module, make: Callable[[wl.Chip], wl.Chip]
) -> None:
    chip = wl.map_model(network, NOISY, 1)
    changed, loaded = make(chip), wl.map_model(network, NOISY, 2)
    loaded.load_state_dict(changed.state_dict())
    assert loaded.stochastic == changed.stochastic and loaded.crossbar == changed.crossbar
    assert torch.equal(loaded(X), changed(X))
    loaded.load_state_dict(chip.state_dict())  # and back
    assert loaded.stochastic and torch.equal(loaded(X), chip(X))


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        lambda m: nn.Sequential(nn.Flatten(), m),
        lambda m: wl.Normalized(m, (0.1,), (2.0,)),
    ],
)
def test_identity_follows_through_the_module_around(
    network: nn.Module, wrap: Callable[[nn.Module], nn.Module]
) -> None:
    saved, chip = wl.map_model(network, OTHER, 1), wl.map_model(network, REAL, 2)
    wrap(chip).load_state_dict(wrap(saved).state_dict())
    assert (chip.seed, chip.crossbar) == (1, OTHER) and torch.equal(chip(X), saved(X))
    before, others = numbers(chip), wrap(wl.map_model(network, CODES, 3)).state_dict()
    for strict in (True, False):
        with pytest.raises(
            RuntimeError, match="cannot be loaded into this Chip, which is unchanged"
        ):
            wrap(chip).load_state_dict(others, strict=strict)
    assert same(numbers(chip), before) and chip.report().crossbar == OTHER
    wrap(chip).load_state_dict({"else": X}, strict=False)  # nothing for the chip
    assert same(numbers(chip), before)


def _without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: state.pop(name)


def _with(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda state: state.update({name: value})


def _text(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without("_extra_state"), r"it does not say of which chip it is \(no '_extra_state'\)"),
        (
            _without("model.1.running_mean"),
            "missing 1.running_mean. The crossbars are equal. Map the same network",
        ),
        (_without("model.0.gain"), "missing 0.gain"),
        (_with("model.3.bias", torch.zeros(4)), "size mismatch for 3.bias"),
        (
            _with("model.0.conductances", torch.zeros(2, 1, 2, 2, 8, 5)),
            "size mismatch for 0.conductances",
        ),
        (_with("model.7.weight", torch.zeros(4)), "unexpected 7.weight"),
        (_with("further", torch.zeros(4)), "unexpected further"),
        (_with("model.0.gain", 3), "0.gain"),
        (
            _with("model.3.bias", torch.zeros(3, dtype=torch.int64)),
            "3.bias is of torch.int64, here of torch.float32",
        ),
        (_with("model.3.bias", torch.zeros(3, device="meta")), "3.bias holds no numbers"),
        (_with("_extra_state", torch.zeros(3)), "'_extra_state' that cannot be read as a chip's"),
        (
            _with("_extra_state", _text('{"crossbar": 3, "overrides": []}')),
            "'_extra_state' that is not a chip's",
        ),
        (
            _with("_extra_state", _text('{"seed": 3, "crossbar": {"type": "Nobody"}}')),
            "is not a known value",
        ),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_refused_leaves_everything_as_it_was(
    network: nn.Module, spoil: Callable[[dict[str, Any]], object], message: str, strict: bool
) -> None:
    chip, state = (
        wl.map_model(network, NOISY, 2),
        dict(wl.map_model(network, NOISY, 1).state_dict()),
    )
    chip(X)
    before, report = numbers(chip), chip.report()
    spoil(state)
    with pytest.raises(RuntimeError, match=message):
        chip.load_state_dict(state, strict=strict)
    assert same(numbers(chip), before) and chip.report() == report


def test_a_state_of_another_kind_of_chip_is_refused_with_what_differs(network: nn.Module) -> None:
    plain, reading, learning = (
        wl.map_model(network, REAL, 1),
        wl.map_model(network, CODES, 2),
        wl.map_model(network, REAL, 3, trainable=True),
    )
    many, more = wl.map_chips(network, REAL, (1, 2)), wl.map_chips(network, REAL, (1, 2, 3))
    small = wl.map_model(network, dataclasses.replace(REAL, tile=(4, 4)), 4)
    for target, source, message in (
        (
            plain,
            reading,
            "unexpected 0.w_max.* has nonidealities .*; dac UniformConverter.*, "
            "here IdealConverter",
        ),
        (reading, plain, "missing 0.w_max"),
        (plain, small, r"size mismatch for 0.conductances.* has tile \(4, 4\), here \(8, 6\)"),
        (plain, learning, "unexpected 0.weight"),
        (learning, plain, "missing 0.weight"),
        (plain, wl.map_model(network, REAL, 1, exclude=("3",)), "missing 3.conductances"),
        (plain, many, r"it is of an ensemble; .* take ensemble\[k\]"),
        (many, plain, "ChipEnsemble, which is unchanged: it is of one chip"),
        (many, more, "it is of 3 chips, this is of 2"),
    ):
        before = numbers(target)
        with pytest.raises(RuntimeError, match=message):
            target.load_state_dict(source.state_dict())
        assert same(numbers(target), before)
    assert plain.load_state_dict(more[2].state_dict()) and plain.seed == 3


def test_arrays_are_not_loaded_behind_the_back_of_their_chip(network: nn.Module) -> None:
    chip, other = wl.map_model(network, REAL, 1), wl.map_model(network, OTHER, 2)
    before = numbers(chip)
    with pytest.raises(
        RuntimeError, match=r"arrays of a mapped layer \(0\) and does not say of which chip"
    ):
        chip.model.load_state_dict(other.model.state_dict())
    with pytest.raises(RuntimeError, match="arrays of a mapped layer .the layer itself"):
        chip.layers["3"].load_state_dict(other.layers["3"].state_dict(), strict=False)
    assert same(numbers(chip), before)
    chip.load_state_dict(chip.state_dict())
    with pytest.raises(RuntimeError, match="does not say of which chip"):  # each load is looked at
        chip.model.load_state_dict(other.model.state_dict())
    chip.model[1].load_state_dict(
        network[1].state_dict()
    )  # digital layers are modules like any others


def test_software_is_not_half_loaded_into_a_chip(network: nn.Module) -> None:
    chip = wl.map_model(network, REAL, 1)
    before = numbers(chip)
    for state in (
        network.state_dict(),
        {f"model.{n}": v + 1 for n, v in network.state_dict().items()},
    ):
        with pytest.raises(RuntimeError, match="does not say of which chip"):
            chip.load_state_dict(state, strict=False)
    assert same(numbers(chip), before)
    with pytest.raises(RuntimeError, match="Missing key"):
        chip.load_state_dict({})


def test_precision_and_device_are_the_loading_chips_unless_assigned(network: nn.Module) -> None:
    saved = wl.map_model(network, CODES, 1)
    double = wl.map_model(network, CODES, 2).double()
    double.load_state_dict(saved.state_dict())
    assert double.seed == 1 and torch.equal(
        double.layers["0"].response, saved.layers["0"].response.double()
    )
    empty = wl.map_model(network, CODES, 2).to("meta")
    empty.load_state_dict(saved.state_dict(), assign=True)
    assert torch.equal(empty(X), saved(X))
    with torch.inference_mode():
        made_there = wl.map_model(network, CODES, 2)
    with pytest.raises(RuntimeError, match="was made here in inference mode"):
        made_there.load_state_dict(saved.state_dict())
    assert made_there.seed == 2


def test_states_of_earlier_versions_carry_seed_and_crossbar(network: nn.Module) -> None:
    for crossbar, text in ((OTHER, ""), (MEASURED, "on images that the state does not name")):
        state = wl.map_model(network, crossbar, 1).state_dict()
        state["_extra_state"] = _text(
            json.dumps(encode({"seed": 1, "crossbar": crossbar, "overrides": ()}))
        )
        loaded = wl.map_model(network, crossbar, 2)
        loaded.load_state_dict(state)
        assert (loaded.seed, loaded.crossbar, loaded.calibration) == (1, crossbar, text)
        assert loaded.digital_layers == wl.map_model(network, crossbar).digital_layers
    noisy, loaded = wl.map_model(network, NOISY, 1), wl.map_model(network, NOISY, 2)
    state = noisy.state_dict()
    state["_extra_state"] = _text(
        json.dumps(encode({"seed": 1, "crossbar": NOISY, "overrides": ()}))
    )
    loaded(X)
    loaded.load_state_dict(state)
    assert torch.equal(loaded(X), noisy(X))


def _pickled(chip: Any) -> Any:
    return pickle.loads(pickle.dumps(chip))


def _saved(chip: Any) -> Any:
    file = io.BytesIO()
    torch.save(chip, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("again", [copy.deepcopy, _pickled, _saved])
def test_copies_of_the_whole_module_are_the_same_chip(
    network: nn.Module, again: Callable[[Any], Any]
) -> None:
    chip, ensemble = wl.map_model(network, NOISY, 1), wl.map_chips(network, NOISY, (1, 2))
    chip(X), ensemble(X)
    copied = again(chip)
    assert copied.report() == chip.report() and torch.equal(copied(X), chip(X))
    copied = again(ensemble)
    assert copied.seeds == (1, 2) and torch.equal(copied(X), ensemble(X))


def test_what_a_trainable_chip_holds_for_a_step_is_not_kept(network: nn.Module) -> None:
    chip, other = (wl.map_model(network, REAL, seed, trainable=True) for seed in (1, 2))
    for layer in (*chip.layers.values(), *other.layers.values()):
        layer.program_for_step(77)  # type: ignore[attr-defined]
    assert torch.equal(
        copy.deepcopy(chip)(X), chip(X)
    )  # of the same weight and draws, with no graph
    fresh = wl.map_model(network, OTHER, 3, trainable=True)
    other.load_state_dict(fresh.state_dict())
    assert torch.equal(other(X), fresh(X)) and other.crossbar == OTHER
    other.load_state_dict(chip.state_dict())
    assert torch.equal(other(X), chip(X))  # the draws of the step, and not those of the seed


def test_what_a_network_keeps_of_a_pass_does_not_stand_in_the_way() -> None:
    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(10, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.last = [self.inner(x)]
            return self.last[0]

    saved, loaded = (wl.map_model(Remembers().eval(), REAL, seed) for seed in (1, 2))
    loaded(X)  # leaves a tensor with a graph, which torch refuses to copy
    loaded.load_state_dict(saved.state_dict())
    assert loaded.seed == 1 and torch.equal(loaded(X), saved(X))


def test_a_layer_in_two_places_is_loaded_in_both() -> None:
    shared = nn.Linear(10, 10)
    network = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(10, 3)).eval()
    for make in (
        lambda seed: wl.map_model(network, CODES, seed),
        lambda seed: wl.map_chips(network, CODES, (seed, 9)),
    ):
        saved, loaded = make(1), make(2)
        loaded.load_state_dict(saved.state_dict())
        assert torch.equal(loaded(X), saved(X))
        with pytest.raises(RuntimeError, match="does not say of which chip"):
            loaded.model.load_state_dict(saved.model.state_dict())
