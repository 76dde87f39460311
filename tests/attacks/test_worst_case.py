"""Attacks made of other attacks, and the one made of chance."""

from dataclasses import dataclass

import pytest
import torch

from wordline.attacks import (
    FGSM,
    PGD,
    AbstractAttack,
    MultiTargeted,
    RandomSearch,
    Targeted,
    WorstCase,
    distance,
)
from wordline.attacks.losses import margin


@dataclass(frozen=True)
class Shift(AbstractAttack):
    """Adds eps to the pixels, and remembers how many images it was given."""

    eps: float
    norm = "linf"
    given = []  # noqa: RUF012  # of the class, for the test alone

    def perturb(self, model, images, labels, generator):
        Shift.given.append(len(images))
        return (images + self.eps).clamp(0, 1)


def bright_is_one(images):
    return torch.cat([torch.full_like(images[:, :1], 0.5), images[:, :1]], 1)


def test_first_success_is_kept_and_later_attacks_see_only_survivors():
    images, labels = torch.tensor([[0.45], [0.35], [0.05], [0.9]]), torch.tensor([0, 0, 0, 1])
    Shift.given.clear()
    adversarial = WorstCase((Shift(0.1), Shift(0.2), Shift(0.3)))(bright_is_one, images, labels)
    # the last image is of class 1, and every shift is worse for the attack: the least bad is kept
    torch.testing.assert_close(adversarial, torch.tensor([[0.55], [0.55], [0.35], [1.0]]))
    assert Shift.given == [4, 3, 2]


def test_among_failures_the_largest_margin_wins_and_the_clean_image_does_not_count():
    images, labels = torch.tensor([[0.9]]), torch.tensor([1])
    adversarial = WorstCase((Shift(0.05), Shift(0.01), Shift(0.03)))(bright_is_one, images, labels)
    torch.testing.assert_close(adversarial, torch.tensor([[0.91]]))


def test_never_weaker_than_any_of_its_attacks(cnn, own):
    images, labels = own
    attacks = (
        FGSM(0.01),
        PGD(0.01, 3, loss="cross-entropy", random_start=False),
        RandomSearch(0.01, 5),
    )
    together = cnn(WorstCase(attacks)(cnn, images, labels)).argmax(1) != labels
    for attack in attacks[:2]:
        alone = cnn(attack(cnn, images, labels)).argmax(1) != labels
        assert (together | ~alone).all()
    assert together.any()


def test_worst_case_knows_radius_and_norm_and_survives_json():
    attack = WorstCase((FGSM(0.1), WorstCase((PGD(0.2), RandomSearch(0.1)))))
    assert (attack.eps, attack.norm) == (0.2, "linf")
    assert AbstractAttack.from_json(attack.to_json()) == attack


@pytest.mark.parametrize(
    ("attacks", "error", "message"),
    [
        ((), ValueError, r"`attacks` must hold at least one attack, got \(\)"),
        ([FGSM(0.1)], TypeError, "attacks"),
        (("fgsm",), TypeError, "attacks"),
        (
            (FGSM(0.1), PGD(0.1, norm="l2")),
            ValueError,
            "`attacks` must share one norm, got l2 and linf",
        ),
    ],
)
def test_worst_case_refuses(attacks, error, message):
    with pytest.raises(error, match=message):
        WorstCase(attacks)


def concave(images):
    """From 0.5 the untargeted gradient leads to class 1, which never quite wins; class 2 does, if
    aimed at.
    """
    x = images[:, :1]
    return torch.cat([torch.zeros_like(x), 0.3 - x - 0.85, (x - 0.5) * 10 - 3], 1)


def test_multi_targeted_finds_what_untargeted_ascent_misses():
    images, labels = torch.tensor([[0.4]], dtype=torch.float64), torch.tensor([0])
    plain = PGD(0.5, 20, random_start=False)
    assert concave(plain(concave, images, labels)).argmax(1).item() == 0
    assert concave(MultiTargeted(plain)(concave, images, labels)).argmax(1).item() == 2
    for loss in ("cross-entropy", "dlr"):
        targeted = MultiTargeted(
            PGD(0.5, 20, random_start=False, loss=loss, keep="last"), targets=2
        )
        if loss == "dlr":
            with pytest.raises(ValueError, match="needs at least 4 classes, got 3"):
                targeted(concave, images, labels)
        else:
            assert concave(targeted(concave, images, labels)).argmax(1).item() == 2


def test_multi_targeted_stops_at_the_number_of_targets_and_of_classes(cnn, own):
    images, labels = own
    inner = PGD(1e-5, 2, random_start=False)  # too weak to break anything, so every target is tried
    calls = []

    def counted(x):
        calls.append(len(x))
        return cnn(x)

    for targets, runs in ((1, 1), (3, 3), (9, 4)):
        calls.clear()
        MultiTargeted(inner, targets=targets)(counted, images, labels)
        assert len(calls) == 1 + runs * (
            2 + 1 + 1
        )  # ranking; then steps, last loss and verdict for every target


def test_multi_targeted_round_trip_and_refusals():
    attack = MultiTargeted(PGD(0.1, norm="l2"), targets=4)
    assert AbstractAttack.from_json(attack.to_json()) == attack
    assert (attack.eps, attack.norm) == (0.1, "l2")
    with pytest.raises(TypeError, match="attack"):
        MultiTargeted(FGSM(0.1))
    with pytest.raises(ValueError, match="`targets` must be at least 1"):
        MultiTargeted(PGD(0.1), targets=0)


@pytest.mark.parametrize(
    "wrap",
    [MultiTargeted, Targeted, lambda attack: WorstCase((FGSM(0.05), attack))],
    ids=["multi-targeted", "targeted", "worst case"],
)
def test_wrapped_attacks_forward_radius_norm_and_transfer(wrap) -> None:
    inner = PGD(0.1, early_stop=True)
    attack = wrap(inner)
    assert (attack.eps, attack.norm, attack.inner[-1]) == (0.1, "linf", inner)
    assert attack.for_transfer() == wrap(PGD(0.1))
    assert wrap(attack.for_transfer().inner[-1]) == attack.for_transfer()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_search_finds_what_half_of_the_ball_holds(norm):
    images = torch.full((20, 6), 0.5, dtype=torch.float64)
    labels = torch.zeros(20, dtype=torch.long)

    def half(x):  # class 1 on one side of a plane through the images
        return torch.cat([torch.zeros_like(x[:, :1]), x[:, :1] - 0.5 - 1e-9], 1)

    adversarial = RandomSearch(0.2, draws=40, norm=norm)(half, images, labels)
    assert (half(adversarial).argmax(1) == 1).all()
    assert (distance(images, adversarial, norm) <= 0.2 + 1e-12).all()


def test_random_search_keeps_the_best_of_its_draws(equidistant, middle_images):
    labels = equidistant(middle_images).argmax(1)
    few, many = (RandomSearch(1e-3, draws)(equidistant, middle_images, labels) for draws in (1, 30))
    gain = margin(equidistant(many), labels) - margin(equidistant(few), labels)
    assert gain.min() >= -1e-12
    assert gain.mean() > 1e-4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": -1.0}, "`eps`"),
        ({"draws": 0}, "`draws` must be at least 1"),
        ({"norm": "l0"}, "`norm` must be one of"),
    ],
)
def test_random_search_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomSearch(**{"eps": 0.1, **arguments})
