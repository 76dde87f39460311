"""Input gradients of software and chip side by side: a test for obfuscated gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..attacks import Loss
from ..attacks.losses import LOSSES, UNTARGETED
from ..attacks.norms import require_radius
from ..attacks.objective import Objective
from ..datasets import Pairs, as_split, to_float
from ..models.batches import device_of, prepare
from ..progress import AbstractProgress, Silent
from ..records import GradientDeviation
from ..values import require_choice, require_integer, takes_numbers
from .identify import identify
from .requirements import require_evaluation_mode, require_fit

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
    """Compare the input gradients of a chip and of its software network on the first images.

    `limit`: how many images; 0 means all. Where the gradients agree in sign and the chip's loss
    grows as fast along its own gradient as along the software's, no gradient is obfuscated, and a
    gain in robustness needs another explanation. The loss is the papers' cross-entropy by default.
    Raises ValueError for a network in training mode or without a gradient. See `GradientDeviation`.
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
    losses: list[Tensor] = []
    with (progress or Silent()).task("gradients", len(split)) as advance:
        for start in range(0, len(split), batch_size):
            images = to_float(split.images[start : start + batch_size])
            labels = split.labels[start : start + batch_size]
            g, h = (_gradient(model, images, labels, loss) for model in (software, chip))
            rows.append(_per_image(g, h))
            along = [_losses(chip, images, labels, loss, d.sign(), eps) for d in (g, h)]
            losses.append(torch.stack(along))
            advance(len(labels), "")
    cosine, agreement, ratio, difference, flat = torch.cat(rows).T.tolist()
    mean = torch.cat(losses, dim=2).mean(2)  # (2, fractions)
    return GradientDeviation(
        chip=identify(chip), software=identify(software), eps=float(eps), loss=loss,
        data=split.name, fingerprint=split.fingerprint(), images=len(split),
        flat=sum(flat) / len(flat), cosine=tuple(cosine), sign_agreement=tuple(agreement),
        norm_ratio=tuple(ratio), perturbation_difference=tuple(difference), fractions=FRACTIONS,
        loss_along_software=tuple(mean[0].tolist()), loss_along_chip=tuple(mean[1].tolist()),
    )  # fmt: skip


def _gradient(model: nn.Module, images: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    objective = Objective(model, UNTARGETED[loss], (labels.to(device_of(model)),))
    return objective.gradient(prepare(model, images))[0].cpu().double()


def _per_image(g: Tensor, h: Tensor) -> Tensor:
    """Compute the figures of each image, `(n, 5)`.

    Cosine, sign agreement, norm ratio, difference of the perturbations, 1 if a gradient is zero.
    """
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


def _losses(
    chip: nn.Module, images: Tensor, labels: Tensor, loss: Loss, direction: Tensor, eps: float
) -> Tensor:
    """Compute the chip's loss of every image along a direction, `(fractions, n)`."""
    found = []
    with torch.no_grad():
        for share in FRACTIONS:
            moved = (images + share * eps * direction.to(images.dtype)).clamp(0, 1)
            logits = chip(prepare(chip, moved))
            found.append(UNTARGETED[loss](logits, labels.to(logits.device)).cpu().double())
    return torch.stack(found)
