"""Properties of every attack: the input it refuses, and the state it leaves alone."""

import copy
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from wordline.attacks import (
    FGSM,
    MIFGSM,
    PGD,
    AbstractAttack,
    MultiTargeted,
    RandomSearch,
    RepeatedFGSM,
    WorstCase,
)

GRADIENT_ATTACKS = [
    FGSM(0.1),
    PGD(0.1, 3),
    PGD(0.5, 3, norm="l2", restarts=2, eot=2),
    PGD(0.1, 3, early_stop=True),
    MIFGSM(0.1, 3),
    RepeatedFGSM(0.1, 3),
    MultiTargeted(PGD(0.1, 3), targets=2),
    WorstCase((FGSM(0.1), PGD(0.1, 3))),
]
ATTACKS = [*GRADIENT_ATTACKS, RandomSearch(0.1, 6), RandomSearch(0.5, 6, norm="l2")]
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            torch.full((2, 3), 1.5),
            torch.zeros(2, dtype=torch.long),
            r"`images` must lie in \[0, 1\] without NaN, got 1.5",
        ),
        (
            torch.full((2, 3), -0.1),
            torch.zeros(2, dtype=torch.long),
            r"`images` must lie in \[0, 1\]",
        ),
        (
            torch.full((2, 3), torch.nan),
            torch.zeros(2, dtype=torch.long),
            r"`images` must lie in .* got nan",
        ),
        (
            torch.zeros(0, 3),
            torch.zeros(0, dtype=torch.long),
            r"`images` must be a batch .* got shape \(0, 3\)",
        ),
        (
            torch.zeros(3),
            torch.zeros(3, dtype=torch.long),
            r"`images` must be a batch .* got shape \(3,\)",
        ),
        (
            torch.zeros(2, 3, dtype=torch.uint8),
            torch.zeros(2, dtype=torch.long),
            r"`images` must be floating .*uint8",
        ),
        (
            torch.zeros(2, 3),
            torch.zeros(3, dtype=torch.long),
            r"`labels` must have shape \(2,\).* got \(3,\)",
        ),
        (
            torch.zeros(2, 3),
            torch.zeros(2, 1, dtype=torch.long),
            r"`labels` must have shape \(2,\)",
        ),
        (torch.zeros(2, 3), torch.zeros(2), r"`labels` must be integers, got torch.float32"),
        (
            torch.zeros(2, 3),
            torch.zeros(2, dtype=torch.bool),
            r"`labels` must be integers, got torch.bool",
        ),
        (torch.zeros(2, 3), torch.tensor([0, -1]), r"`labels` must not be negative, got -1"),
        (
            torch.zeros(2, 3),
            torch.tensor([0, 3]),
            r"`labels` hold class 3, but the model has only 3 logits",
        ),
        (
            torch.zeros(2, 3),
            torch.zeros(2, dtype=torch.long, device="meta"),
            r"`labels` are on meta, `images` on cpu",
        ),
    ],
)
def test_refuses_a_bad_batch(images, labels, message):
    for attack in ATTACKS:
        with pytest.raises(ValueError, match=message):
            attack(nn.Identity(), images, labels)


def test_refuses_what_is_no_tensor():
    with pytest.raises(TypeError, match="images"):
        FGSM(0.1)(nn.Identity(), [[0.5]], torch.tensor([0]))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda x: x.sum(1), r"`model` must return logits of shape \(2, classes\).* got \(2,\)"),
        (lambda x: x[:1], r"`model` must return logits of shape \(2, classes\).* got \(1, 3\)"),
        (lambda x: x[:, :1], r"at least two classes, got \(2, 1\)"),
        (lambda x: x.detach(), r"`model` gives no gradient with respect to the images"),
        (
            lambda x: torch.ones(2, 3, requires_grad=True),
            r"`model` gives no gradient with respect to the images",
        ),
        (lambda x: x * torch.nan, r"`model` has a gradient with NaN or infinity for 2 of 2 images"),
        (
            lambda x: (x - 0.5).sqrt() + x,
            r"`model` has a gradient with NaN or infinity for \d of 2 images",
        ),
    ],
)
@pytest.mark.parametrize("attack", GRADIENT_ATTACKS, ids=repr)
def test_refuses_a_bad_model(attack, model, message):
    with pytest.raises(ValueError, match=message):
        attack(model, torch.full((2, 3), 0.5), torch.tensor([0, 1]))


def test_refuses_to_hand_out_what_is_no_image():
    @dataclass(frozen=True)
    class Brighten(AbstractAttack):
        eps: float = 0.6
        norm = "linf"

        def perturb(self, model, images, labels, generator):
            return images + self.eps * labels.reshape(-1, 1)

    with pytest.raises(ValueError, match=r"Brighten left \[0, 1\] in 1 of 2 images"):
        Brighten()(nn.Identity(), torch.full((2, 3), 0.5), torch.tensor([0, 1]))


