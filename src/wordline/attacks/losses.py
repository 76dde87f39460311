"""What an attack climbs: losses per sample, to be maximised, of logits z with true label y and perhaps a
target t.

| name            | untargeted                                 | targeted                                    |
|-----------------|--------------------------------------------|---------------------------------------------|
| `cross-entropy` | log sum_i exp z_i - z_y                    | z_t - log sum_i exp z_i                     |
| `margin`        | max_{i != y} z_i - z_y                     | z_t - z_y                                   |
| `dlr`           | (max_{i != y} z_i - z_y) / (z_(1) - z_(3)) | (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2) |

z_(k) is the k-th largest logit. Margin and DLR are positive exactly when the sample is misclassified. The
direction of the margin's gradient and the value of DLR do not change when all logits shrink by one factor, as
parasitics of a crossbar make them; cross-entropy's do, and it then under-attacks the chip.

Sources: margin, Carlini & Wagner 2017 (arXiv 1608.04644); DLR, Croce & Hein 2020 (arXiv 2003.01690),
equations 6 and 7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch.nn import functional

from wordline.typing import Labels, Logits, PerSample

Loss = Literal["cross-entropy", "margin", "dlr"]

_NOT_ZERO: Final = 1e-12  # the denominators' guard of the authors' own code, so that DLR agrees with theirs


def cross_entropy(logits: Logits, labels: Labels) -> PerSample:
    """Minus the log-probability of the true class.

    >>> cross_entropy(torch.zeros(1, 4), torch.tensor([0]))  # log 4
    tensor([1.3863])
    """
    return functional.cross_entropy(logits, labels, reduction="none")


def margin(logits: Logits, labels: Labels) -> PerSample:
    """The lead of the best wrong class over the true one: max_{i != y} z_i - z_y; positive when
    misclassified.

    >>> margin(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]))
    tensor([-1.])
    """
    true = labels.unsqueeze(1)
    wrong = logits.scatter(1, true, -torch.inf)
    return wrong.max(dim=1).values - logits.gather(1, true).squeeze(1)


def dlr(logits: Logits, labels: Labels) -> PerSample:
    """The margin in units of the spread of the three largest logits; neither shift nor scale of the logits
    moves it.

    Raises `ValueError` for fewer than three classes, where it is constant.

    >>> dlr(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]))  # (2 - 3) / (3 - 1)
    tensor([-0.5000])
    """
    _require_classes(logits, 3, "dlr")
    largest = logits.topk(3, dim=1).values
    return margin(logits, labels) / (largest[:, 0] - largest[:, 2] + _NOT_ZERO)


def targeted_cross_entropy(logits: Logits, labels: Labels, targets: Labels) -> PerSample:
    """The log-probability of the target class; the true one has no say in it.

    >>> targeted_cross_entropy(torch.zeros(1, 4), torch.tensor([0]), torch.tensor([2]))  # -log 4
    tensor([-1.3863])
    """
    return -functional.cross_entropy(logits, targets, reduction="none")


def targeted_margin(logits: Logits, labels: Labels, targets: Labels) -> PerSample:
    """The lead of the target class over the true one: z_t - z_y.

    >>> targeted_margin(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]), torch.tensor([1]))
    tensor([-2.])
    """
    return (logits.gather(1, targets.unsqueeze(1)) - logits.gather(1, labels.unsqueeze(1))).squeeze(1)


def targeted_dlr(logits: Logits, labels: Labels, targets: Labels) -> PerSample:
    """The targeted margin in units of z_(1) - (z_(3) + z_(4)) / 2.

    Raises `ValueError` for fewer than four classes, where the denominator does not exist.

    >>> targeted_dlr(torch.tensor([[4.0, 2.0, 1.0, 1.0]]), torch.tensor([0]), torch.tensor([1]))  # -2 / 3
    tensor([-0.6667])
    """
    _require_classes(logits, 4, "targeted dlr")
    largest = logits.topk(4, dim=1).values
    spread = largest[:, 0] - (largest[:, 2] + largest[:, 3]) / 2 + _NOT_ZERO
    return targeted_margin(logits, labels, targets) / spread


def _require_classes(logits: Logits, at_least: int, loss: str) -> None:
    if logits.shape[1] < at_least:
        raise ValueError(
            f"`loss` {loss!r} needs at least {at_least} classes, got {logits.shape[1]} logits; use 'margin'"
        )


# The aim of an attack is (labels,) or (labels, targets); a loss is called as loss(logits, *aim).
LossFunction = Callable[..., PerSample]
UNTARGETED: Final[dict[Loss, LossFunction]] = {"cross-entropy": cross_entropy, "margin": margin, "dlr": dlr}
TARGETED: Final[dict[Loss, LossFunction]] = {
    "cross-entropy": targeted_cross_entropy,
    "margin": targeted_margin,
    "dlr": targeted_dlr,
}
LOSSES: Final = tuple(UNTARGETED)
