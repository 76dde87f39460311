"""Attacks run by other people's code: same images as by hand, and no trace left behind."""

import builtins
import copy
import logging
import sys

import pytest
import torch

from wordline.attacks import APGD, FAB, AbstractAttack, AutoAttack, HopSkipJump, Square, distance
from wordline.attacks.library_adapter import seed_of

pyautoattack = pytest.importorskip("pyautoattack")
pytest.importorskip("foolbox")

ATTACKS = [
    APGD(0.02, steps=8),
    APGD(0.02, steps=8, loss="dlr", restarts=2),
    APGD(0.3, steps=8, loss="targeted-dlr", norm="l2"),
    FAB(0.02, steps=5),
    FAB(0.3, steps=3, targeted=False, norm="l2", restarts=2),
    Square(0.03, queries=60),
    Square(0.6, queries=60, norm="l2"),
    HopSkipJump(0.05, norm="linf", steps=2, evaluations=20),
    HopSkipJump(0.5, norm="l2", steps=2, evaluations=20),
]
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@every_attack
def test_breaks_something_within_the_ball(attack, cnn, own):
    images, labels = own
    adversarial = attack(cnn, images, labels, generator=seeded())
    assert (cnn(adversarial).argmax(1) != labels).any()
    assert (distance(images, adversarial, attack.norm) <= attack.eps + 1e-6).all()
    assert torch.equal(adversarial, attack(cnn, images, labels, generator=seeded()))


@every_attack
def test_leaves_no_trace(attack, cnn, own):
    leaves_no_trace(attack, cnn, *own)


def test_autoattack_leaves_no_trace(cnn, own):
    leaves_no_trace(
        AutoAttack(0.3), cnn, own[0][:3], own[1][:3]
    )  # the one that sets a tracer of its own


def leaves_no_trace(attack, cnn, images, labels):
    for parameter in cnn.parameters():
        parameter.register_hook(lambda gradient: pytest.fail("a parameter's gradient was computed"))
    cnn[7].bias.grad = torch.full((5,), 7.0)
    state, random_state, root = (
        copy.deepcopy(cnn.state_dict()),
        torch.get_rng_state(),
        list(logging.root.handlers),
    )

    def tracer(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        attack(cnn, images, labels)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert logging.root.handlers == root
    assert all(torch.equal(value, state[name]) for name, value in cnn.state_dict().items())
    assert all(p.requires_grad and (p.grad is None or p is cnn[7].bias) for p in cnn.parameters())
    assert cnn[7].bias.grad.eq(7).all()
    assert not cnn.training


@every_attack
def test_double_precision_and_memory_order_are_the_callers(attack, cnn, own):
    images, labels = own
    images = images.double().to(memory_format=torch.channels_last)
    adversarial = attack(cnn.double(), images, labels)
    assert adversarial.dtype == torch.float64
    unmoved = (adversarial == images).flatten(1).all(1)
    assert not unmoved.all()
    assert (distance(images, adversarial, attack.norm) <= attack.eps + 1e-12).all()


@every_attack
def test_refuses_a_stochastic_model(attack, cnn, own):
    images, labels = own
    noise = seeded()

    def noisy(x):
        return cnn(x) + 1e-6 * torch.randn(len(x), 5, generator=noise)

    with pytest.raises(
        ValueError,
        match=rf"`model` gives two different answers .* {type(attack).__name__} is wrong",
    ):
        attack(noisy, images, labels)


@every_attack
def test_json_round_trip_and_eps_zero(attack, cnn, own):
    assert AbstractAttack.from_json(attack.to_json()) == attack
    images, labels = own
    assert torch.equal(type(attack)(**{**vars(attack), "eps": 0.0})(cnn, images, labels), images)


@every_attack
def test_says_how_to_get_the_package(attack, cnn, own, monkeypatch):
    original = builtins.__import__
    for name in [name for name in sys.modules if name.split(".")[0] in ("pyautoattack", "foolbox")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", original)
    extra = "foolbox" if isinstance(attack, HopSkipJump) else r"wordline\[autoattack\]"
    with pytest.raises(ImportError, match=rf"{type(attack).__name__} needs .*pip install {extra}"):
        attack(cnn, *own)


def test_a_fresh_generator_hands_over_its_seed_and_a_used_one_draws():
    generator = seeded(11)
    assert seed_of(generator) == 11
    later = [seed_of(generator) for _ in range(3)]
    assert len(set(later)) == 3
    again = seeded(11)
    seed_of(again)
    assert [seed_of(again) for _ in range(3)] == later


def test_features_without_height_and_width_suit_the_others(two_classes, middle_images):
    images = middle_images.flatten(1).float()
    two_classes.weight, two_classes.bias = two_classes.weight.float(), two_classes.bias.float()
    labels = two_classes(images).argmax(1)
    for attack in (APGD(0.3, steps=20), FAB(0.3, steps=20), HopSkipJump(0.3, "linf", steps=5)):
        assert (two_classes(attack(two_classes, images, labels)).argmax(1) != labels).all()


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "message"),
    [
        (APGD, {"eps": -1.0}, ValueError, "`eps`"),
        (APGD, {"steps": 0}, ValueError, "`steps`"),
        (
            APGD,
            {"loss": "margin"},
            ValueError,
            "`loss` must be one of 'cross-entropy', 'dlr', 'targeted-dlr'",
        ),
        (APGD, {"restarts": 0}, ValueError, "`restarts`"),
        (APGD, {"norm": "l1"}, ValueError, "`norm`"),
        (FAB, {"eps": -1.0}, ValueError, "`eps`"),
        (FAB, {"steps": 0}, ValueError, "`steps`"),
        (FAB, {"restarts": 0}, ValueError, "`restarts`"),
        (FAB, {"targeted": 1}, TypeError, "targeted"),
        (FAB, {"norm": "l1"}, ValueError, "`norm`"),
        (Square, {"eps": -1.0}, ValueError, "`eps`"),
        (Square, {"queries": 0}, ValueError, "`queries`"),
        (Square, {"restarts": 0}, ValueError, "`restarts`"),
        (Square, {"norm": "l1"}, ValueError, "`norm`"),
        (AutoAttack, {"eps": -1.0}, ValueError, "`eps`"),
        (AutoAttack, {"norm": "l1"}, ValueError, "`norm`"),
        (
            AutoAttack,
            {"version": "rand"},
            ValueError,
            "`version` must be one of 'standard', 'plus', got 'rand'",
        ),
        (HopSkipJump, {"eps": -1.0}, ValueError, "`eps`"),
        (HopSkipJump, {"norm": "l1"}, ValueError, "`norm`"),
        (HopSkipJump, {"steps": 0}, ValueError, "`steps`"),
        (HopSkipJump, {"evaluations": 0}, ValueError, "`evaluations`"),
    ],
)
def test_refuses(kind, arguments, error, message):
    with pytest.raises(error, match=message):
        kind(**{"eps": 0.1, **arguments})