def test_refuses_logits_that_are_no_tensor():
    with pytest.raises(TypeError, match="`model` must return a tensor of logits, got tuple"):
        FGSM(0.1)(lambda x: (x, x), torch.zeros(2, 3), torch.tensor([0, 1]))


def test_refuses_a_generator_elsewhere(monkeypatch):
    class Elsewhere(torch.Generator):
        device = torch.device("cuda")

    with pytest.raises(ValueError, match="`generator` must live on the CPU, got cuda"):
        FGSM(0.1)(nn.Identity(), torch.zeros(2, 3), torch.tensor([0, 1]), generator=Elsewhere())


@every_attack
@pytest.mark.parametrize("training", [False, True])
def test_nothing_of_the_model_is_touched(attack, cnn, batch, training):
    images, labels = batch
    cnn.train(training)
    if training:
        cnn[
            1
        ].track_running_stats = False  # the one thing a forward in training mode does by itself
    cnn[0].weight.requires_grad_(False)
    cnn[7].bias.grad = torch.full((5,), 7.0)
    for parameter in cnn.parameters():
        if parameter.requires_grad:
            parameter.register_hook(
                lambda gradient: pytest.fail("a parameter's gradient was computed")
            )
    state, flags = copy.deepcopy(cnn.state_dict()), [p.requires_grad for p in cnn.parameters()]
    global_state, clean = torch.get_rng_state(), images.clone()

    adversarial = attack(cnn, images, labels)

    assert adversarial.shape == images.shape
    assert adversarial.dtype == images.dtype
    assert not adversarial.requires_grad
    assert adversarial.data_ptr() != images.data_ptr()
    assert torch.equal(images, clean)
    assert all(torch.equal(value, state[name]) for name, value in cnn.state_dict().items())
    assert flags == [p.requires_grad for p in cnn.parameters()]
    assert all(p.grad is None for name, p in cnn.named_parameters() if name != "7.bias")
    assert cnn[7].bias.grad.eq(7).all()
    assert all(module.training is training for module in cnn.modules())
    assert torch.equal(torch.get_rng_state(), global_state)


@every_attack
def test_works_where_the_caller_records_no_gradient(attack, cnn, batch):
    images, labels = batch
    expected = attack(cnn, images, labels)
    with torch.no_grad():
        assert torch.equal(attack(cnn, images, labels), expected)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        inside = attack(cnn, images * 1.0, labels + 0)  # inference tensors themselves
    assert torch.equal(inside, expected)
    assert torch.is_grad_enabled()
    assert torch.equal(attack(cnn, images.clone().requires_grad_(), labels.int()), expected)


@every_attack
def test_double_precision(attack, cnn, batch):
    images, labels = batch
    adversarial = attack(cnn.double(), images.double(), labels)
    assert adversarial.dtype == torch.float64


def motionless(attack):
    if isinstance(attack, MultiTargeted):
        return replace(attack, attack=motionless(attack.attack))
    if isinstance(attack, WorstCase):
        return WorstCase(tuple(map(motionless, attack.attacks)))
    return replace(attack, eps=0.0)


@every_attack
def test_eps_zero_returns_the_images(attack, cnn, batch):
    images, labels = batch
    adversarial = motionless(attack)(cnn, images, labels)
    assert torch.equal(adversarial, images)
    assert adversarial.data_ptr() != images.data_ptr()


@every_attack
def test_seeds_reproduce(attack, cnn, batch):
    images, labels = batch
    one, two = (
        attack(cnn, images, labels, generator=torch.Generator().manual_seed(4)) for _ in range(2)
    )
    assert torch.equal(one, two)
    default, zero = (
        attack(cnn, images, labels),
        attack(cnn, images, labels, generator=torch.Generator().manual_seed(0)),
    )
    assert torch.equal(default, zero)


def test_random_starts_differ_between_seeds_and_advance_the_generator(cnn, batch):
    images, labels = batch
    generator = torch.Generator().manual_seed(4)
    attack = PGD(0.1, 1)
    one, two = (attack(cnn, images, labels, generator=generator) for _ in range(2))
    assert not torch.equal(one, two)


@every_attack
def test_json_round_trip(attack):
    again = AbstractAttack.from_json(attack.to_json())
    assert again == attack
    assert type(again) is type(attack)
    assert hash(again) == hash(attack)


def test_an_attack_without_a_perturb_cannot_be_made():
    class Unfinished(AbstractAttack):
        eps = 0.1
        norm = "linf"

    with pytest.raises(TypeError, match="perturb"):
        Unfinished()
