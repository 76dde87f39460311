"""The robust gain of a record in a folder: over software, attacked alike, on the same images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..paired import robust_gain
from ..values import decode, encode
from .fields import Plain, at, is_chip, word
from .layout import ROBUST_GAIN_FIELD

ALIKE = ("data", "fingerprint", "images", "attack", "eps", "loss", "attack.steps", "attack.queries")


def with_robust_gains(records: Iterable[Plain]) -> list[Plain]:
    """The records of chips, each with its gain over software under `robust_gain` where the folder says what it is.

    Software's record is that of the same network, images, attack, epsilon, loss and steps; whether an attack may stop
    at the first success (white-box) or is run to its end (transfer) does not tell them apart. A transfer record names
    its software network by weights; a white-box record of the same chip is paired through it, and a chip of which
    there is none through the name of its network. Left as they are: records without answers, and those for which
    there is no software record, or more than one.
    """
    every = list(records)
    software: dict[tuple[Any, ...], list[Plain]] = {}
    known = {at(r, "victim.weights"): at(r, "source.weights") for r in every if word(r, "setting") == "SH"}
    for plain in every:
        if word(plain, "setting") == "SW" and at(plain, "answers.count"):
            software.setdefault((at(plain, "victim.weights"), *_attacked(plain)), []).append(plain)
            software.setdefault((word(plain, "model"), *_attacked(plain)), []).append(plain)
    found: list[Plain] = []
    for plain in every:
        chip = is_chip(plain.get("victim")) and at(plain, "answers.count")
        name = known.get(at(plain, "victim.weights")) or word(plain, "model")
        beside = software.get((name, *_attacked(plain)), []) if chip else []
        if len(beside) == 1:
            gain = robust_gain(decode(dict(plain)), decode(dict(beside[0])))
            plain = {**plain, ROBUST_GAIN_FIELD: encode(gain)}
        found.append(plain)
    return found


def _attacked(plain: Plain) -> tuple[str, ...]:
    return tuple(word(plain, name) for name in ALIKE)
