"""Adversarial objectives against loops written out by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from wordline.attacks import PGD
from wordline.datasets import ImageSplit
from wordline.defenses import AdversarialTraining, FastFGSM, training_attack
from wordline.values import Value

EPS = 0.1


class Counting(nn.Module):
    """Counts the passes through a network."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.passes = model, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return self.model(x)


def slope(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    leaf = images.clone().requires_grad_(True)
    functional.cross_entropy(model(leaf), labels, reduction="sum").backward(inputs=[leaf])
    return leaf.grad


def test_fast_fgsm_is_one_step_from_a_random_start(
    normed: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    (images, labels), hand = batch, copy.deepcopy(normed)
    loss = FastFGSM(EPS).loss(normed, images, labels, generator=torch.Generator().manual_seed(7))
    start = EPS * (2 * torch.rand(images.shape, generator=torch.Generator().manual_seed(7)) - 1)
    start = (images + start).clamp(0, 1) - images
    moved = (start + 1.25 * EPS * slope(hand, images + start, labels).sign()).clamp(-EPS, EPS)
    expected = functional.cross_entropy(hand((images + moved).clamp(0, 1)), labels)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        normed.state_dict(), hand.state_dict()
    )  # the statistics of both passes


@pytest.mark.parametrize(("probability", "random"), [(0.0, False), (1.0, True)])
def test_pgd_training_equals_an_own_loop(
    normed: nn.Module, batch: tuple[Tensor, Tensor], probability: float, random: bool
) -> None:
    (images, labels), hand, steps, size = batch, copy.deepcopy(normed), 4, 0.04
    objective = AdversarialTraining(
        training_attack(EPS, steps, size), start_probability=probability
    )
    loss = objective.loss(normed, images, labels, generator=torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    torch.rand((), generator=generator)  # whether to start at random
    noise = EPS * (2 * torch.rand(images.shape, generator=generator) - 1) if random else 0.0
    x = (images + noise).clamp(0, 1)
    for _ in range(steps):
        x = x + size * slope(hand, x, labels).sign()
        x = torch.minimum(torch.maximum(x, images - EPS), images + EPS).clamp(0, 1)
    torch.testing.assert_close(loss, functional.cross_entropy(hand(x), labels))
    torch.testing.assert_close(normed.state_dict(), hand.state_dict())


def test_nine_batches_of_ten_start_at_random(
    linear_model: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch
    objective = AdversarialTraining(training_attack(EPS, 1, 1e-6))
    at_rest = functional.cross_entropy(linear_model(images), labels)
    streams = [torch.Generator().manual_seed(seed) for seed in range(200)]
    losses = [objective.loss(linear_model, images, labels, generator=stream) for stream in streams]
    at_clean = sum(bool((loss - at_rest).abs() < 1e-5) for loss in losses)
    assert 8 <= at_clean <= 34  # 20 expected; four standard deviations are 17


@pytest.mark.parametrize(
    ("objective", "passes"), [(FastFGSM(EPS), 2), (AdversarialTraining(training_attack(EPS, 5)), 6)]
)
def test_crafting_costs_its_steps_and_leaves_nothing_behind(
    normed: nn.Module,
    batch: tuple[Tensor, Tensor],
    objective: Any,
    passes: int,
    no_global_draws: None,
) -> None:
    counted = Counting(normed)
    loss = objective.loss(counted, *batch, generator=torch.Generator().manual_seed(0))
    assert counted.passes == passes
    assert all(p.grad is None for p in normed.parameters()) and normed.training
    loss.backward()
    assert all(p.grad is not None for p in normed.parameters())


def test_the_score_is_robust_accuracy(linear_model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    images = (
        torch.rand(40, 1, 4, 4, generator=generator) * 0.4 + 0.3
    )  # the ball stays within the box
    labels = linear_model(images).argmax(1)
    z, w = linear_model(images), linear_model[1].weight
    leads = torch.stack(
        [
            z.gather(1, labels[:, None])[:, 0] - z[:, c] - EPS * (w[labels] - w[c]).abs().sum(1)
            for c in range(3)
        ],
        1,
    ).scatter(
        1, labels[:, None], torch.inf
    )  # what is left of the lead in the worst corner of the ball
    expected = float((leads.amin(1) > 0).float().mean())
    assert 0.1 < expected < 0.9
    split = ImageSplit(images, labels)
    for objective in (FastFGSM(EPS), AdversarialTraining(training_attack(EPS, 3))):
        assert objective.score(linear_model, split) == pytest.approx(expected)


@pytest.mark.parametrize(
    "objective", [FastFGSM(EPS, 0.1), AdversarialTraining(PGD(0.5, norm="l2"), 0.5)]
)
def test_json_round_trip(objective: Any) -> None:
    assert Value.from_json(objective.to_json()) == objective


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: FastFGSM(0.0), ValueError, "`eps` must be greater than 0"),
        (lambda: FastFGSM(EPS, -1.0), ValueError, "`step` must be at least 0"),
        (lambda: AdversarialTraining("pgd"), TypeError, "`attack` must be PGD"),
        (
            lambda: AdversarialTraining(start_probability=1.5),
            ValueError,
            "`start_probability` must be at most 1",
        ),
    ],
)
def test_bad_input(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()
