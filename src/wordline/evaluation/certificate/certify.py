"""Certified accuracy of a network whose first layer is noisy: one call, one certificate."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...attacks import AbstractAttack
from ...attacks.norms import require_radius
from ...datasets import ImageSplit, Pairs, as_split
from ...models.batches import batches, prepare
from ...progress import AbstractProgress, Advance, Silent
from ...records import AttackedVotes, Certificate, clopper_pearson, wilson
from ...seeds import stream_seed
from ...values import require_instance, require_integer, require_number, takes_numbers
from ..account import account, warnings_of
from ..craft import craft
from ..identify import display_name, identify
from ..matched_noise import NoisyLayer
from ..requirements import require_evaluation_mode, require_fit
from ..score import versions
from .sensitivity import restart, sensitivity
from .votes import count_votes, counted_passes

RADII = (0.25, 0.5, 1.0)
NO_ATTACKS: tuple[AbstractAttack, ...] = ()


@takes_numbers
def certify(
    *,
    victim: nn.Module,
    data: Pairs,
    radii: Sequence[float] = RADII,
    selection: int = 100,
    estimation: int = 1000,
    alpha: float = 0.001,
    attacks: Sequence[AbstractAttack] = NO_ATTACKS,
    limit: int = 0,
    batch_size: int = 100,
    seed: int = 0,
    progress: AbstractProgress | None = None,
) -> Certificate:
    """Certify the answers of a chip by the output noise of its own first layer.

        radius = Phi^-1(p) / || D^(-1/2) W ||_2

    W: exact matrix of the first mapped layer, padding, stride and normalisation included; D:
    variances of the output noise of its columns; p: lower bound, of confidence 1 - alpha, of the
    share of `estimation` reads that give the class which most of `selection` reads gave. No change
    of an image of a smaller L2 length alters the vote of the chip; whatever stands behind the
    noise (ADCs, further layers, their noise) plays no part. docs/certificate.md derives it, and
    says what it does not cover.

    The first `limit` images (0: all) are read selection + estimation times each, `batch_size` at a
    time. `attacks` in L2, such as `PGD(eps=1, norm="l2", steps=20, eot=8)`, are made at every
    radius, and their images judged by a vote of `selection` reads: they stand beside the
    certificate, which they must not beat beyond its error rate.

    For software with noise at its input see `with_input_noise`. Raises ValueError for a victim
    whose first layer has no independent additive Gaussian noise, in words, and for one in training
    mode; TypeError for wrong kinds of argument.
    """
    require_evaluation_mode("victim", victim)
    for name, value in (("selection", selection), ("estimation", estimation)):
        require_integer(name, value, at_least=1)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    require_integer("seed", seed, at_least=0)
    require_number("alpha", alpha, above=0.0)
    if alpha >= 0.5:
        raise ValueError(f"`alpha` must be below 0.5, got {alpha:g}; it is a rate of errors: 0.001")
    require_instance("radii", radii, (tuple, list))
    for radius in radii:
        require_radius("radii", radius, "l2", above=0.0)
    for attack in attacks:
        require_instance("attacks", attack, AbstractAttack)
        if attack.norm != "l2":
            raise ValueError(
                f"`attacks` must be in L2, which the certificate is of; got {attack.norm!r}; write "
                'norm="l2"'
            )
    split = as_split(data, limit=limit)
    require_fit("victim", victim, split)
    products = account("victim", victim, split)
    layer, bound = sensitivity(victim, prepare(victim, split.images[:1]))
    if not bound > 0:
        raise ValueError(
            f"`victim` has a first layer {layer!r} of weight zero: its answers do not depend on "
            "images"
        )
    reads = len(split) * (selection + estimation + selection * len(radii) * len(attacks))
    with (
        counted_passes(victim) as passes,
        (progress or Silent()).task("certify", reads) as advance,
    ):
        chosen, counts = _reads(victim, split, (selection, estimation), seed, batch_size, advance)
        picked = counts.gather(1, chosen[:, None])[:, 0]
        hits = counts.gather(1, split.labels[:, None].cpu())[:, 0]
        found = Certificate(
            victim=identify(victim), layer=layer, sensitivity=bound, data=split.name,
            fingerprint=split.fingerprint(), radii=tuple(map(float, radii)), selection=selection,
            estimation=estimation, alpha=alpha, labels=tuple(split.labels.tolist()),
            classes=tuple(chosen.tolist()), votes=tuple(picked.tolist()),
            hits=tuple(hits.tolist()), passes=0, seed=seed, batch_size=batch_size,
            threads=torch.get_num_threads(), versions=versions(),
            flags=(*split.flags, *warnings_of(products)),
        )  # fmt: skip
        aimed = [_aimed(attack, radius) for attack in attacks for radius in found.radii]
        attacked = tuple(_attacked(victim, split, attack, found, advance) for attack in aimed)
    return dataclasses.replace(found, passes=passes[0], attacks=attacked)


def with_input_noise(software: nn.Module, sigma: float, *, seed: int = 0) -> nn.Module:
    """Put Gaussian noise of standard deviation sigma > 0 on the images that a network is given.

    The baseline of a certificate (Cohen et al. 2019): `certify` gives it radii of
    sigma Phi^-1(p). The noise is drawn at every pass, from a stream of its own.

    >>> noisy = with_input_noise(nn.Flatten().eval(), 0.25)
    >>> noisy.display_name
    'Flatten with input noise 0.25'
    """
    require_evaluation_mode("software", software)
    require_number("sigma", sigma, above=0.0)
    generator = torch.Generator().manual_seed(stream_seed(seed, "input noise"))
    noise = NoisyLayer(nn.Identity(), 0.0, sigma, generator)
    noisy = nn.Sequential(noise, software).eval()
    words = f"{display_name(software)} with input noise {sigma:.3g}"
    noisy.display_name = words  # type: ignore[assignment]
    return noisy


def _reads(
    victim: nn.Module, split: ImageSplit, reads: tuple[int, int], seed: int, batch_size: int,
    advance: Advance,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the class of each image by the first reads, and the counts of answers by the others.

    Every batch has a stream of noise of its own, so that it can be read again alone.
    """
    chosen, counts = [], []
    for batch in batches(victim, split.images, split.labels, batch_size):
        restart(victim, "certify", seed, batch.start)
        first, others = (count_votes(victim, batch.images, n, advance) for n in reads)
        chosen.append(first[:, :-1].argmax(1))
        counts.append(others)
    return torch.cat(chosen), torch.cat(counts)


