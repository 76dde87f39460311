"""A victim's answers on clean and adversarial images, counted."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import ImageSplit, clip_rounding, to_float
from ..models import correct
from ..nn import Chip
from ..records import Answers, Products, over_draws, paired_difference, wilson
from ..records.record import Estimate, Party, Record
from .account import account, warnings_of
from .party import party, restart_noise


@dataclass(frozen=True)
class Conditions:
    """What besides the networks, the attack and the images decides a record."""

    seed: int
    draws: int
    batch_size: int


def score(
    victim: nn.Module,
    source: Party,
    attack: AbstractAttack,
    split: ImageSplit,
    adversarial: Tensor,
    conditions: Conditions,
    clean: Tensor | None = None,
    products: Products | None = None,
    flags: tuple[str, ...] = (),
) -> Record:
    """The record of a victim on a split and on its adversarial version.

    `clean` `(N,)`: what `correct` said of the clean images, where a victim that always answers the same was asked
    before; `products`: what `account` said of the victim, if it was asked; `flags`: what the record is to say besides.
    """
    clean_images = to_float(split.images)
    if adversarial.shape != clean_images.shape:
        raise ValueError(f"`adversarial` must have shape {tuple(clean_images.shape)}, got {tuple(adversarial.shape)}")
    adversarial, said = clip_rounding(adversarial)
    if not bool(((adversarial >= 0) & (adversarial <= 1)).all()):
        raise ValueError("`adversarial` holds values outside [0, 1] or NaN; the attack made images that are not valid")
    products = account("victim", victim, split) if products is None else products
    size = conditions.batch_size
    restart_noise(victim, "score", conditions.seed)  # draws that no attack has seen
    if clean is None:
        draws = [correct(victim, clean_images, split.labels, batch_size=size) for _ in range(conditions.draws)]
        clean = torch.stack(draws)
    else:
        clean = clean.expand(conditions.draws, -1)
    hit = torch.stack([correct(victim, adversarial, split.labels, batch_size=size) for _ in range(conditions.draws)])
    ca, aa, al, asr = _estimates(clean, hit)
    flags = (*split.flags, *flags, *warnings_of(products))
    flags += (f"adversarial {said}",) if said else ()
    flags += () if bool(clean.any()) else ("no image is classified correctly, so ASR is undefined",)
    if conditions.draws == 1 and any(isinstance(m, Chip) and m.stochastic for m in victim.modules()):
        flags += ("one draw of a chip with read noise; its accuracy is a mean over at least 20",)
    return Record(
        victim=party(victim), source=source, attack=attack, data=split.name, fingerprint=split.fingerprint(),
        images=len(split), clean=ca, adversarial=aa, loss=al, success=asr,
        largest_change=float((adversarial - clean_images).abs().max()), seed=conditions.seed, draws=conditions.draws,
        batch_size=size, threads=torch.get_num_threads(), versions=versions(), flags=flags,
        clean_answers=_single(clean), answers=_single(hit), products=products,
    )  # fmt: skip


def _single(hits: Tensor) -> Answers:
    """`(draws, N)` -> the one answer to every image, if all draws give it."""
    return Answers.of(hits[0].tolist()) if torch.equal(hits, hits[:1].expand_as(hits)) else Answers()


def _estimates(clean: Tensor, hit: Tensor) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """CA, AA, AL, ASR from `(draws, N)` answers."""
    broken = clean & ~hit
    if len(clean) > 1 and not (_single(clean) and _single(hit)):
        rate = broken.sum(1) / clean.sum(1).clamp(min=1)
        ca, aa = clean.double().mean(1), hit.double().mean(1)
        return over_draws(ca), over_draws(aa), over_draws(ca - aa), over_draws(rate.double())
    clean, hit, broken = clean[0], hit[0], broken[0]  # one draw, or draws that all agree
    n, right, lost, won = len(clean), int(clean.sum()), int(broken.sum()), int((hit & ~clean).sum())
    return wilson(right, n), wilson(int(hit.sum()), n), paired_difference(lost, won, n), wilson(lost, right)


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    from importlib.metadata import version

    return {"wordline": version("wordline"), "torch": torch.__version__, "python": platform.python_version()}
