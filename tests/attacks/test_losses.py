import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordline.attacks.losses import UNTARGETED, cross_entropy, dlr, margin
from wordline.attacks.targeted_losses import (
    TARGETED,
    targeted_cross_entropy,
    targeted_dlr,
    targeted_margin,
)

LOGITS = torch.tensor([[4.0, 1.0, 3.0, -2.0], [0.0, 5.0, 2.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 2])
TARGETS = torch.tensor([3, 0])


def test_cross_entropy_closed_form():
    spread = [
        math.exp(4) + math.exp(1) + math.exp(3) + math.exp(-2),
        1 + math.exp(5) + math.exp(2) + math.exp(1),
    ]
    expected = torch.tensor([math.log(spread[0]) - 4, math.log(spread[1]) - 2], dtype=torch.float64)
    torch.testing.assert_close(cross_entropy(LOGITS, LABELS), expected)


def test_margin_closed_form():
    assert margin(LOGITS, LABELS).tolist() == [3 - 4, 5 - 2]


def test_dlr_closed_form():
    torch.testing.assert_close(
        dlr(LOGITS, LABELS), torch.tensor([-1 / 3, 3 / 4], dtype=torch.float64)
    )


def test_targeted_closed_forms():
    assert targeted_margin(LOGITS, LABELS, TARGETS).tolist() == [-6, -2]
    expected = torch.tensor([-6 / (4 - (1 - 2) / 2), -2 / (5 - (1 + 0) / 2)], dtype=torch.float64)
    torch.testing.assert_close(targeted_dlr(LOGITS, LABELS, TARGETS), expected)
    torch.testing.assert_close(
        targeted_cross_entropy(LOGITS, LABELS, TARGETS), -cross_entropy(LOGITS, TARGETS)
    )


def test_margin_gradient_is_one_class_up_and_one_down():
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(margin(logits, LABELS).sum(), logits)
    assert gradient.tolist() == [[-1, 0, 1, 0], [0, 1, -1, 0]]


def test_margin_picks_one_class_among_equals():
    logits = torch.zeros(1, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(margin(logits, torch.tensor([0])).sum(), logits)
    assert sorted(gradient[0].tolist()) == [-1, 0, 1]


def test_dlr_agrees_with_the_authors_code():
    autopgd = pytest.importorskip("pyautoattack.autopgd_base")
    logits, labels = (
        torch.randn(50, 6, generator=torch.Generator().manual_seed(0)),
        torch.arange(50) % 6,
    )
    theirs = autopgd.APGDAttack(None, eps=0.1)
    torch.testing.assert_close(dlr(logits, labels), theirs.dlr_loss(logits, labels))
    targeted = autopgd.APGDAttack_targeted(None, eps=0.1)
    targeted.y_target = (labels + 1) % 6
    expected = targeted.dlr_loss_targeted(logits, labels)
    torch.testing.assert_close(targeted_dlr(logits, labels, targeted.y_target), expected)


@given(
    st.lists(
        st.lists(st.integers(-50, 50), min_size=4, max_size=4, unique=True), min_size=1, max_size=6
    ),
    st.floats(1e-3, 1e3),
    st.integers(0, 3),
)
def test_margin_and_dlr_are_positive_exactly_when_misclassified_at_any_scale(rows, scale, label):
    logits = torch.tensor(rows, dtype=torch.float64) * scale
    labels = torch.full((len(rows),), label)
    wrong = logits.argmax(1) != labels
    assert torch.equal(margin(logits, labels) > 0, wrong)
    assert torch.equal(dlr(logits, labels) > 0, wrong)
    torch.testing.assert_close(dlr(logits, labels), dlr(7 * logits + 3, labels))


def test_two_classes_have_no_dlr():
    with pytest.raises(ValueError, match=r"`loss` 'dlr' needs at least 3 classes, got 2"):
        dlr(torch.zeros(1, 2), torch.tensor([0]))


def test_three_classes_have_no_targeted_dlr():
    with pytest.raises(ValueError, match=r"`loss` 'targeted dlr' needs at least 4 classes, got 3"):
        targeted_dlr(torch.zeros(1, 3), torch.tensor([0]), torch.tensor([1]))


def test_every_loss_is_listed_in_both_tables():
    assert set(UNTARGETED) == set(TARGETED) == {"cross-entropy", "margin", "dlr"}
