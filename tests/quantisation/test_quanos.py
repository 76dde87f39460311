"""The rule that turns sensitivities into bits, and the whole of QUANOS on digits."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.quantisation import BitRule, assign_bits, quanos, quantised_as, quantised_layers
from wordline.records import BitAssignment, NoiseSensitivity

ATTACK = wl.FGSM(eps=0.1)
FELT = st.lists(st.floats(0, 10, width=32), min_size=1, max_size=8)
BUDGETS = st.floats(2, 9)


def named(values: list[float]) -> tuple[tuple[str, float], ...]:
    return tuple((f"layer{place}", value) for place, value in enumerate(values))


def assign(*layers: tuple[str, int]) -> BitAssignment:
    return BitAssignment(layers, found([1]), BitRule())


def found(values: list[float]) -> NoiseSensitivity:
    return NoiseSensitivity(named(values), ATTACK, "digits", "", 10)


@given(FELT, BUDGETS)
def test_more_sensitive_layers_never_get_more_bits_and_the_budget_holds(
    values: list[float], budget: float
) -> None:
    bits = [count for _, count in BitRule(mean_bits=budget, ends=0).bits(named(values))]
    assert set(bits) <= {2, 4, 6, 8}
    assert sum(bits) / len(bits) <= budget + 1e-9
    for (a, more), (b, fewer) in itertools.permutations(zip(values, bits, strict=True), 2):
        assert not (a > b and more > fewer)
    # the last step was needed: giving it back to the layer that felt least would break the budget
    assert all(count == 8 for count in bits) or sum(bits) + 2 > budget * len(bits) - 1e-9


@given(FELT, BUDGETS, st.floats(0.1, 100))
def test_a_common_scale_drops_out(values: list[float], budget: float, scale: float) -> None:
    rule = BitRule(mean_bits=budget)
    once = rule.bits(named([round(value, 3) for value in values]))
    assert (
        rule.bits(named([round(value, 3) * 2.0 ** round(scale / 10) for value in values])) == once
    )


def test_the_rule_by_hand() -> None:
    # 8 8 8, mean 8 > 6: products 1.6 3.2 6.4: c to 6; 1.6 3.2 4.8: c to 4;
    # mean 6.67: 1.6 3.2 3.2: b, which has more bits
    assert BitRule(mean_bits=6, ends=0).bits((("a", 0.2), ("b", 0.4), ("c", 0.8))) == (
        ("a", 8),
        ("b", 6),
        ("c", 4),
    )
    assert BitRule(mean_bits=8).bits(named([1, 2, 3])) == (
        ("layer0", 8),
        ("layer1", 8),
        ("layer2", 8),
    )
    assert BitRule(mean_bits=2, ends=0).bits(named([0, 0, 0])) == (
        ("layer0", 2),
        ("layer1", 2),
        ("layer2", 2),
    )
    assert BitRule((3, 5), mean_bits=3, ends=6).bits(named([1, 2, 3])) == (
        ("layer0", 6),
        ("layer1", 3),
        ("layer2", 6),
    )
    assert BitRule(mean_bits=2, ends=8).bits(named([1, 2])) == (("layer0", 8), ("layer1", 8))
    assert BitRule(mean_bits=2, ends=8).bits(named([1])) == (("layer0", 8),)


def test_an_assignment_prints_and_goes_through_json() -> None:
    assignment = assign_bits(found([0.1, 0.3, 0.2, 0.4]), BitRule(mean_bits=4))
    assert BitAssignment.from_json(assignment.to_json()) == assignment
    assert (
        assignment.bits == {"layer0": 8, "layer1": 4, "layer2": 4, "layer3": 8}
        and assignment.mean == 6
    )
    lines = [line.split() for line in str(assignment).splitlines()]
    assert lines[0] == ["layer", "ANS", "bits"] and lines[3] == ["layer1", "0.300", "4"]


@pytest.fixture(scope="module")
def software() -> nn.Module:
    return wl.load_model("digits-cnn")


@pytest.fixture(scope="module")
def train_images() -> ImageSplit:
    return wl.load_dataset("digits").train.take(200)


def test_quanos_measures_assigns_and_quantises(
    software: nn.Module, train_images: ImageSplit
) -> None:
    small, assignment = quanos(
        software, train_images, attack=ATTACK, rule=BitRule(mean_bits=5), limit=100
    )
    assert assignment.sensitivity.images == 100 and assignment.sensitivity.attack == ATTACK
    assert list(assignment.bits) == ["conv1", "conv2", "fc1", "fc2"]
    felt = dict(assignment.sensitivity.layers)
    assert felt["fc1"] > felt["conv2"]  # measured on these weights: hence
    assert assignment.bits == {"conv1": 8, "conv2": 6, "fc1": 4, "fc2": 8}
    layers = quantised_layers(small)
    assert {name: (layer.bits, layer.inputs.bits) for name, layer in layers.items()} == {
        name: (bits, bits) for name, bits in assignment.bits.items()
    }
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    assert torch.equal(
        quantised_as(software, assignment, train_images.take(100))(images), small(images)
    )
    weights, _ = quanos(software, train_images, attack=ATTACK, limit=50, activations=False)
    assert all(
        isinstance(layer.inputs, nn.Identity) for layer in quantised_layers(weights).values()
    )
    test = wl.load_dataset("digits").test.take(200)
    before, after = (wl.models.accuracy(model, test) for model in (software, small))
    assert after > before - 0.05


def test_mistakes_are_answered_in_words(software: nn.Module, train_images: ImageSplit) -> None:
    for make, kind, message in (
        (lambda: BitRule(choices=[2, 4]), TypeError, r"`choices` must be a tuple of bits such as"),
        (lambda: BitRule(choices=()), TypeError, r"`choices` must be a tuple of bits such as"),
        (lambda: BitRule(choices=(1, 4)), ValueError, "`choices` must be at least 2, got 1"),
        (lambda: BitRule(choices=(4, 32)), ValueError, "`choices` must be at most 16, got 32"),
        (lambda: BitRule(choices=(4, 2)), ValueError, "`choices` must increase"),
        (lambda: BitRule(mean_bits=1.5), ValueError, "`mean_bits` must be at least 2"),
        (lambda: BitRule(ends=1), ValueError, "`ends` must be at least 2, or 0"),
        (lambda: BitRule(ends=-1), ValueError, "`ends` must be at least 0"),
        (lambda: assign_bits("ANS"), TypeError, "`sensitivity` must be NoiseSensitivity"),
        (lambda: assign_bits(found([1]), 4), TypeError, "`rule` must be BitRule"),
        (lambda: assign(("b", 4)), ValueError, "`layers` must name the layers of"),
        (lambda: assign(("layer0", 1)), ValueError, "`layers` must be at least 2"),
        (lambda: assign(("layer0", 17)), ValueError, "`layers` must be at most 16, got 17"),
        (
            lambda: quanos(software, train_images, activations=4),
            TypeError,
            "`activations` must be bool",
        ),
    ):  # fmt: skip
        with pytest.raises(kind, match=message):
            make()
