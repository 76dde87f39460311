"""Hooks on layers: called with the layer's name, and gone afterwards."""

import pytest
import torch
from torch import nn

from wordline.hooks import forward_hooks, forward_pre_hooks


@pytest.fixture
def layers() -> dict[str, nn.Module]:
    return {"double": nn.Linear(2, 2, bias=False), "other": nn.Identity()}


def hooked(layers: dict[str, nn.Module]) -> bool:
    return any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers.values())


def test_each_call_is_seen_by_name_with_arguments_and_output(layers) -> None:
    seen = []
    x = torch.ones(1, 2)
    with forward_hooks(
        layers, lambda name, layer, given, out: seen.append((name, layer, given[0], out))
    ):
        y = layers["double"](x)
        layers["other"](y)
    assert [(name, layer) for name, layer, *_ in seen] == list(layers.items())
    assert seen[0][2] is x and seen[0][3] is y
    layers["double"](x)
    assert len(seen) == 2 and not hooked(layers)


def test_a_value_takes_the_place_of_the_output_or_of_the_arguments(layers) -> None:
    with forward_hooks({"other": layers["other"]}, lambda name, layer, given, out: out + 1):
        assert layers["other"](1) == 2

    def swap(name, layer, arguments, keywords):
        return (keywords["input"] * 3,), {}

    with forward_pre_hooks({"other": layers["other"]}, swap):
        assert layers["other"](input=2) == 6
    assert not hooked(layers)


def test_hooks_are_gone_after_an_error(layers) -> None:
    for hooks in (forward_hooks, forward_pre_hooks):
        during = []

        def fail(*_, during=during):
            during.append(hooked(layers))
            raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"), hooks(layers, fail):
            layers["other"](1)
        assert during == [True] and not hooked(layers)


def test_hooks_are_gone_where_one_cannot_be_registered(layers) -> None:
    with (
        pytest.raises(AttributeError, match="register"),
        forward_hooks({**layers, "no": None}, print),
    ):
        pass
    assert not hooked(layers)
