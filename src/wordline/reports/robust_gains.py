"""The robust gain of a record in a folder: over software, attacked alike, on the same images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..records import robust_gain
from ..records.record import Record
from ..values import decode, encode
from .fields import Plain, at, is_chip, word
from .layout import ROBUST_GAIN_FIELD

Network = tuple[Any, Any]  # what its numbers are, and its structure


def sources(records: Iterable[Plain]) -> dict[Network, set[Network]]:
    """Chips -> the software networks whose images were transferred to them, by the records of transfer (SH).

    One is the network that the chip is made from; where there are more, the folder does not say which.
    """
    found: dict[Network, set[Network]] = {}
    for plain in records:
        if word(plain, "setting") == "SH":
            found.setdefault(network(plain, "victim"), set()).add(network(plain, "source"))
    return found


def with_robust_gains(records: Iterable[Plain]) -> list[Plain]:
    """The records of chips, each with its gain over software under `robust_gain` where the folder says what it is.

    Software's record is that of the chip's own network (`sources`), the same images and the same attack; whether it may
    stop at the first success (white-box) or is run to its end (transfer) does not tell attacks apart. Left as they are:
    records without answers, or of one draw of read noise; those of a chip that no transfer record names a network for;
    and those for which there is no software record, or more than one.
    """
    every = list(records)
    chips = sources(every)
    software: dict[tuple[Any, ...], list[Record]] = {}
    for plain in every:
        if word(plain, "setting") == "SW" and at(plain, "answers.count"):
            made = decode(dict(plain))
            software.setdefault((network(plain, "victim"), *_attacked(made)), []).append(made)
    found: list[Plain] = []
    for plain in every:
        own = chips.get(network(plain, "victim"), set()) if is_chip(plain.get("victim")) else set()
        if len(own) == 1 and at(plain, "answers.count") and not any("one draw" in flag for flag in plain["flags"]):
            made = decode(dict(plain))
            beside = software.get((*own, *_attacked(made)), [])
            if len(beside) == 1:
                plain = {**plain, ROBUST_GAIN_FIELD: encode(robust_gain(made, beside[0]))}
        found.append(plain)
    return found


def network(plain: Plain, side: str) -> Network:
    """What tells the victim or the source from others: equal weights may stand behind pixels of other bits."""
    return at(plain, f"{side}.weights"), at(plain, f"{side}.structure")


def _attacked(record: Record) -> tuple[Any, ...]:
    """Images and attack, as it is run to its end."""
    attack = record.attack
    whole = attack.for_transfer() if hasattr(attack, "for_transfer") else attack
    return record.fingerprint, record.images, whole.identity(), record.seed
