"""Words of a record: what a table, a filter and a figure call its parts. Records come as the JSON that they are."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any, Final

from ..records.record import fraction

Plain = Mapping[str, Any]
CONDITIONS: Final = ("victim", "source", "chip", "software", "crossbar", "attack", "data", "fingerprint", "images")
CONDITIONS_TOO: Final = ("draws", "calibration", "model", "recipe", "eps")
SWEPT: Final = ("attack.eps", "attack.steps", "attack.step_size")  # what changes along a curve
MISSING: Final = "-"
INFINITE: Final = {"float": "inf"}  # as JSON has it
_AVERAGES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {"mean": fmean, "median": median}


def word(record: Plain, field: str) -> str:
    """A field of a record as a word of a table: "HH", "64x64", "8/255"; "-" where the record has none.

    >>> word({"attack": {"type": "FGSM", "eps": 8 / 255}}, "eps")
    '8/255'
    """
    if field in _WORDS:
        return str(_WORDS[field](record))
    return text(at(record, field))


def at(record: Any, path: str) -> Any:
    """What stands at a dotted path of JSON data; None where nothing does. Numbers count in lists, and of a list of
    numbers, such as a figure of every image, there are the `mean` and the `median`; of a positive number the decibels
    `db`, 10 log10 of it.

    >>> at({"cosine": [0.0, 0.2, 1.0]}, "cosine.median"), at({"snr": 100.0}, "snr.db")
    (0.2, 20.0)
    """
    for step in path.split("."):
        if step == "db" and record == INFINITE:
            continue
        if isinstance(record, Mapping):
            record = record.get(step)
        elif isinstance(record, list | tuple) and step.isdecimal() and int(step) < len(record):
            record = record[int(step)]
        elif isinstance(record, list | tuple) and step in _AVERAGES and record and all(map(_is_number, record)):
            record = _AVERAGES[step](record)
        elif step == "db" and _is_number(record) and record > 0:
            record = 10 * math.log10(record)
        else:
            return None
    return record


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(value: Any) -> str:
    """JSON data in a few words: a configuration by its name, a pair as 64x64, a number without noise."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, Mapping):
        return str(value.get("type", value))
    if isinstance(value, list | tuple):
        return ("x" if all(isinstance(item, int) for item in value) else ", ").join(map(text, value)) or MISSING
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def estimate(record: Plain, path: str) -> tuple[float, float, float]:
    """(value, low, high) at a path that holds an estimate or a number; NaN for what is not there."""
    found = at(record, path)
    if isinstance(found, Mapping):
        if set(found) == {"float"}:
            return float(found["float"]), math.nan, math.nan
        return tuple(float(found.get(name, math.nan)) for name in ("value", "low", "high"))  # type: ignore[return-value]
    number = float(found) if isinstance(found, int | float) else math.nan
    return number, math.nan, math.nan


def is_chip(party: Any) -> bool:
    """Whether a party of a record is a chip."""
    return isinstance(party, Mapping) and at(party, "crossbar.type") not in (None, "Software")


def conditions(record: Plain) -> dict[str, Any]:
    """Everything that two records must share to be chips of one design: all but seeds, and what seeds decide."""
    return dict(_leaves({name: record[name] for name in (*CONDITIONS, *CONDITIONS_TOO) if name in record}, ""))


def curve(record: Plain) -> str:
    """Twelve hex digits of what the points of one curve share: all conditions but epsilon, and steps with it."""
    shared = {name: value for name, value in conditions(record).items() if name not in SWEPT}
    return hashlib.sha256(repr(sorted(shared.items())).encode()).hexdigest()[:12]


def _leaves(plain: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(plain, Mapping):
        drawn = {"seed"} | ({"weights", "structure"} if is_chip(plain) else set())  # a structure holds layers' seeds
        for name, value in plain.items():
            if name not in drawn:
                yield from _leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(plain, list | tuple):
        for index, value in enumerate(plain):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path, plain


def _setting(record: Plain) -> str:
    """As `Record.setting` says it."""
    victim, source = record.get("victim"), record.get("source")
    if victim is None or source is None:
        return MISSING
    if str(source.get("gradient", "")).startswith("of "):
        return "BPDA"
    if victim == source:
        return "HH" if is_chip(victim) else "SW"
    if is_chip(victim):
        return "chip-to-chip" if is_chip(source) else "SH"
    return "HS" if is_chip(source) else "transfer"


def _tile(record: Plain) -> str:
    party = _party(record)
    return text(at(party, "crossbar.tile")) if is_chip(party) else "software"


def _eps(record: Plain) -> str:
    eps = at(record, "attack.eps")
    eps = at(record, "eps") if eps is None else eps
    return fraction(eps) if isinstance(eps, int | float) else MISSING


def _party(record: Plain) -> Any:
    return record.get("victim") or record.get("chip") or {}


def _layer(record: Plain) -> str:
    """One of a stability's layers, as `LayerStability.title` says it."""
    name, call = at(record, "each.name"), at(record, "each.call")
    return f"{name} (call {call + 1})" if call else text(name)


def _victim(record: Plain) -> str:
    tile, gain = _tile(record), text(at(_party(record), "crossbar.gain"))
    return tile if tile == "software" else f"{tile} {gain} #{text(at(_party(record), 'seed'))}"


_WORDS: Final = {
    "setting": _setting,
    "tile": _tile,
    "gain": lambda r: text(at(_party(r), "crossbar.gain")) if is_chip(_party(r)) else MISSING,
    "attack": lambda r: text(at(r, "attack")),
    "eps": _eps,
    "loss": lambda r: text(at(r, "attack.loss")),
    "steps": lambda r: text(at(r, "attack.steps")),
    "model": lambda r: text(at(_party(r), "network")),
    "data": lambda r: text(at(r, "data")),
    "seed": lambda r: text(at(_party(r), "seed")),
    "victim": _victim,
    "layer": _layer,
}
