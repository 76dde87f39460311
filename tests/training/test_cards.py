from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from wordline.models import NetworkSpec
from wordline.training import Card, Milestones, Recipe, read_card

CARD = Card(
    network=NetworkSpec("resnet10", classes=10, side=32), data="cifar10",
    recipe=Recipe(epochs=2, schedule=Milestones()), seed=1, train_fingerprint="a",
    test_fingerprint="b", test_accuracy=0.5, test_images=100, minutes=1.5,
    versions={"torch": "2"}, command="wordline train resnet10",
)  # fmt: skip


def test_round_trip(tmp_path: Path) -> None:
    CARD.write(tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == CARD
    assert Card.from_json(CARD.to_json()) == CARD and hash(CARD) == hash(
        Card.from_json(CARD.to_json())
    )
    assert len((tmp_path / "card.json").read_text().splitlines()) > 10  # for people too


def test_a_missing_card(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"`weights` needs its card .*none.json' beside it \(No such file.*factory"
    ):
        read_card(tmp_path / "none.json")


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(CARD.to_json()) | fields)


def changed_network(**fields: Any) -> str:
    return changed(network=json.loads(CARD.network.to_json()) | fields)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"{", r"card '.*' is damaged \(`text` is not JSON"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"[]", "holds a tuple, not a Card"),
        (b'{"type": "Recipe", "epochs": 1}', "holds a Recipe, not a Card"),
        (b'{"type": "Card"}', "is damaged .*missing"),
        (changed(extra=1).encode(), "`extra` is not a field of Card"),
        (changed_network(classes="ten").encode(), "`classes` must be a whole number"),
        (changed_network(side=0).encode(), "`side` must be at least 1"),
        (changed(test_accuracy=98.2).encode(), "`test_accuracy` must be at most 1"),
        (changed(test_images=0).encode(), "`test_images` must be at least 1"),
        (changed(network=None).encode(), "`network` must be NetworkSpec"),
        (changed(best_epoch=-1).encode(), "`best_epoch` must be at least 0"),
        (changed(recipe=None).encode(), "`recipe` must be Recipe"),
        (changed(versions=None).encode(), "`versions` must be dict"),
        (changed_network(architecture=3).encode(), "`architecture` must be str"),
    ],
)
def test_damaged_cards(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(ValueError, match=match):
        read_card(tmp_path / "card.json")


def test_a_bad_card_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="`classes` must be at least 2"):
        dataclasses.replace(CARD, network=dataclasses.replace(CARD.network, classes=1))
