"""G1, G2, G4: is there a gradient, is it zero, is it the same twice?"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from ...attacks.losses import margin
from ...models.batches import batches
from .audited_model import AuditedModel
from .check import AbstractCheck, Finding, Skip, fail_if, percent
from .context import AuditContext

ZERO_SHARE = 0.01  # of the correctly classified images; a single dead image may be chance
SAME_DIRECTION = 0.9  # cosine below which one draw is no direction; Athalye et al. 2018 ask for EOT


@final
class GradientsVanish(AbstractCheck):
    """Raised if more than 1 % of the correctly classified images have a gradient of the float32
    cross-entropy that is zero in every pixel.
    Because gradient attacks then do not move: rounding without a declared gradient and saturated
    logits look like this, and neither protects from an attacker who knows (Athalye et al. 2018,
    arXiv 1802.00420; Carlini & Wagner 2017).
    """

    id = "G1"
    title = "gradients do not vanish"

    def run(self, context: AuditContext) -> Finding:
        gradients, right = clean_gradients(context), context.chip.right
        if not right.any():
            raise Skip("the chip classifies no image correctly")
        zero = (gradients == 0).flatten(1).all(1) & right
        share = int(zero.sum()) / int(right.sum())
        text = f"{percent(share)} of S have a gradient of exactly zero."
        return fail_if(share > ZERO_SHARE, {"zero_share": share}, text)


@final
class GradientsExist(AbstractCheck):
    """Raised if the network gives no gradient with respect to its images, or one with NaN or
    infinity.
    Because no white-box attack can then be run at all, and robustness against attacks that cannot
    be run is none. Declare a gradient for a network that has none (Athalye et al. 2018, arXiv
    1802.00420).
    """

    id = "G2"
    title = "gradients exist and are finite"

    def run(self, context: AuditContext) -> Finding:
        gradients = clean_gradients(context)
        if len(gradients) == 0:
            context.unusable_gradient = "the chip gives no gradient with respect to its images (G2)"
            text = "there is no gradient with respect to the images."
            return Finding("fail", {"missing_share": 1.0}, text)
        bad = float((~gradients.isfinite()).flatten(1).any(1).double().mean())
        if bad > 0:
            context.unusable_gradient = "the chip's gradient holds NaN or infinity (G2)"
        text = f"{percent(bad)} of gradients hold NaN or infinity."
        return fail_if(bad > 0, {"not_finite_share": bad}, text)


@final
class GradientNoise(AbstractCheck):
    """Raised (as a warning) if the median cosine between two independent gradients of the same
    image is below 0.9.
    Because the gradient of one draw then points nowhere in particular, and attacks must follow a
    mean over draws (EOT, Athalye et al. 2018, arXiv 1707.07397). The audit does; A5 tests if it
    takes enough draws.
    """

    id = "G4"
    title = "two gradients agree"

    def run(self, context: AuditContext) -> Finding:
        count, settings = context.budget.probes, context.settings
        images, labels = settings.images[:count], settings.labels[:count]
        one, other = (
            input_gradients(context.chip, images, labels, "margin").flatten(1) for _ in range(2)
        )
        cosine = functional.cosine_similarity(one.double(), other.double(), dim=1)
        alive = one.any(1)
        middle = float(cosine[alive].median()) if alive.any() else 1.0
        noisy = middle < SAME_DIRECTION
        end = "; EOT is mandatory." if noisy else "."
        text = f"median cosine of two gradients {middle:.3f}{end}"
        return fail_if(False, {"median_cosine": middle}, text, warn=noisy)


def clean_gradients(context: AuditContext) -> Tensor:
    """Compute gradients of the cross-entropy at all clean images; empty where there are none."""
    settings = context.settings

    def compute() -> Tensor:
        return input_gradients(context.chip, settings.images, settings.labels, "cross-entropy")

    found: Tensor = context.cached("clean gradients", compute)
    return found


def input_gradients(audited: AuditedModel, images: Tensor, labels: Tensor, loss: str) -> Tensor:
    """Compute the gradient of each image's own loss; empty where the network gives none."""
    found = []
    for batch in batches(audited.model, images, labels, audited.settings.batch_size):
        leaf = batch.images.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            logits = audited.model(leaf)
            if not logits.requires_grad:
                return images[:0]
            logits = logits.float()
            values = (
                functional.cross_entropy(logits, batch.labels, reduction="sum")
                if loss == "cross-entropy"
                else margin(logits, batch.labels).sum()
            )
            gradient = torch.autograd.grad(values, leaf, allow_unused=True)[0]
        if gradient is None:
            return images[:0]
        found.append(gradient.detach().cpu())
    return torch.cat(found)
