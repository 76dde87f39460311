import pytest
import torch

from wordline.attacks.norms import LinfBall, ball, distance, unit

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
    # in d = 2 the share of points within half the radius is a quarter, and the mean radius is d / (d + 1)
    assert (radius < 0.1).double().mean().item() == pytest.approx(0.25, abs=0.03)
    assert radius.mean().item() == pytest.approx(0.2 * 2 / 3, rel=0.02)


def test_extremes_lie_on_corners_and_on_the_sphere():
    corners = ball("linf", IMAGES, 0.2).random_extreme(seeded()) - 0.5
    assert torch.equal(corners.abs().round(decimals=12).unique(), torch.tensor([0.2], dtype=torch.float64))
    assert abs(corners.sign().mean().item()) < 0.1
    sphere = ball("l2", IMAGES, 0.2).random_extreme(seeded())
    torch.testing.assert_close(distance(IMAGES, sphere, "l2"), torch.full((2000,), 0.2, dtype=torch.float64))


def test_projection_meets_both_limits():
    images = torch.tensor([[0.5, 0.95]])
    assert ball("linf", images, 0.1).project(torch.tensor([[0.0, 2.0]])).tolist() == [pytest.approx([0.4, 1.0])]
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
