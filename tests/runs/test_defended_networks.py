"""A network with a defence is another network, and images of few bits are other images."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

import wordline as wl
from wordline.evaluation import identify
from wordline.runs import (
    EvaluationCell,
    FewBitImages,
    FewBitPixels,
    HybridPrecision,
    Images,
    NamedNetwork,
    PretrainedNetwork,
    Store,
    quanos_on,
)
from wordline.runs.cell import AbstractCell
from wordline.runs.threads import fixed_threads

BARE = PretrainedNetwork("digits-cnn")
IMAGES = Images("digits", limit=6)
CELL = EvaluationCell(
    setting="HH",
    network=BARE,
    images=IMAGES,
    attack=wl.FGSM(eps=0.1),
    crossbar=wl.Crossbar.preset("rethinking-16"),
)
NETWORKS = (
    FewBitPixels(BARE, 2),
    FewBitPixels(BARE, 4),
    quanos_on(BARE, "digits", 20),
    NamedNetwork(BARE, "a"),
    NamedNetwork(BARE, "b"),
)


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


def test_every_network_has_a_key_and_a_name_of_its_own(store: Store) -> None:
    cells = [
        dataclasses.replace(CELL, network=network).pinned(store) for network in (BARE, *NETWORKS)
    ]
    assert len({cell.key for cell in cells}) == len(cells)
    assert [cell.network.content.network for cell in cells] == [
        "DigitsCNN",
        "DigitsCNN behind 2-bit pixels",
        "DigitsCNN behind 4-bit pixels",
        "DigitsCNN of 5 bits (QUANOS)",
        "a",
        "b",
    ]
    assert {cell.network.content.gradient for cell in cells[1:4]} == {"straight-through"}
    for cell in cells:
        assert AbstractCell.from_json(cell.to_json()) == cell


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: type(n).__name__)
def test_a_chip_keeps_the_name_and_is_that_of_map_model(network: Any, store: Store) -> None:
    cell = dataclasses.replace(CELL, network=network).pinned(store)
    record = cell.run(store)
    assert record.victim.network == record.source.network == cell.network.content.network
    by_hand = wl.map_model(network.load(store), CELL.crossbar, 0)
    assert identify(by_hand) == record.victim


def test_a_name_changes_nothing_else(store: Store) -> None:
    named, bare = (
        dataclasses.replace(CELL, network=n).pinned(store).run(store)
        for n in (NamedNetwork(BARE, "a"), BARE)
    )
    assert (named.clean, named.adversarial) == (bare.clean, bare.adversarial)
    assert named.victim.weights == bare.victim.weights
    assert identify(BARE.load(store)).network == "DigitsCNN"  # the bare one was not renamed


def test_quanos_is_the_same_with_any_number_of_threads() -> None:
    found = []
    for threads in (1, 2):
        with fixed_threads(threads):
            found.append(quanos_on(BARE, "digits", 20).pinned(Store()).content)
    assert found[0] == found[1]
    assert (
        HybridPrecision(BARE, IMAGES, rule=wl.BitRule(mean_bits=3)).pinned(Store()).content
        != found[0]
    )


def test_images_of_few_bits(store: Store) -> None:
    few = FewBitImages("digits", limit=6, bits=2)
    assert torch.equal(few.load(store).images, wl.discretise(IMAGES.load(store).images, 2))
    all_images = IMAGES, few, dataclasses.replace(few, bits=3), dataclasses.replace(few, bits=24)
    keys = {dataclasses.replace(CELL, images=images).pinned(store).key for images in all_images}
    assert len(keys) == 4
    record = dataclasses.replace(CELL, images=few).pinned(store).run(store)
    assert record.data == few.title == "digits, 2-bit pixels"


def test_bytes_of_eight_bits_are_still_a_row_of_their_own(store: Store) -> None:
    """The pixels are the same, so that only the name can tell the keys apart."""
    pinned = dataclasses.replace(CELL, images=IMAGES).pinned(store)
    same = FewBitImages("digits", limit=6, bits=8, fingerprint=pinned.images.fingerprint, count=6)
    assert dataclasses.replace(pinned, images=same).key != pinned.key


def test_impossible_ones_are_refused() -> None:
    for bits in (0, 25):
        with pytest.raises(ValueError, match="`bits` must be at "):
            FewBitImages("digits", bits=bits)
        with pytest.raises(ValueError, match="`bits` must be at "):
            FewBitPixels(BARE, bits)
    with pytest.raises(ValueError, match="`name` is empty; say what the network is called"):
        NamedNetwork(BARE, "")
    for make in (
        lambda n: FewBitPixels(n, 4),
        lambda n: NamedNetwork(n, "x"),
        lambda n: HybridPrecision(n, IMAGES),
    ):
        with pytest.raises(TypeError, match="`network` must be AbstractNetwork"):
            make("digits-cnn")
