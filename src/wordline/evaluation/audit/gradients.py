"""G1, G2, G4: is there a gradient, is it zero, is it the same twice?"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from ...attacks.losses import margin
from .bench import Bench
from .check import AbstractCheck, Finding, Skip, percent, raised_if
from .subject import Subject

ZERO_SHARE = 0.01  # of the correctly classified images (docs/evaluation.md); a single dead image may be chance
SAME_DIRECTION = 0.9  # cosine below which one draw is no direction; Athalye et al. 2018 ask for EOT


@final
class GradientsVanish(AbstractCheck):
    """Raised if more than 1 % of the correctly classified images have a gradient of the float32 cross-entropy that is
    zero in every pixel.
    Because gradient attacks then do not move: rounding without a declared gradient and saturated logits look like
    this, and neither protects from an attacker who knows (Athalye et al. 2018, arXiv 1802.00420; Carlini & Wagner
    2017).
    """

    id = "G1"
    title = "gradients do not vanish"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        gradients, right = clean_gradients(bench), bench.chip.right
        if not right.any():
            raise Skip("the chip classifies no image correctly")
        zero = (gradients == 0).flatten(1).all(1) & right
        share = int(zero.sum()) / int(right.sum())
        return raised_if(
            share > ZERO_SHARE, {"zero_share": share}, f"{percent(share)} of S have a gradient of exactly zero."
        )


@final
class GradientsExist(AbstractCheck):
    """Raised if the network gives no gradient with respect to its images, or one with NaN or infinity.
    Because no white-box attack can then be run at all, and robustness against attacks that cannot be run is none.
    Declare a gradient for what has none (Athalye et al. 2018, arXiv 1802.00420).
    """

    id = "G2"
    title = "gradients exist and are finite"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        gradients = clean_gradients(bench)
        if len(gradients) == 0:
            bench.blind = "the chip gives no gradient with respect to its images (G2)"
            return Finding("fail", {"missing_share": 1.0}, "there is no gradient with respect to the images.")
        bad = float((~gradients.isfinite()).flatten(1).any(1).double().mean())
        if bad > 0:
            bench.blind = "the chip's gradient holds NaN or infinity (G2)"
        return raised_if(bad > 0, {"not_finite_share": bad}, f"{percent(bad)} of gradients hold NaN or infinity.")


@final
class GradientNoise(AbstractCheck):
    """Raised (as a warning) if the median cosine between two independent gradients of the same image is below 0.9.
    Because the gradient of one draw then points nowhere in particular, and attacks must follow a mean over draws (EOT,
    Athalye et al. 2018, arXiv 1707.07397). The audit does; A5 asks whether it takes enough draws.
    """

    id = "G4"
    title = "two gradients agree"

    def run(self, bench: Bench) -> Finding:
        """See `AbstractCheck.run`."""
        count = bench.budget.probes
        images, labels = bench.conditions.images[:count], bench.conditions.labels[:count]
        one, other = (input_gradients(bench.chip, images, labels, "margin") for _ in range(2))
        cosine = functional.cosine_similarity(one.flatten(1).double(), other.flatten(1).double(), dim=1)
        alive = one.flatten(1).any(1)
        middle = float(cosine[alive].median()) if alive.any() else 1.0
        text = f"median cosine of two gradients {middle:.3f}" + (
            "; EOT is mandatory." if middle < SAME_DIRECTION else "."
        )
        return raised_if(False, {"median_cosine": middle}, text, warn=middle < SAME_DIRECTION)


def clean_gradients(bench: Bench) -> Tensor:
    """Gradients of the cross-entropy at all clean images; empty where the chip gives none."""

    def compute() -> Tensor:
        return input_gradients(bench.chip, bench.conditions.images, bench.conditions.labels, "cross-entropy")

    found: Tensor = bench.once("clean gradients", compute)
    return found


def input_gradients(subject: Subject, images: Tensor, labels: Tensor, loss: str) -> Tensor:
    """Gradient of each image's own loss, as it comes; an empty tensor where the network gives none."""
    size, found = subject.conditions.batch_size, []
    for start in range(0, len(labels), size):
        leaf = subject.given(images[start : start + size]).detach().clone().requires_grad_(True)
        aims = labels[start : start + size].to(leaf.device)
        with torch.enable_grad():
            logits = subject.model(leaf)
            if not logits.requires_grad:
                return images[:0]
            logits = logits.float()
            values = (
                functional.cross_entropy(logits, aims, reduction="sum")
                if loss == "cross-entropy"
                else margin(logits, aims).sum()
            )
            gradient = torch.autograd.grad(values, leaf, allow_unused=True)[0]
        if gradient is None:
            return images[:0]
        found.append(gradient.detach().cpu())
    return torch.cat(found)
