"""Names on the command line of the crossbars, networks and attacks in records."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from .. import models
from ..attacks.named import NAMED, AttackOptions, attack_by_name
from ..evaluation import identify
from ..mapping import Crossbar
from ..mapping.presets import PRESETS
from ..records.record import Record, fraction
from ..reports.page import CommandNames
from ..values import Value
from .options import STEP, gains, parse_number


def names_of(records: Iterable[Record]) -> CommandNames:
    """Map contents to names: presets, networks that ship with wordline, attacks of the records."""
    attacks = {record.attack.identity(): arguments_of(record.attack) for record in records}
    known = {identity: words for identity, words in attacks.items() if words}
    return CommandNames(_crossbars(), _networks(), known)


@functools.cache
def _crossbars() -> dict[str, tuple[str, str]]:
    return {
        Crossbar.preset(preset, gain=gain).identity(): (preset, name)
        for preset in PRESETS for name, gain in gains().items()
    }  # fmt: skip


@functools.cache
def _networks() -> dict[str, str]:
    return {identify(models.load_model(name)).weights: name for name in models.packaged_models()}


def arguments_of(attack: Value) -> tuple[str, ...]:
    """Return the arguments of `evaluate` for this attack; none where it has none."""
    wish = _wish(attack)
    for name in NAMED:
        try:
            same = attack_by_name(name, wish) == attack
        except (ImportError, ValueError, TypeError):
            continue
        if same:
            words = ["--attack", name, "--eps", number(wish.eps), "--loss", str(wish.loss)]
            words += ["--steps", str(wish.steps)] if wish.steps else []
            words += ["--step-size", number(wish.step_size)] if wish.step_size != STEP else []
            words += [] if wish.random_start else ["--no-random-start"]
            return (*words, *(["--early-stop"] if wish.early_stop else []))
    return ()


def number(value: float) -> str:
    """Write a number for `--eps`, exact to the last bit: 8/255 where that is the same number."""
    short = fraction(value)
    return short if parse_number(short) == value else repr(value)


def _wish(attack: Value) -> AttackOptions:
    """Return the options behind an attack: its own fields, else those of the attacks inside it."""
    inner = [attack, *_inside(attack)]
    said: dict[str, Any] = {"eps": 0.0, "step_size": STEP}
    for name in ("eps", "step_size", "steps", "loss", "random_start", "early_stop"):
        for part in inner:
            value = getattr(part, name, None)
            if value is not None:
                said[name] = value
                break
    if said.get("loss") not in (None, "cross-entropy", "margin", "dlr"):
        said.pop("loss")
    return AttackOptions(**said)


def _inside(attack: Value) -> list[Value]:
    found: list[Value] = []
    for value in vars(attack).values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Value):
                found += [item, *_inside(item)]
    return found
