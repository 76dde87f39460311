"""Gains over software pooled over chips and images, and the attenuated twins' share of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..values import Value, require_integer
from .correctness import Correctness
from .gain_verdict import gain_verdict, split_verdict
from .network_identity import NetworkIdentity
from .origin import Attenuated, Scaled
from .pairs import require_answers, require_clean_answers, require_same_attack, require_same_images
from .record import Record
from .two_way import Integers, two_way_interval

STAND_INS = (Attenuated, Scaled)


@dataclass(frozen=True)
class PooledEstimate(Value):
    """A difference pooled over chips and images, with its 95 % interval.

    With one chip the interval is over images alone: it speaks of that chip, not of its design.

    >>> print(PooledEstimate(0.033, 0.007, 0.059, chips=5, images=1000))
    3.3 [0.7, 5.9] over 5 chips and 1000 images
    """

    value: float
    low: float
    high: float
    chips: int
    images: int

    def __str__(self) -> str:
        points = f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"
        over = f"{self.chips} chips and {self.images} images"
        return f"{points} over {over if self.chips > 1 else f'{self.images} images of one chip'}"


@dataclass(frozen=True)
class PooledGain(Value):
    """Chips against software, pooled: advantage = clean_loss + gain.

    `clean_loss` = CA(software) - CA(chips); `advantage` = AL(software) - AL(chips); `gain` =
    AA(chips) - AA(software).
    """

    clean_loss: PooledEstimate
    advantage: PooledEstimate
    gain: PooledEstimate

    @property
    def verdict(self) -> str:
        """ "gain", "loss", "no gain" or "undecided" (`gain_verdict`)."""
        return gain_verdict(self.gain)

    def __str__(self) -> str:
        return f"gain {self.gain}: {self.verdict}"


@dataclass(frozen=True)
class GainSplit(Value):
    """A pooled gain and its parts: gain = attenuation + rest.

    `attenuation` = AA(twins) - AA(software), to be had without any hardware; `rest` = AA(chips) -
    AA(twins), each chip with its own twin; `kept` = CA(twins) - CA(chips).
    """

    gain: PooledEstimate
    attenuation: PooledEstimate
    rest: PooledEstimate
    kept: PooledEstimate

    @property
    def verdict(self) -> str:
        """The verdict on the gain, "explained by attenuation" where it is (`split_verdict`)."""
        return split_verdict(self.gain, self.attenuation, self.rest, self.kept)

    def __str__(self) -> str:
        parts = f"attenuation {self.attenuation}, rest {self.rest}"
        return f"gain {self.gain}: {self.verdict}; {parts}"


def pooled_gain(
    chips: Sequence[Record], software: Record, *, replicates: int = 2000, seed: int = 0
) -> PooledGain:
    """Pool what chips of one design lose and gain over software, with 95 % intervals.

        CA(software) - CA(chips),  AL(software) - AL(chips),  AA(chips) - AA(software)

    Means over chips and images, paired image by image; intervals of `two_way_interval`, a cluster
    bootstrap over chips and images. `chips`: one record for each chip, in one setting;
    `software`: software's own record under the same attack on the same images. Twins and scaled
    networks may stand in place of chips.

    Raises ValueError for no chips, a chip that comes twice, chips of several designs or settings,
    other images or attacks than software's, images crafted on another software network, stand-ins
    of another network, and records without answers.
    """
    require_integer("replicates", replicates, at_least=100)
    require_integer("seed", seed, at_least=0)
    _require_pool("chips", chips, software)
    beside = _attacked([software]), _clean([software])
    gain, clean = _attacked(chips) - beside[0], beside[1] - _clean(chips)
    return PooledGain(
        clean_loss=_pool(clean, replicates, seed),
        advantage=_pool(clean + gain, replicates, seed),
        gain=_pool(gain, replicates, seed),
    )


def split_gain(
    chips: Sequence[Record], twins: Sequence[Record], software: Record,
    *, replicates: int = 2000, seed: int = 0,
) -> GainSplit:  # fmt: skip
    """Split the pooled gain of chips into their attenuated twins' share and the rest.

        AA(chips) - AA(software) = [AA(twins) - AA(software)] + [AA(chips) - AA(twins)]

    `twins`: one record for each chip, in the order of `chips`: white-box beside white-box chips,
    and of the same source's images beside chips under transfer. Intervals and other arguments as
    of `pooled_gain`, all of the same draws of chips and images.

    Raises ValueError as `pooled_gain` does, for another number of twins than chips, for networks
    that are no stand-ins, for the twin of another chip, and for images of another source.
    """
    require_integer("replicates", replicates, at_least=100)
    require_integer("seed", seed, at_least=0)
    _require_pool("chips", chips, software)
    _require_twins(chips, twins)
    _require_pool("twins", twins, software)
    own, twin, beside = _attacked(chips), _attacked(twins), _attacked([software])
    return GainSplit(
        gain=_pool(own - beside, replicates, seed),
        attenuation=_pool(twin - beside, replicates, seed),
        rest=_pool(own - twin, replicates, seed),
        kept=_pool(_clean(twins) - _clean(chips), replicates, seed),
    )


def _pool(table: Integers, replicates: int, seed: int) -> PooledEstimate:
    return PooledEstimate(*two_way_interval(table, replicates=replicates, seed=seed), *table.shape)


def _attacked(records: Sequence[Record]) -> Integers:
    return _table([record.answers for record in records])


def _clean(records: Sequence[Record]) -> Integers:
    return _table([record.clean_answers for record in records])


def _table(answers: Sequence[Correctness]) -> Integers:
    """Right (1) or wrong (0), a row a record."""
    return np.array([list(right) for right in answers], dtype=np.int64)


def _require_pool(name: str, records: Sequence[Record], software: Record) -> None:
    """Refuse records that are not different networks of one design beside one of software."""
    require_answers("software", software)
    require_clean_answers("software", software)
    if software.setting != "SW":
        raise ValueError(
            f"`software` is a record of the setting {software.setting}; pass the record of the "
            "software network under images crafted on itself (SW)"
        )
    if not records:
        raise ValueError(f"`{name}` is empty; pass one record for each chip")
    for record in records:
        require_answers(name, record)
        require_clean_answers(name, record)
        require_same_images(name, record, software)
        require_same_attack(name, record, software)
        if _design(record) != _design(records[0]):
            raise ValueError(
                f"`{name}` holds records of several designs or settings; pool one crossbar in one "
                "setting"
            )
        _require_software_of(name, record, software.victim)
    networks = {_content(record.victim) for record in records}
    if len(networks) < len(records):
        raise ValueError(f"`{name}` holds two records of one network; pass one for each chip")


def _design(record: Record) -> tuple[str, str, Value, str, str]:
    """Return what records of one pool share; of a stand-in, how it was made as well."""
    victim, origin = record.victim, record.victim.origin
    made = origin.per if isinstance(origin, Attenuated) else origin.identity()
    return record.setting, victim.network, victim.chip.crossbar, victim.chip.calibration, made


def _content(network: NetworkIdentity) -> tuple[str, str]:
    return network.weights, network.structure


def _require_software_of(name: str, record: Record, software: NetworkIdentity) -> None:
    """Refuse images crafted on another software network, and stand-ins of another network."""
    origin = record.victim.origin
    if isinstance(origin, STAND_INS) and _content(origin.software) != _content(software):
        raise ValueError(
            f"`{name}` holds a stand-in made of another network ({origin.software.weights}) than "
            f"`software` ({software.weights}); pass software's record of the same network"
        )
    crafted, alone = record.source, _content(record.source) == _content(record.victim)
    if not (crafted.is_chip or alone or _content(crafted) == _content(software)):
        raise ValueError(
            f"`{name}` has a record of images crafted on another network ({crafted.weights}) than "
            f"`software` ({software.weights}); its accuracy has no counterpart in software's"
        )


def _require_twins(chips: Sequence[Record], twins: Sequence[Record]) -> None:
    if len(twins) != len(chips):
        raise ValueError(
            f"`twins` must be one for each of the {len(chips)} chips, got {len(twins)}"
        )
    for number, (chip, twin) in enumerate(zip(chips, twins, strict=True)):
        require_answers("twins", twin)
        if not isinstance(twin.victim.origin, STAND_INS):
            raise ValueError(
                f"`twins` must be stand-ins, made by `wordline.attenuated`; number {number} is a "
                f"network as it was trained or mapped ({twin.setting})"
            )
        if twin.victim.is_twin and twin.victim.chip != chip.victim:
            raise ValueError(
                f"`twins` must stand in the order of `chips`; number {number} is the twin of "
                f"another chip (seed {twin.victim.chip.seed}, not {chip.victim.seed})"
            )
        white = chip.source == chip.victim
        if white != (twin.source == twin.victim) or not (white or twin.source == chip.source):
            raise ValueError(
                f"`twins` must be attacked as the chips are; number {number} is {twin.setting} "
                f"beside {chip.setting}, or its images are of another source"
            )
