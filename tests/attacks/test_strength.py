"""Attacks on models whose nearest adversarial image is known: each must succeed exactly beyond that
distance.

For logits W x + b the margin to class i falls by at most eps ||w_i - w_y||_* (the dual norm: L1 for
Linf, L2 for L2), so the nearest adversarial image lies at min_i (z_y - z_i) / ||w_i - w_y||_*,
where the box does not bind.
"""

import dataclasses

import pytest
import torch

from wordline.attacks import FGSM, MIFGSM, PGD, MultiTargeted, WorstCase
from wordline.attacks.balls import ball

DUAL = {"linf": 1, "l2": 2}


def nearest(model, images, labels, norm):
    logits = model(images)
    lead = logits.gather(1, labels.unsqueeze(1)) - logits
    apart = torch.linalg.vector_norm(
        model.weight - model.weight[labels].unsqueeze(1), ord=DUAL[norm], dim=2
    )
    return torch.where(apart > 0, lead / apart, torch.inf).min(1).values


def is_exact(attack_at, model, images, norm, sharpness=1e-3):
    """Tell if the attack breaks every image just beyond its own distance and none just before."""
    labels = model(images).argmax(1)
    distances = nearest(model, images, labels, norm)
    for image, label, distance in zip(images, labels, distances, strict=True):
        one, target = image.unsqueeze(0), label.unsqueeze(0)
        beyond = attack_at(float(distance) * (1 + sharpness))(model, one, target)
        before = attack_at(float(distance) * (1 - sharpness))(model, one, target)
        if model(beyond).argmax(1).eq(target).any() or model(before).argmax(1).ne(target).any():
            return False
    return True


def scaled(attack):
    """The attack at any eps; its steps a quarter of it, so that the direction of a random start is
    forgotten.
    """

    def attack_at(eps):
        if isinstance(attack, MultiTargeted):
            return dataclasses.replace(attack, attack=scaled(attack.attack)(eps))
        steps = {} if isinstance(attack, FGSM) else {"step_size": eps / 4}
        return dataclasses.replace(attack, eps=eps, **steps)

    return attack_at


FROM_THE_IMAGE = [
    FGSM(0.0),
    FGSM(0.0, loss="dlr"),
    PGD(0.0, 5, random_start=False),
    PGD(0.0, 5, random_start=False, keep="last", early_stop=True),
    MIFGSM(0.0, 5),
    PGD(0.0, 5, random_start=False, norm="l2"),
    PGD(0.0, 40, random_start=False, norm="l2", loss="dlr"),
    PGD(0.0, 5, random_start=False, norm="l2", early_stop=True),
]
FROM_ANYWHERE = [
    PGD(0.0, 10),
    PGD(0.0, 10, loss="cross-entropy", keep="last", restarts=2),
    PGD(0.0, 10, early_stop=True),
    PGD(0.0, 40, norm="l2"),
    PGD(0.0, 40, norm="l2", keep="last", early_stop=True),
]


@pytest.mark.parametrize("attack", FROM_THE_IMAGE, ids=repr)
def test_ten_classes_fall_exactly_beyond_the_nearest_adversarial(
    attack, equidistant, middle_images
):
    assert is_exact(scaled(attack), equidistant, middle_images[:6], attack.norm)


@pytest.mark.parametrize("attack", FROM_ANYWHERE, ids=repr)
def test_two_classes_fall_exactly_beyond_the_nearest_adversarial(
    attack, two_classes, middle_images
):
    assert is_exact(scaled(attack), two_classes, middle_images[:4], attack.norm)


MULTI_TARGETED = [
    MultiTargeted(PGD(0.0, 12)),
    MultiTargeted(PGD(0.0, 5, random_start=False)),
    MultiTargeted(PGD(0.0, 12, early_stop=True)),
    MultiTargeted(PGD(0.0, 40, norm="l2")),
    MultiTargeted(PGD(0.0, 40, norm="l2", loss="dlr", random_start=False), targets=4),
]


@pytest.mark.parametrize("attack", MULTI_TARGETED, ids=repr)
def test_aimed_at_every_class_it_is_exact_wherever_it_starts(attack, unequal, middle_images):
    assert is_exact(scaled(attack), unequal, middle_images[:3], attack.norm)


def test_untargeted_ascent_alone_is_not_exact_there(unequal, middle_images):
    assert not is_exact(
        scaled(PGD(0.0, 12, random_start=False)), unequal, middle_images[:15], "linf"
    )


def test_worst_case_of_a_weak_and_a_strong_attack_is_as_exact_as_the_strong(
    two_classes, middle_images
):
    def attack_at(eps):
        return WorstCase((FGSM(eps / 2), scaled(PGD(0.0, 10))(eps)))

    assert is_exact(attack_at, two_classes, middle_images[:4], "linf")


def descending(eps):
    """FGSM with the wrong sign."""

    def attack(model, images, labels):
        return (2 * images - FGSM(eps)(model, images, labels)).clamp(0, 1)

    return attack


def one_step_short(norm):
    """PGD whose steps add up to eps, but for the last one, which is left out."""

    def attack_at(eps):
        return PGD(eps, 4, eps / 5, norm=norm, random_start=False)

    return attack_at


def complete(norm):
    def attack_at(eps):
        return PGD(eps, 5, eps / 5 * (1 + 1e-9), norm=norm, random_start=False)

    return attack_at


def sign_of_l2(eps):
    """A Linf step squeezed into the L2 ball: valid, but not steepest there."""

    def attack(model, images, labels):
        return ball("l2", images, eps).project(FGSM(1.0)(model, images, labels))

    return attack


def test_the_measure_tells_a_broken_attack(equidistant, middle_images):
    images = middle_images[:6]
    assert not is_exact(descending, equidistant, images, "linf")
    for norm in ("linf", "l2"):
        assert is_exact(complete(norm), equidistant, images, norm)
        assert not is_exact(one_step_short(norm), equidistant, images, norm)
    assert not is_exact(sign_of_l2, equidistant, images, "l2")


def test_the_box_counts(equidistant):
    """A pixel at 0 cannot go lower: the reachable gain is the sum over the pixels that may move."""
    images = torch.zeros(1, 16, dtype=torch.float64)
    images[0, ::2] = 1.0
    labels = equidistant(images).argmax(1)
    adversarial = PGD(0.5, 10, random_start=False)(equidistant, images, labels)
    best = -torch.inf
    for rival in range(10):
        towards = equidistant.weight[rival] - equidistant.weight[labels[0]]
        free = torch.where(towards > 0, (1 - images[0]).clamp_max(0.5), images[0].clamp_max(0.5))
        start = (images[0] * towards).sum()
        best = max(
            best, float(start + (towards.abs() * free).sum()) if rival != labels[0] else -torch.inf
        )
    logits = equidistant(adversarial)[0]
    rivals = logits.index_fill(0, labels, -torch.inf)
    assert float(rivals.max() - logits[labels[0]]) == pytest.approx(best)
