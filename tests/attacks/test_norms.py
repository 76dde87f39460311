from dataclasses import dataclass

import numpy as np
import pytest
import torch

import wordline as wl
from wordline import attacks
from wordline.attacks.balls import ball, unit
from wordline.attacks.named import AttackOptions, attack_by_name
from wordline.attacks.norms import LinfBall, distance
from wordline.commands.options import require_eps

IMAGES = torch.full((2000, 2), 0.5, dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_linf_points_are_uniform_in_the_square():
    change = ball("linf", IMAGES, 0.2).random_point(seeded()) - 0.5
    assert change.abs().max() <= 0.2
    # the variance of a uniform variable on [-a, a] is a^2 / 3; 4000 draws give it to some percent
    assert change.var().item() == pytest.approx(0.2**2 / 3, rel=0.05)


def test_l2_points_are_uniform_in_the_disc():
    radius = distance(IMAGES, ball("l2", IMAGES, 0.2).random_point(seeded()), "l2")
    assert radius.max() <= 0.2 + 1e-12
    # in d = 2 a quarter of the points lie within half the radius; the mean radius is d / (d + 1)
    assert (radius < 0.1).double().mean().item() == pytest.approx(0.25, abs=0.03)
    assert radius.mean().item() == pytest.approx(0.2 * 2 / 3, rel=0.02)


def test_extremes_lie_on_corners_and_on_the_sphere():
    corners = ball("linf", IMAGES, 0.2).random_extreme(seeded()) - 0.5
    assert torch.equal(
        corners.abs().round(decimals=12).unique(), torch.tensor([0.2], dtype=torch.float64)
    )
    assert abs(corners.sign().mean().item()) < 0.1
    sphere = ball("l2", IMAGES, 0.2).random_extreme(seeded())
    torch.testing.assert_close(
        distance(IMAGES, sphere, "l2"), torch.full((2000,), 0.2, dtype=torch.float64)
    )


def test_projection_meets_both_limits():
    images = torch.tensor([[0.5, 0.95]])
    assert ball("linf", images, 0.1).project(torch.tensor([[0.0, 2.0]])).tolist() == [
        pytest.approx([0.4, 1.0])
    ]
    projected = ball("l2", images, 0.5).project(images + torch.tensor([[-3.0, 4.0]]))
    torch.testing.assert_close(projected, torch.tensor([[0.2, 1.0]]))


def test_zero_gradient_stays_and_tiny_gradient_still_moves():
    images = torch.full((2, 2), 0.5)
    gradient = torch.tensor([[0.0, 0.0], [3e-30, 4e-30]])  # whose squares underflow in float32
    moved = ball("l2", images, 0.5).step(images, gradient.clone(), 0.1)
    torch.testing.assert_close(moved, torch.tensor([[0.5, 0.5], [0.56, 0.58]]))
    moved = ball("linf", images, 0.5).step(images, gradient.clone(), 0.1)
    torch.testing.assert_close(moved, torch.tensor([[0.5, 0.5], [0.6, 0.6]]))
    torch.testing.assert_close(unit(gradient)[1], torch.tensor([0.6, 0.8]))


def test_selection_keeps_each_balls_own_centre():
    images = torch.tensor([[0.1], [0.5], [0.9]])
    for norm in ("linf", "l2"):
        chosen = ball(norm, images, 0.1).at(torch.tensor([2, 0]))
        torch.testing.assert_close(chosen.project(torch.ones(2, 1)), torch.tensor([[1.0], [0.2]]))


def test_generator_decides_and_dtype_follows_the_images():
    images = torch.full((3, 4), 0.5)
    one, two = (LinfBall(images, 0.1).random_point(seeded(5)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, LinfBall(images, 0.1).random_point(seeded(6)))
    assert LinfBall(images.double(), 0.1).random_point(seeded()).dtype == torch.float64


LINF = [
    lambda eps: attacks.PGD(eps), lambda eps: attacks.FGSM(eps), lambda eps: attacks.MIFGSM(eps),
    lambda eps: attacks.APGD(eps), lambda eps: attacks.FAB(eps), lambda eps: attacks.Square(eps),
    lambda eps: attacks.AutoAttack(eps), lambda eps: attacks.HopSkipJump(eps),
    lambda eps: attacks.RepeatedFGSM(eps), lambda eps: attacks.RandomSearch(eps),
    lambda eps: attacks.MultiTargeted(attacks.PGD(eps)),
    lambda eps: attack_by_name("pgd", AttackOptions(eps, 2 / 255)),
    lambda eps: wl.TRADES(eps), lambda eps: wl.FastFGSM(eps), lambda eps: require_eps(0.1, eps),
]  # fmt: skip


@pytest.mark.parametrize("make", LINF)
def test_a_radius_in_255ths_is_refused_everywhere(make) -> None:
    for eps, said in ((8, "8"), (1.5, "1.5"), (np.int64(16), "16"), (255, "255")):
        with pytest.raises(
            ValueError, match=f"`eps` must be at most 1, got {said}: .* in linf; write {said}/255"
        ):
            make(eps)
    make(1.0)
    for eps in (-0.1, float("nan"), float("inf")):
        with pytest.raises(
            ValueError, match="`eps` must be (at least 0|greater than 0|a finite number)"
        ):
            make(eps)


def test_step_sizes_too_and_l2_is_another_matter() -> None:
    for make in (attacks.PGD, attacks.MIFGSM, attacks.RepeatedFGSM, wl.TRADES):
        with pytest.raises(
            ValueError, match="`step_size` must be at most 1, got .* in linf; write 2/255"
        ):
            make(8 / 255, step_size=2)
    with pytest.raises(ValueError, match="`step` must be at most 1, got .* in linf; write 10/255"):
        wl.FastFGSM(8 / 255, step=10)
    assert attacks.PGD(8, step_size=2, norm="l2").eps == 8
    with pytest.raises(ValueError, match="`eps` must be a finite number"):
        attacks.PGD(float("inf"), norm="l2")


def test_functions_with_a_radius_refuse_it_as_well() -> None:
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test.take(2)
    both = {"chip": software, "software": software, "data": data}
    for run in (
        lambda: wl.audit(**both, eps=8),
        lambda: wl.gradient_deviation(**both, eps=8),
        lambda: wl.robustness_curve(victim=software, source=software, data=data, eps=(4 / 255, 8)),
        lambda: Own(8)(software, data.images, data.labels),
        lambda: wl.evaluate(victim=software, source=software, attack=Own(8), data=data),
    ):
        with pytest.raises(
            ValueError, match="`eps` must be at most 1, got .* in linf; write 8/255"
        ):
            run()


@dataclass(frozen=True)
class Own(attacks.AbstractAttack):
    eps: float
    norm = "linf"

    def perturb(self, model, images, labels, generator):
        return images