def _aimed(attack: AbstractAttack, radius: float) -> AbstractAttack:
    return dataclasses.replace(attack, eps=radius)  # type: ignore[type-var]  # each is a dataclass


def _attacked(
    victim: nn.Module, split: ImageSplit, attack: AbstractAttack, found: Certificate,
    advance: Advance,
) -> AttackedVotes:  # fmt: skip
    """Attack all images, and count votes of other reads than the attack has seen."""
    seed, size = found.seed, found.batch_size
    images = craft(victim, attack, split, seed=seed, batch_size=size)
    votes = []
    for batch in batches(victim, images, split.labels, size):
        restart(victim, "attacked", seed, repr(attack), batch.start)
        votes.append(count_votes(victim, batch.images, found.selection, advance))
    counts = torch.cat(votes)
    right = int((counts[:, :-1].argmax(1) == split.labels.cpu()).sum())
    sure = found.certified_images(attack.eps)
    own = counts.gather(1, torch.tensor(found.classes)[:, None])[:, 0].tolist()
    bounds = [clopper_pearson(k, found.selection, found.alpha)[1] for k in own]
    beaten = sum(held and high < 0.5 for held, high in zip(sure, bounds, strict=True))
    return AttackedVotes(
        attack, attack.eps, found.selection, wilson(right, len(split)), sum(sure), beaten
    )
