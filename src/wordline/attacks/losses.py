"""Losses per sample that attacks maximise, of logits z with true label y.

| name            | untargeted                                 |
|-----------------|--------------------------------------------|
| `cross-entropy` | log sum_i exp z_i - z_y                    |
| `margin`        | max_{i != y} z_i - z_y                     |
| `dlr`           | (max_{i != y} z_i - z_y) / (z_(1) - z_(3)) |

z_(k) is the k-th largest logit. Margin and DLR are positive exactly when the sample is
misclassified. The direction of the margin's gradient and the value of DLR do not change when all
logits shrink by one factor, as parasitics of a crossbar make them; cross-entropy's do, and it then
under-attacks the chip. Losses with a target class: `targeted_losses`.

Sources: margin, Carlini & Wagner 2017 (arXiv 1608.04644); DLR, Croce & Hein 2020 (arXiv
2003.01690), equation 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch.nn import functional

from ..typing import Labels, Logits, PerSample

Loss = Literal["cross-entropy", "margin", "dlr"]

NOT_ZERO: Final = 1e-12  # added to denominators as in the authors' code, so that DLR agrees with it


def cross_entropy(logits: Logits, labels: Labels) -> PerSample:
    """Compute minus the log-probability of the true class.

    >>> cross_entropy(torch.zeros(1, 4), torch.tensor([0]))  # log 4
    tensor([1.3863])
    """
    return functional.cross_entropy(logits, labels, reduction="none")


def margin(logits: Logits, labels: Labels) -> PerSample:
    """Compute the lead of the best wrong class over the true one: max_{i != y} z_i - z_y.

    >>> margin(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]))
    tensor([-1.])
    """
    true = labels.unsqueeze(1)
    wrong = logits.scatter(1, true, -torch.inf)
    return wrong.max(dim=1).values - logits.gather(1, true).squeeze(1)


def dlr(logits: Logits, labels: Labels) -> PerSample:
    """Compute the margin in units of the spread z_(1) - z_(3), free of shift and scale.

    Raises `ValueError` for fewer than three classes, where it is constant.

    >>> dlr(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]))  # (2 - 3) / (3 - 1)
    tensor([-0.5000])
    """
    require_logits(logits, 3, "dlr")
    largest = logits.topk(3, dim=1).values
    return margin(logits, labels) / (largest[:, 0] - largest[:, 2] + NOT_ZERO)


def require_logits(logits: Logits, at_least: int, loss: str) -> None:
    """Refuse logits of too few classes for a loss."""
    if logits.shape[1] < at_least:
        raise ValueError(
            f"`loss` {loss!r} needs at least {at_least} classes, got {logits.shape[1]} logits; "
            "use 'margin'"
        )


# A loss is called as loss(logits, *aim); the aim of an attack is (labels,) or (labels, targets).
LossFunction = Callable[..., PerSample]
UNTARGETED: Final[dict[Loss, LossFunction]] = {
    "cross-entropy": cross_entropy,
    "margin": margin,
    "dlr": dlr,
}
LOSSES: Final = tuple(UNTARGETED)
