"""Does gradient obfuscation explain the gain? The gradients of software and chip side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..attacks import Loss
from ..attacks.losses import LOSSES, UNTARGETED
from ..attacks.norms import require_radius
from ..attacks.objective import Objective
from ..datasets import Pairs, as_split, to_float
from ..progress import AbstractProgress, Silent
from ..records import GradientDeviation
from ..values import require_choice, require_integer, takes_numbers
from .party import device_of, dtype_of, party, require_evaluation_mode, require_fit

FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


@takes_numbers
def gradient_deviation(
    *,
    chip: nn.Module,
    software: nn.Module,
    data: Pairs,
    eps: float,
    limit: int = 0,
    loss: Loss = "cross-entropy",
    batch_size: int = 100,
    progress: AbstractProgress | None = None,
) -> GradientDeviation:
    """Compare the input gradients of a chip and of its software network on the first `limit` images (0: all).

    Where the gradients agree in sign and the chip's loss climbs as fast along its own gradient as along the
    software's, no gradient is obfuscated, and a gain in robustness wants another explanation. The loss is the papers'
    cross-entropy by default. Raises ValueError for a network in training mode or without a gradient. See
    `GradientDeviation`.
    """
    require_evaluation_mode("chip", chip)
    require_evaluation_mode("software", software)
    require_radius("eps", eps, above=0.0)
    require_choice("loss", loss, LOSSES)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    split = as_split(data, limit=limit)
    require_fit("chip", chip, split)
    require_fit("software", software, split)
    rows: list[Tensor] = []
    climbs: list[Tensor] = []
    with (progress or Silent()).task("gradients", len(split)) as advance:
        for start in range(0, len(split), batch_size):
            images, labels = (
                to_float(split.images[start : start + batch_size]),
                split.labels[start : start + batch_size],
            )
            g, h = (_gradient(model, images, labels, loss) for model in (software, chip))
            rows.append(_per_image(g, h))
            climbs.append(torch.stack([_climb(chip, images, labels, loss, d.sign(), eps) for d in (g, h)]))
            advance(len(labels), "")
    cosine, agreement, ratio, difference, flat = torch.cat(rows).T.tolist()
    along = torch.cat(climbs, dim=2).mean(2)  # (2, fractions)
    return GradientDeviation(
        chip=party(chip), software=party(software), eps=float(eps), loss=loss, data=split.name,
        fingerprint=split.fingerprint(), images=len(split), flat=sum(flat) / len(flat), cosine=tuple(cosine),
        sign_agreement=tuple(agreement), norm_ratio=tuple(ratio), perturbation_difference=tuple(difference),
        fractions=FRACTIONS, loss_along_software=tuple(along[0].tolist()), loss_along_chip=tuple(along[1].tolist()),
    )  # fmt: skip


def _gradient(model: nn.Module, images: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    device = device_of(model)
    objective = Objective(model, UNTARGETED[loss], (labels.to(device),))
    return objective.gradient(images.to(device, dtype_of(model)))[0].cpu().double()


def _per_image(g: Tensor, h: Tensor) -> Tensor:
    """`(n, 5)`: cosine, sign agreement, norm ratio, difference of the perturbations, whether one gradient is zero."""
    g, h = g.flatten(1), h.flatten(1)
    tiny = torch.finfo(torch.float64).tiny
    # scaled first: a saturated loss has gradients of 1e-25, whose squares' product underflows
    norm_g, norm_h = (torch.linalg.vector_norm(x, dim=1).clamp_min(tiny) for x in (g, h))
    cosine = ((g / norm_g[:, None]) * (h / norm_h[:, None])).sum(1)
    difference = (h.sign() - g.sign()).abs().mean(1)
    agreement = (h.sign() == g.sign()).double().mean(1)
    zero = (~g.any(1) | ~h.any(1)).double()
    ratio = torch.where(g.any(1), norm_h / norm_g, torch.zeros_like(norm_g)) * h.any(1)
    return torch.stack((cosine, agreement, ratio, difference, zero), 1)


def _climb(chip: nn.Module, images: Tensor, labels: Tensor, loss: Loss, direction: Tensor, eps: float) -> Tensor:
    """The chip's loss of every image along a direction, `(fractions, n)`; images stay in [0, 1]."""
    device, dtype = device_of(chip), dtype_of(chip)
    with torch.no_grad():
        moved = [(images + share * eps * direction.to(images.dtype)).clamp(0, 1) for share in FRACTIONS]
        return torch.stack(
            [UNTARGETED[loss](chip(x.to(device, dtype)), labels.to(device)).cpu().double() for x in moved]
        )
