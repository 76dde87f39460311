"""TRADES and the Lipschitz penalty against numpy, and what each refuses."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wordline.datasets import ImageSplit
from wordline.defenses import TRADES, FastFGSM, LipschitzPenalty
from wordline.training import CrossEntropy
from wordline.values import Value

EPS = 0.1


@pytest.fixture
def two_classes(rng: torch.Generator) -> nn.Module:
    """1 x 4 x 4 images -> 2 logits, linear: the divergence grows along one direction only."""
    with torch.random.fork_rng(devices=[]):
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.randn(2, 16, generator=rng))
    return model


def test_trades_on_a_linear_model(two_classes: nn.Module) -> None:
    images = (
        torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(2)) * 0.4 + 0.3
    )  # the ball is in the box
    labels = torch.arange(40) % 2
    objective = TRADES(EPS, steps=20, step_size=EPS, beta=3.0)
    loss = objective.loss(two_classes, images, labels, generator=torch.Generator().manual_seed(0))
    weight, bias = (p.detach().double().numpy() for p in two_classes[1].parameters())
    lead = images.flatten(1).double().numpy() @ (weight[1] - weight[0]) + bias[1] - bias[0]
    reach = EPS * np.abs(weight[1] - weight[0]).sum()  # how far a corner of the ball moves the lead
    truth = np.where(labels.numpy() == 1, lead, -lead)
    p = 1 / (1 + np.exp(-lead))

    def apart(lead: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        q = 1 / (1 + np.exp(-lead))
        return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))

    # An ascent stays on the side of its start, so it ends in one of two corners.
    ends = apart(lead + reach), apart(lead - reach)
    clean = np.log1p(np.exp(-truth)).mean()
    low, high = (clean + 3 * f(*ends).mean() for f in (np.minimum, np.maximum))
    assert low - 1e-5 <= loss.item() <= high + 1e-5 and low < high
    sides = [_corner(objective, two_classes, image[None]) for image in images]
    expected = np.log1p(np.exp(-truth)) + 3 * np.where(
        sides, apart(lead + reach), apart(lead - reach)
    )
    single = [
        objective.loss(
            two_classes, image[None], label[None], generator=torch.Generator().manual_seed(0)
        ).item()
        for image, label in zip(images, labels, strict=True)
    ]
    np.testing.assert_allclose(single, expected, rtol=1e-4, atol=1e-4)


def _corner(objective: TRADES, model: nn.Module, image: Tensor) -> bool:
    """On which side of the image the start of its climb falls: the sign of the lead's change along
    the start.
    """
    normal = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).flatten()
    difference = (model[1].weight[1] - model[1].weight[0]).detach()
    return bool(normal @ difference > 0)


def test_trades_crafts_in_evaluation_mode_and_counts_its_passes(
    normed: nn.Module, batch: Any
) -> None:
    modes: list[bool] = []
    normed[1].register_forward_hook(lambda module, *_: modes.append(module.training))
    loss = TRADES(EPS, steps=3).loss(normed, *batch, generator=torch.Generator().manual_seed(0))
    assert modes == [False] * 4 + [True] * 2
    assert all(p.grad is None for p in normed.parameters())
    loss.backward()
    assert all(p.grad is not None for p in normed.parameters())


def test_what_was_frozen_stays_frozen(normed: nn.Module, batch: Any) -> None:
    normed[1].eval()
    TRADES(EPS, steps=1).loss(normed, *batch, generator=torch.Generator().manual_seed(0))
    assert normed.training and normed[0].training and not normed[1].training


def test_beta_zero_is_cross_entropy(normed: nn.Module, batch: Any) -> None:
    twin = copy.deepcopy(normed)
    one = TRADES(EPS, steps=1, beta=0.0).loss(normed, *batch, generator=torch.Generator())
    torch.testing.assert_close(one, CrossEntropy().loss(twin, *batch, generator=torch.Generator()))


def test_the_penalty_against_numpy(normed: nn.Module, batch: Any) -> None:
    normed = normed.double().eval()
    images, labels = batch[0].double(), batch[1]
    penalised = LipschitzPenalty(CrossEntropy(), 0.3).loss(
        normed, images, labels, generator=torch.Generator()
    )
    plain = CrossEntropy().loss(normed, images, labels, generator=torch.Generator())
    expected = 0.0
    for layer in (normed[0], normed[4]):
        w = layer.weight.detach().numpy().reshape(len(layer.weight), -1)
        expected += ((w.T @ w - np.eye(w.shape[1])) ** 2).sum()
    assert (penalised - plain).item() == pytest.approx(0.15 * expected, rel=1e-10)
    assert (
        len(normed[0].weight) < 9 and len(normed[4].weight) < 64
    )  # wide ones; a tall one is the transpose
    tall = nn.Linear(2, 5, bias=False).double()
    w = tall.weight.detach().numpy()
    only = LipschitzPenalty(Nothing(), 2.0).loss(tall, images, labels, generator=torch.Generator())
    assert only.item() == pytest.approx(((w.T @ w - np.eye(2)) ** 2).sum(), rel=1e-10)


class Nothing(CrossEntropy):
    """No loss at all."""

    def loss(self, *_: Any, **__: Any) -> Tensor:
        return torch.zeros((), dtype=torch.float64)


def test_the_penalty_makes_isometries() -> None:
    layer = nn.Linear(6, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(4, 6, generator=torch.Generator().manual_seed(0)))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        images, labels = torch.zeros(1, 6), torch.zeros(1, dtype=torch.int64)
        LipschitzPenalty(Nothing(), 1.0).loss(
            layer, images, labels, generator=torch.Generator()
        ).backward()
        optimizer.step()
    torch.testing.assert_close(layer.weight @ layer.weight.T, torch.eye(4), atol=1e-4, rtol=0)


def test_each_is_judged_as_it_should(linear_model: nn.Module) -> None:
    images = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    split = ImageSplit(images, linear_model(images).argmax(1))
    robust = FastFGSM(EPS).score(linear_model, split)
    assert robust < 1.0
    for value in (TRADES(EPS), LipschitzPenalty(FastFGSM(EPS))):
        assert value.score(linear_model, split) == robust
    assert LipschitzPenalty().score(linear_model, split) == 1.0


@pytest.mark.parametrize("value", [TRADES(EPS, beta=1.0), LipschitzPenalty(FastFGSM(EPS), 0.5)])
def test_json_round_trip(value: Value) -> None:
    assert Value.from_json(value.to_json()) == value


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: TRADES(0.0), ValueError, "`eps` must be greater than 0"),
        (lambda: TRADES(EPS, steps=0), ValueError, "`steps` must be at least 1"),
        (lambda: TRADES(EPS, step_size=0.0), ValueError, "`step_size` must be greater than 0"),
        (lambda: TRADES(EPS, beta=-1.0), ValueError, "`beta` must be at least 0"),
        (lambda: LipschitzPenalty("ce"), TypeError, "`base` must be AbstractObjective"),
        (lambda: LipschitzPenalty(weight=-1.0), ValueError, "`weight` must be at least 0"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()
