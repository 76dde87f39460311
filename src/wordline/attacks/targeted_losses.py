"""Losses per sample that attacks towards a target class t maximise, of logits z with true label y.

| name            | targeted                                    |
|-----------------|---------------------------------------------|
| `cross-entropy` | z_t - log sum_i exp z_i                     |
| `margin`        | z_t - z_y                                   |
| `dlr`           | (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2) |

z_(k) is the k-th largest logit. Source of the targeted DLR: Croce & Hein 2020 (arXiv 2003.01690),
equation 7.
"""

from __future__ import annotations

from typing import Final

from torch.nn import functional

from ..typing import Labels, Logits, PerSample
from .losses import NOT_ZERO, Loss, LossFunction, require_logits


def targeted_cross_entropy(logits: Logits, labels: Labels, targets: Labels) -> PerSample:
    """Compute the log-probability of the target class; the true class has no part in it.

    >>> import torch
    >>> targeted_cross_entropy(torch.zeros(1, 4), torch.tensor([0]), torch.tensor([2]))  # -log 4
    tensor([-1.3863])
    """
    return -functional.cross_entropy(logits, targets, reduction="none")


def targeted_margin(logits: Logits, labels: Labels, targets: Labels) -> PerSample:
    """Compute the lead of the target class over the true one: z_t - z_y.

    >>> import torch
    >>> targeted_margin(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]), torch.tensor([1]))
    tensor([-2.])
    """
    aimed, true = targets.unsqueeze(1), labels.unsqueeze(1)
    return (logits.gather(1, aimed) - logits.gather(1, true)).squeeze(1)


def targeted_dlr(logits: Logits, labels: Labels, targets: Labels) -> PerSample:
    """Compute the targeted margin in units of z_(1) - (z_(3) + z_(4)) / 2.

    Raises `ValueError` for fewer than four classes, where the denominator does not exist.

    >>> import torch
    >>> logits = torch.tensor([[4.0, 2.0, 1.0, 1.0]])
    >>> targeted_dlr(logits, torch.tensor([0]), torch.tensor([1]))  # -2 / 3
    tensor([-0.6667])
    """
    require_logits(logits, 4, "targeted dlr")
    largest = logits.topk(4, dim=1).values
    spread = largest[:, 0] - (largest[:, 2] + largest[:, 3]) / 2 + NOT_ZERO
    return targeted_margin(logits, labels, targets) / spread


TARGETED: Final[dict[Loss, LossFunction]] = {
    "cross-entropy": targeted_cross_entropy,
    "margin": targeted_margin,
    "dlr": targeted_dlr,
}
