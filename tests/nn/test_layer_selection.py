"""Which layers are mapped, and onto which crossbar."""

import copy
import dataclasses

import pytest
import torch
from tests.nn.crossbars import IDEAL, REAL
from torch import nn

import wordline as wl

SMALL = dataclasses.replace(REAL, tile=(4, 4))


def _network() -> nn.Module:
    network = nn.ModuleDict(
        {
            "stem": nn.Linear(6, 6),
            "block": nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6)),
            "memory": nn.LSTM(6, 4, batch_first=True),
            "head": nn.Linear(6, 3),
            "overhead": nn.Linear(3, 3),
        }
    )
    return network.eval()


ALL = ["stem", "block.0", "block.2", "memory.ih_l0", "memory.hh_l0", "head", "overhead"]


@pytest.mark.parametrize(
    ("choice", "mapped"),
    [
        ({}, ALL),
        ({"only": ("head",)}, ["head"]),
        ({"only": ("*head",)}, ["head", "overhead"]),
        ({"only": ["block", "memory.ih*"]}, ["block.0", "block.2", "memory.ih_l0"]),
        ({"exclude": ("block.?",)}, ["stem", "memory.ih_l0", "memory.hh_l0", "head", "overhead"]),
        ({"exclude": ("memory", "HEAD*", "[so]*")[::2]}, ["block.0", "block.2", "head"]),
        ({"only": ("block",), "exclude": ("*.2",)}, ["block.0"]),
    ],
)
def test_patterns_choose_layers(choice: dict[str, object], mapped: list[str]) -> None:
    chip = wl.map_model(_network(), REAL, **choice)  # type: ignore[arg-type]
    assert list(chip.layers) == mapped
    assert set(dict(chip.report().digital)) == set(ALL) - set(mapped)


def test_the_report_says_who_asked() -> None:
    report = wl.map_model(_network(), REAL, only=("b*", "head"), exclude=("*.2",)).report()
    digital = dict(report.digital)
    assert digital["block.2"] == "excluded by '*.2'"
    assert digital["stem"] == "not among only='b*', 'head'"
    assert "stays digital: block.2: excluded by '*.2'" in str(report)
    assert "stem" in dict(
        wl.map_model(_network(), REAL, exclude=("stem",), strict=True).digital_layers
    )  # chosen, not refused


def test_a_layer_partly_excluded_still_computes_what_it_did() -> None:
    layer, x = (
        nn.LSTM(6, 4, batch_first=True).double().eval(),
        torch.rand(2, 3, 6, dtype=torch.float64),
    )
    chip = wl.map_model(layer, IDEAL, exclude=("hh*",))
    assert list(chip.layers) == ["ih_l0"]
    torch.testing.assert_close(chip(x), layer(x), rtol=1e-9, atol=1e-9)
    assert set(dict(chip.digital_layers)) == {"hh_l0"}


def test_a_layer_wholly_excluded_stays_what_it_was() -> None:
    chip = wl.map_model(_network(), REAL, exclude=("memory", "stem"))
    assert type(chip.model["memory"]) is nn.LSTM and type(chip.model["stem"]) is nn.Linear


def test_the_first_override_that_matches_decides() -> None:
    network = _network()
    chip = wl.map_model(
        network, IDEAL, seed=3, overrides=(("head", SMALL), ("*head", REAL), ("block", REAL))
    )
    tiles = {name: layer.crossbar for name, layer in chip.layers.items()}
    assert (tiles["head"], tiles["overhead"], tiles["block.2"], tiles["stem"]) == (
        SMALL,
        REAL,
        REAL,
        IDEAL,
    )
    assert chip.crossbar == IDEAL
    alone = wl.map_model(network, SMALL, seed=3).layers["head"]
    assert torch.equal(alone.effective_weight, chip.layers["head"].effective_weight)
    rows = {row.name: row.tile for row in chip.report().layers}
    assert rows["head"] == (4, 4) and rows["stem"] == (64, 64)
    report = chip.report()
    assert type(report).from_json(report.to_json()) == report
    assert report.overrides[0] == ("head", SMALL)


def test_the_state_carries_overrides() -> None:
    chip = wl.map_model(_network(), REAL, seed=3, overrides=(("head", SMALL),))
    blank = wl.map_model(_network(), SMALL, seed=4, overrides=(("*", REAL), ("head", REAL)))
    blank = wl.map_model(_network(), REAL, seed=4, overrides=(("head", SMALL),))
    blank.overrides = ()
    blank.load_state_dict(chip.state_dict())
    assert blank.overrides == chip.overrides and blank.seed == 3
    assert blank.layers["head"].crossbar == SMALL and blank.layers["stem"].crossbar == REAL
    assert copy.deepcopy(chip).overrides == chip.overrides


@pytest.mark.parametrize(
    ("choice", "kind", "message"),
    [
        (
            {"only": ("tail",)},
            ValueError,
            "`only` pattern 'tail' matches no layer; there are stem, block.0, bl",
        ),
        ({"exclude": ("stem", "bn*")}, ValueError, "`exclude` pattern 'bn\\*' matches no layer"),
        ({"overrides": (("x", REAL),)}, ValueError, "`overrides` pattern 'x' matches no layer"),
        ({"exclude": ("*",)}, ValueError, "`only` and `exclude` leave no layer to map"),
        (
            {"only": "head"},
            TypeError,
            r"`only` must be a tuple of patterns, got 'head'; write \('conv\*',\)",
        ),
        ({"exclude": {"head"}}, TypeError, "`exclude` must be a tuple of patterns"),
        ({"only": (3,)}, TypeError, "`only` must be str"),
        (
            {"overrides": {"head": REAL}},
            TypeError,
            r"`overrides` must be \(pattern, crossbar\) pairs",
        ),
        ({"overrides": ("head", REAL)}, TypeError, "`overrides` must hold pairs"),
        ({"overrides": (("head", "ideal"),)}, TypeError, "`overrides` must be Crossbar"),
    ],
)
def test_bad_choices_are_refused(
    choice: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        wl.map_model(_network(), REAL, **choice)  # type: ignore[arg-type]


def test_an_error_lists_thirty_layers_at_most() -> None:
    network = nn.Sequential(*[nn.Linear(2, 2) for _ in range(40)]).eval()
    with pytest.raises(ValueError, match="29 and 10 more"):
        wl.map_model(network, IDEAL, only=("x",))


class Progress(wl.progress.AbstractProgress):
    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def task(self, description: str, total: int) -> object:
        import contextlib

        @contextlib.contextmanager
        def open_task():
            self.said.append((description, total))
            yield lambda units, note: self.said.append((units, note))

        return open_task()


def test_progress_counts_cells() -> None:
    progress = Progress()
    chip = wl.map_model(
        _network(), REAL, exclude=("memory",), overrides=(("head", SMALL),), progress=progress
    )
    cells = {row.name: row.cells for row in chip.report().layers}
    assert progress.said == [
        ("mapping", sum(cells.values())),
        *((count, name) for name, count in cells.items()),
    ]
