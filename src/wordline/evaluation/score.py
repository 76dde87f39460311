"""Correct answers of a victim on clean and adversarial images, counted into a record."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import ImageSplit, clip_rounding, to_float
from ..models import correct
from ..nn import Chip
from ..records import (
    Correctness,
    Estimate,
    NetworkIdentity,
    Products,
    Record,
    over_draws,
    paired_difference,
    wilson,
)
from .account import account, warnings_of
from .identify import identify
from .read_noise import restart_noise


@dataclass(frozen=True)
class ScoreSettings:
    """Seed, draws and batch size: what decides a record besides networks, attack and images."""

    seed: int
    draws: int
    batch_size: int


def score(
    victim: nn.Module,
    source: NetworkIdentity,
    attack: AbstractAttack,
    split: ImageSplit,
    adversarial: Tensor,
    settings: ScoreSettings,
    *,
    clean: Tensor | None = None,
    products: Products | None = None,
    flags: tuple[str, ...] = (),
) -> Record:
    """Make the record of a victim on a split and on its adversarial version.

    `clean` `(N,)`: the result of `correct` on the clean images, where a victim that always answers
    the same was asked before; `products`: the result of `account` on the victim, if it was called;
    `flags`: further remarks for the record.
    """
    clean_images = to_float(split.images)
    if adversarial.shape != clean_images.shape:
        raise ValueError(
            f"`adversarial` must have shape {tuple(clean_images.shape)}, "
            f"got {tuple(adversarial.shape)}"
        )
    adversarial, clipping = clip_rounding(adversarial)
    if not bool(((adversarial >= 0) & (adversarial <= 1)).all()):
        raise ValueError(
            "`adversarial` holds values outside [0, 1] or NaN; the attack made images that are not "
            "valid"
        )
    products = account("victim", victim, split) if products is None else products
    size, draws = settings.batch_size, range(settings.draws)
    restart_noise(victim, "score", settings.seed)  # draws that no attack has seen
    if clean is None:
        clean_hits = [correct(victim, clean_images, split.labels, batch_size=size) for _ in draws]
        clean = torch.stack(clean_hits)
    else:
        clean = clean.expand(settings.draws, -1)
    hit = torch.stack([correct(victim, adversarial, split.labels, batch_size=size) for _ in draws])
    ca, aa, al, asr = _estimates(clean, hit)
    flags = (*split.flags, *flags, *warnings_of(products))
    flags += (f"adversarial {clipping}",) if clipping else ()
    if not bool(clean.any()):
        flags += ("no image is classified correctly, so ASR is undefined",)
    noisy = any(isinstance(module, Chip) and module.stochastic for module in victim.modules())
    if settings.draws == 1 and noisy:
        flags += ("one draw of a chip with read noise; its accuracy is a mean over at least 20",)
    return Record(
        victim=identify(victim), source=source, attack=attack, data=split.name,
        fingerprint=split.fingerprint(), images=len(split), clean=ca, adversarial=aa, loss=al,
        success=asr, largest_change=float((adversarial - clean_images).abs().max()),
        seed=settings.seed, draws=settings.draws, batch_size=size, threads=torch.get_num_threads(),
        versions=versions(), flags=flags, clean_answers=_single(clean), answers=_single(hit),
        products=products,
    )  # fmt: skip


def _single(hits: Tensor) -> Correctness:
    """Keep the one answer to every image of `(draws, N)`, if all draws give it."""
    agree = torch.equal(hits, hits[:1].expand_as(hits))
    return Correctness.of(hits[0].tolist()) if agree else Correctness()


def _estimates(clean: Tensor, hit: Tensor) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Compute CA, AA, AL, ASR from `(draws, N)` answers."""
    broken = clean & ~hit
    if len(clean) > 1 and not (_single(clean) and _single(hit)):
        rate = broken.sum(1) / clean.sum(1).clamp(min=1)
        ca, aa = clean.double().mean(1), hit.double().mean(1)
        return over_draws(ca), over_draws(aa), over_draws(ca - aa), over_draws(rate.double())
    clean, hit, broken = clean[0], hit[0], broken[0]  # one draw, or draws that all agree
    n, right = len(clean), int(clean.sum())
    lost, won = int(broken.sum()), int((hit & ~clean).sum())
    loss = paired_difference(lost, won, n)
    return wilson(right, n), wilson(int(hit.sum()), n), loss, wilson(lost, right)


def versions() -> dict[str, str]:
    """List the versions that numbers were computed with."""
    from importlib.metadata import version

    return {
        "wordline": version("wordline"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
