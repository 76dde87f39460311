"""Parasitics are matched to a clean accuracy: by hand on both sides of the factor that is found."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation import match_parasitics
from wordline.evaluation.match_parasitics import bisect
from wordline.models import accuracy

CROSSBAR = wl.Crossbar.preset("rethinking-16")


@pytest.fixture(scope="module")
def images() -> ImageSplit:
    return wl.load_dataset("digits").test.take(60)


@pytest.fixture(scope="module")
def software() -> nn.Module:
    return wl.load_model("digits-cnn")


def by_hand(software: nn.Module, images: ImageSplit, factor: float) -> float:
    four = CROSSBAR.wires
    wires = wl.Wires(
        driver_ohm=four.driver_ohm * factor, row_ohm=four.row_ohm * factor,
        col_ohm=four.col_ohm * factor, sense_ohm=four.sense_ohm * factor,
    )  # fmt: skip
    chips = [wl.map_model(software, replace(CROSSBAR, wires=wires), seed) for seed in (0, 3)]
    with torch.no_grad():
        right = [(chip(images.images).argmax(1) == images.labels).double().mean() for chip in chips]
    return float(sum(right) / len(right))


def test_the_target_is_met_at_the_factor_and_missed_at_the_next(software, images) -> None:
    found = match_parasitics(
        software=software, crossbar=CROSSBAR, data=images, target=0.8, factors=(0.01, 3.0),
        tolerance=0.1, seeds=(0, 3),
    )  # fmt: skip
    assert by_hand(software, images, found.factor) == pytest.approx(found.accuracy)
    assert by_hand(software, images, found.too_large) < 0.8 <= found.accuracy
    assert found.factor < found.too_large <= 1.1 * found.factor
    assert found.software == accuracy(software, images) and found.images == 60
    assert found.seeds == (0, 3) and found.fingerprint == images.fingerprint()


@pytest.mark.parametrize("edge", [0.02, 0.3, 0.7])
def test_bisection_closes_in_on_a_step(edge: float) -> None:
    tried = bisect(lambda k: 1.0 if k <= edge else 0.0, 0.5, (0.01, 1.0), 0.01)
    met = max(k for k, value in tried if value >= 0.5)
    missed = min(k for k, value in tried if value < 0.5)
    assert met <= edge < missed <= 1.01 * met
    assert len(tried) <= 2 + 9  # log(100) / log(1.01) = 463 < 2^9 intervals


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"target": 1.5}, ValueError, "`target` is 1.5, more than software itself has"),
        ({"target": 0.0}, ValueError, "`target` must be greater than 0"),
        ({"factors": 3}, TypeError, "`factors` must be a pair such as"),
        ({"factors": (0.1,)}, TypeError, "`factors` must be a pair such as"),
        ({"factors": (1.0, 0.5)}, ValueError, "`factors` must be greater than 1"),
        ({"tolerance": 0.0}, ValueError, "`tolerance` must be greater than 0"),
        ({"seeds": ()}, ValueError, "`seeds` must name at least one chip"),
        ({"seeds": 3}, ValueError, "`seeds` must name at least one chip"),
        ({"seeds": (-1,)}, ValueError, "`seeds` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"crossbar": wl.Crossbar.preset("ideal")}, ValueError, "`crossbar` has no parasitics"),
        ({"factors": (50.0, 60.0)}, ValueError, "is missed at the smallest of `factors`"),
        ({"factors": (1e-6, 2e-6)}, ValueError, "is met at the largest of `factors`"),
    ],
)
def test_what_cannot_be_matched_is_refused(software, images, changes, error, message) -> None:
    given = {"software": software, "crossbar": CROSSBAR, "data": images, "target": 0.8}
    with pytest.raises(error, match=message):
        match_parasitics(**given | changes)


@pytest.mark.parametrize("tile", [16, 32, 64])
def test_matched_presets_are_the_literal_ones_with_smaller_parasitics(tile: int) -> None:
    literal, matched = (
        wl.Crossbar.preset(f"rethinking-{kind}{tile}") for kind in ("", "matched-")
    )
    factor = matched.wires.driver_ohm / literal.wires.driver_ohm
    assert 0.05 < factor < 0.5
    assert matched == replace(literal, wires=literal.wires.scaled(factor))
