"""The description of a network in a card: enough to build it, and refused where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from wordline.models import NetworkSpec, build_model, load_model, packaged_models
from wordline.models.spec import read_spec

SPEC = NetworkSpec("digits-cnn", classes=3, side=8)


def test_a_spec_builds_the_network_that_it_describes() -> None:
    built, wanted = SPEC.build(seed=5).state_dict(), build_model("digits-cnn", 3, 8, seed=5)
    assert all(torch.equal(built[name], tensor) for name, tensor in wanted.state_dict().items())
    assert NetworkSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize("name", packaged_models())
def test_shipped_cards_describe_their_networks(name: str) -> None:
    spec = read_spec(packaged_models()[name].with_suffix(".json"))
    assert type(spec.build()) is type(load_model(name))


@pytest.mark.parametrize(
    ("card", "match"),
    [
        ({"network": {"type": "OneCycle"}}, "is damaged .*`network` must be NetworkSpec"),
        ({"architecture": "digits-cnn"}, "is damaged .'network'"),
        ([], "is damaged"),
        ({"network": {"type": "NetworkSpec", "architecture": "vgg8"}}, "is damaged .*missing"),
    ],
)
def test_damaged_cards(tmp_path: Path, card: Any, match: str) -> None:
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=f"`weights` card '.*card.json' {match}"):
        read_spec(tmp_path / "card.json")


@pytest.mark.parametrize(
    ("fields", "error", "match"),
    [
        ({"architecture": 3}, TypeError, "`architecture` must be str"),
        ({"classes": 1}, ValueError, "`classes` must be at least 2"),
        ({"side": 0}, ValueError, "`side` must be at least 1"),
    ],
)
def test_bad_specs(fields: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        NetworkSpec(**{"architecture": "digits-cnn", "classes": 10, "side": 8} | fields)
