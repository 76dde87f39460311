"""Certificates: radii of images within which no change alters a randomised network's answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist

from ..text import render_table
from ..values import Value, require_number
from .intervals import Z, clopper_pearson, wilson
from .network_identity import NetworkIdentity
from .record import Estimate, describe, describe_attack

NORMAL = NormalDist()


@dataclass(frozen=True)
class AttackedVotes(Value):
    """Votes of a randomised network on images that an attack moved by at most `radius` in L2.

    `accuracy`: share of images whose vote is their label; `certified`: images certified at this
    radius with their label; `beaten`: those of them whose class has, with confidence 1 - alpha,
    less than half of the reads now. A certificate fails with probability alpha, and so does that
    judgement: 2 alpha of `certified` are to be expected, and more say that something is wrong.
    """

    attack: Value
    radius: float
    reads: int
    accuracy: Estimate
    certified: int
    beaten: int


@dataclass(frozen=True)
class Certificate(Value):
    """Certified radii of a randomised network, image by image, from counts of its answers.

        radius = Phi^-1(p) / sensitivity    where p > 1/2, else the network abstains

    p: lower Clopper-Pearson bound, of confidence 1 - `alpha`, of the share of reads that give the
    class which most of `selection` other reads gave. An image is certified at r if its radius is
    larger than r: no change of L2 length r or less moves the vote of infinitely many reads. The
    statement fails for an image with probability `alpha` at most.

    `layer`, `sensitivity`: the first noisy layer, and the bound of how far an image moves its
    outputs in units of their noise; `classes`, `votes`: the class of each image, and how many of
    `estimation` reads gave it; `hits`: how many gave the label. `passes`: images that went through
    the network for all of it, attacks included. Source: Cohen et al. 2019 (arXiv 1902.02918).
    """

    victim: NetworkIdentity
    layer: str
    sensitivity: float
    data: str
    fingerprint: str
    radii: tuple[float, ...]
    selection: int
    estimation: int
    alpha: float
    labels: tuple[int, ...]
    classes: tuple[int, ...]
    votes: tuple[int, ...]
    hits: tuple[int, ...]
    passes: int
    seed: int
    batch_size: int
    threads: int
    versions: dict[str, str] = field(hash=False)
    flags: tuple[str, ...] = ()
    attacks: tuple[AttackedVotes, ...] = ()

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def input_noise(self) -> float:
        """Standard deviation of noise at the input that gives the same radii: 1 / sensitivity."""
        return 1 / self.sensitivity

    @cached_property
    def image_radii(self) -> tuple[float, ...]:
        """The radius of each image; 0 where the network abstains."""
        of_votes = {k: self._radius(k) for k in set(self.votes)}
        return tuple(of_votes[k] for k in self.votes)

    @property
    def largest_radius(self) -> float:
        """The radius of an image for which all reads agree: none of these reads gives more."""
        return self._radius(self.estimation)

    def certified_images(self, radius: float) -> tuple[bool, ...]:
        """Tell the images that are certified at a radius with their label."""
        require_number("radius", radius, at_least=0.0)
        rows = zip(self.classes, self.labels, self.image_radii, strict=True)
        return tuple(named == label and least > radius for named, label, least in rows)

    def certified(self, radius: float) -> Estimate:
        """Return the certified accuracy at a radius; at 0 all that does not abstain and is right.

        The interval is that of the images as a sample of others (Wilson, 95 %).
        """
        return wilson(sum(self.certified_images(radius)), self.images)

    @property
    def abstained(self) -> Estimate:
        """Share of images for which no class has more than half of the reads for certain."""
        return wilson(sum(radius == 0 for radius in self.image_radii), self.images)

    @property
    def clean(self) -> Estimate:
        """Accuracy of a single read on clean images, a mean over images and reads."""
        shares = [k / self.estimation for k in self.hits]
        mean = math.fsum(shares) / self.images
        spread = math.fsum((share - mean) ** 2 for share in shares)
        half = Z * math.sqrt(spread / max(1, self.images - 1) / self.images)
        return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half))

    def row(self) -> tuple[str, ...]:
        """Return the cells of the certificate's line in `certificate_table`."""
        return (
            describe(self.victim), f"{self.input_noise:.3g}", str(self.clean),
            *(str(self.certified(radius)) for radius in (0.0, *self.radii)), str(self.abstained),
            f"{self.selection}+{self.estimation}", f"{self.passes:,}", str(self.images),
        )  # fmt: skip

    def __str__(self) -> str:
        return certificate_table([self])

    def _radius(self, votes: int) -> float:
        share, _ = clopper_pearson(votes, self.estimation, self.alpha)
        return NORMAL.inv_cdf(share) / self.sensitivity if share > 0.5 else 0.0


def certificate_table(certificates: Sequence[Certificate], *, title: str = "") -> str:
    """Write tables in plain text: certified accuracy at each radius, and attacks beside it.

    Certificates of other radii than the first one's stand in a table of their own.
    """
    for found in certificates:
        if not isinstance(found, Certificate):
            raise TypeError(f"`certificates` must hold Certificates, got {type(found).__name__}")
    parts = []
    for radii in dict.fromkeys(found.radii for found in certificates):
        rows = [found.row() for found in certificates if found.radii == radii]
        at = [f"cert. {radius:g} %" for radius in (0.0, *radii)]
        header = (
            "victim", "as input noise", "one read %", *at, "abstains %", "reads", "passes",
            "images",
        )  # fmt: skip
        parts.append(render_table(header, rows, title=title))
    attacked = [
        (
            describe(found.victim), describe_attack(votes.attack), f"{votes.radius:g}",
            str(votes.accuracy), str(found.certified(votes.radius)),
            f"{votes.beaten} of {votes.certified}",
        )
        for found in certificates for votes in found.attacks
    ]  # fmt: skip
    if attacked:
        header = ("victim", "attack", "radius", "vote right %", "certified %", "beaten")
        parts.append(render_table(header, attacked, title="attacked"))
    return "\n\n".join(parts)
