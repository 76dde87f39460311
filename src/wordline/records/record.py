"""The record of one evaluation: accuracies with intervals, and the conditions to repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..text import render_table
from ..values import Value
from .correctness import Correctness
from .network_identity import NetworkIdentity as NetworkIdentity
from .network_identity import Software as Software
from .origin import Attenuated, Scaled
from .products import NOT_PROBED, Products

NOT_KEPT = Correctness()


@dataclass(frozen=True)
class Estimate(Value):
    """A share in [0, 1] (or a difference in [-1, 1]) with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@dataclass(frozen=True)
class Record(Value):
    """Accuracy of a victim on clean images and under an attack crafted on a source.

    CA = share of clean images classified correctly, AA = share of adversarial images classified
    correctly, AL = CA - AA (arXiv 2008.11298), ASR = share of correctly classified images that the
    attack breaks. Intervals are 95 %: Wilson's for CA, AA and ASR, paired (Agresti & Min 2005) for
    AL; over `draws` > 1 of a stochastic victim, mean +- 1.96 sd / sqrt(draws). `clean_answers` and
    `answers` hold, image by image, the answers that CA and AA count; they are empty where draws of
    a stochastic victim disagree, and in records of earlier versions. `products`: the victim's
    products, `products.share` of which arrays compute; all zero in software.
    """

    victim: NetworkIdentity
    source: NetworkIdentity
    attack: Value
    data: str
    fingerprint: str
    images: int
    clean: Estimate
    adversarial: Estimate
    loss: Estimate
    success: Estimate
    largest_change: float
    seed: int
    draws: int
    batch_size: int
    threads: int
    versions: dict[str, str] = field(hash=False)
    flags: tuple[str, ...] = ()
    clean_answers: Correctness = NOT_KEPT
    answers: Correctness = NOT_KEPT
    products: Products = NOT_PROBED

    @property
    def clean_accuracy(self) -> float:
        """CA."""
        return self.clean.value

    @property
    def adversarial_accuracy(self) -> float:
        """AA."""
        return self.adversarial.value

    @property
    def adversarial_loss(self) -> float:
        """AL = CA - AA; it falls when CA falls, so read it beside CA and ASR."""
        return self.loss.value

    @property
    def attack_success_rate(self) -> float:
        """ASR."""
        return self.success.value

    @property
    def setting(self) -> str:
        """The threat: which network is attacked, and on which one the images were crafted.

        SW: software attacked; SH: chip, crafted on software; HH: chip, crafted on itself; HS:
        software, crafted on a chip; BPDA: the source's gradient is that of another network;
        chip-to-chip and transfer: between two chips, between two software networks.
        """
        if self.source.gradient.startswith("of "):
            return "BPDA"
        if self.victim == self.source:
            return "HH" if self.victim.is_chip else "SW"
        if self.victim.is_chip:
            return "chip-to-chip" if self.source.is_chip else "SH"
        return "HS" if self.source.is_chip else "transfer"

    def row(self) -> tuple[str, ...]:
        """Return the cells of the record's line in `table`."""
        return (
            self.setting, describe(self.victim), describe_attack(self.attack),
            str(self.clean), str(self.adversarial), str(self.loss), str(self.success),
            str(self.images),
        )  # fmt: skip

    def __str__(self) -> str:
        return table([self])


HEADER = ("", "victim", "attack", "CA %", "AA %", "AL %", "ASR %", "images")


def table(records: Sequence[Record], *, title: str = "") -> str:
    """Write a table in plain text: CA, AA, AL and ASR in percent with their 95 % intervals."""
    for record in records:
        if not isinstance(record, Record):
            raise TypeError(f"`records` must hold Records, got {type(record).__name__}")
    return render_table(HEADER, [record.row() for record in records], title=title)


def describe(identity: NetworkIdentity) -> str:
    """Describe a network in a few words: its class, and of a chip the tile, gain and seed.

    A network of other weights says how they came about: the twin of which chip, or the factor.
    """
    if isinstance(identity.origin, Attenuated):
        twin, chip = identity.origin.words, describe(identity.origin.chip)
        return f"{identity.network}, {twin} of {chip}"
    if isinstance(identity.origin, Scaled):
        return f"{identity.network}, weights x {identity.origin.factor:g}"
    if not identity.is_chip:
        return identity.network
    tile = identity.tile
    return f"chip {tile[0]}x{tile[1]} {identity.gain} #{identity.seed}"


def describe_attack(attack: Value) -> str:
    """Describe an attack in a few words: its class, epsilon and, if there are, steps and loss."""
    words = [type(attack).__name__]
    eps = getattr(attack, "eps", None)
    if eps is not None:
        words.append(fraction(eps))
    for name in ("steps", "loss"):
        value = getattr(attack, name, None)
        if value is not None:
            words.append(f"{value} steps" if name == "steps" else str(value))
    return " ".join(words)


def fraction(eps: float) -> str:
    """Write epsilon as k/255 where it is one, else as a short decimal.

    >>> fraction(8 / 255), fraction(0.15), fraction(0.2)
    ('8/255', '0.15', '0.2')
    """
    if float(f"{eps:.2g}") == eps:
        return f"{eps:.2g}"
    levels = eps * 255
    is_level = abs(levels - round(levels)) < 1e-9 and levels >= 1
    return f"{round(levels)}/255" if is_level else f"{eps:.3g}"
