"""The robust gain of a chip: its accuracy under attack less that of software, attacked alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..records import Attenuated, Scaled, robust_gain
from ..records.pairs import attack_key
from ..records.record import NetworkIdentity, Record
from ..values import Value
from .measurement import Measurement

Network = tuple[str, str]  # weights, structure: equal weights may stand behind pixels of other bits
ONE_DRAW = "one draw"  # how the flag of a record of a single draw of read noise begins


def key_of(network: NetworkIdentity) -> Network:
    """Return what tells a network from others."""
    return network.weights, network.structure


def condition_of(record: Record) -> tuple[Any, ...]:
    """Return images and attack, as it is run to its end: what two records must share."""
    return record.fingerprint, record.images, *attack_key(record)


def software_of_chips(results: Iterable[Value]) -> dict[Network, set[Network]]:
    """Map chips to the software networks that they may be made from.

    Those whose images were transferred to them (SH), and those of their twins, which name both.
    Where there are more than one, the folder does not say which.
    """
    found: dict[Network, set[Network]] = {}
    for record in results:
        if isinstance(record, Record):
            origin = record.victim.origin
            if record.setting == "SH":
                found.setdefault(key_of(record.victim), set()).add(key_of(record.source))
            elif isinstance(origin, Attenuated):
                found.setdefault(key_of(origin.chip), set()).add(key_of(origin.software))
    return found


def pair_with_software(results: Iterable[Value]) -> Iterator[tuple[Record, Record]]:
    """Yield (record, software's record) of every record that has a gain over software.

    They are of chips, and of software whose weights stand in for one (twins, scaled weights).
    Software's record is that of the chip's own network (`software_of_chips`), under the same
    attack on the same images; `early_stop` does not tell attacks apart, because it only saves
    steps of white-box attacks. No gain have records without answers, or of one draw of read
    noise; those of a chip that no other record names a network for; and those for which there is
    no software record, or more than one.
    """
    records = [record for record in results if isinstance(record, Record)]
    software_of = software_of_chips(records)
    software: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        if record.setting == "SW" and record.answers:
            key = (key_of(record.victim), *condition_of(record))
            software.setdefault(key, []).append(record)
    for record in records:
        networks = _software_of(record.victim, software_of)
        if len(networks) != 1 or not record.answers or any(ONE_DRAW in f for f in record.flags):
            continue
        beside = software.get((*networks, *condition_of(record)), [])
        if len(beside) == 1:
            yield record, beside[0]


def measure_robust_gains(results: Iterable[Value]) -> Iterator[Measurement]:
    """Yield the gain over software of records that have one, with paired intervals."""
    for record, software in pair_with_software(results):
        yield Measurement(record, robust_gain(record, software))


def _software_of(
    victim: NetworkIdentity, software_of: Mapping[Network, set[Network]]
) -> set[Network]:
    """Return the software networks that a victim may be made from; of software itself none."""
    if isinstance(victim.origin, Attenuated | Scaled):
        return {key_of(victim.origin.software)}
    return software_of.get(key_of(victim), set()) if victim.is_chip else set()
