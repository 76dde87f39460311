"""The command that computes a record again, and its conditions in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records.record import NetworkIdentity, Record, fraction
from ..values import Value, encode
from .fields import text

UNKNOWN_MODEL = "MODEL"
KNOWN = ("", "digits", "cifar10", "cifar100", "tiny-imagenet")  # data that `load_dataset` has
ON_THE_LINE = ("SW", "SH", "HH")


@dataclass(frozen=True)
class Names:
    """What the things in records are called on the command line; who knows crossbars and attacks fills it in.

    `crossbars`: `identity()` -> (preset, gain); `networks`: weights of a software network -> model name; `attacks`:
    `identity()` -> arguments of `evaluate`.
    """

    crossbars: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    attacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def software_names(records: Iterable[Record], names: Names) -> dict[str, str]:
    """Weights of a chip, or class of a network -> the model's name, where the folder's records leave no doubt.

    A transfer record (SH) says whose chip its victim is; a white-box record alone does not.
    """
    found: dict[str, set[str]] = {}
    for record in records:
        for party in (record.victim, record.source):
            if not party.is_chip:
                name = names.networks.get(party.weights, UNKNOWN_MODEL)
                for known in (party.network, record.victim.weights):
                    found.setdefault(known, set()).add(name)
    return {network: next(iter(models)) for network, models in found.items() if len(models) == 1}


def rerun(record: Record, names: Names, models: Mapping[str, str]) -> str:
    """A `wordline evaluate` line for this one record; Python where the command line cannot say it.

    MODEL stands for a network that is not among the known ones, DIR for the folder of its data. A crossbar that is no
    preset is written to a file first.
    """
    software = record.source if not record.source.is_chip else record.victim
    model = (
        names.networks.get(software.weights) or models.get(record.victim.weights)
        or models.get(software.network, UNKNOWN_MODEL)
    )  # fmt: skip
    attack = names.attacks.get(record.attack.identity())
    if attack is None or record.data not in KNOWN or record.setting not in ON_THE_LINE or record.seed != 0:
        return _python(record, model)
    before, crossbar = _crossbar(record.victim, names)
    words = ["wordline", "evaluate", "--model", model, "--data", record.data or "DATA"]
    words += [] if record.data == "digits" else ["--root", "DIR"]
    words += [*crossbar, *attack, "--settings", record.setting, "--limit", str(record.images)]
    words += ["--seeds", str(record.victim.seed)] if record.victim.is_chip else []
    words += ["--draws", str(record.draws)] if record.draws != 1 else []
    words += ["--batch-size", str(record.batch_size), "--threads", str(record.threads), "--out", "again.jsonl"]
    return before + shlex.join(words)


def conditions_in_words(record: Record) -> list[tuple[str, str]]:
    """Everything a record holds beside its numbers, as pairs of name and words."""
    pairs = [("setting", record.setting), ("data", f"{record.data}, first {record.images} images")]
    pairs += [("fingerprint of images and labels", record.fingerprint)]
    pairs += _flat("attack", encode(record.attack))
    for name, party in (("victim", record.victim), ("source", record.source)):
        if name == "source" and party == record.victim:
            pairs.append(("source", "the victim itself"))
            continue
        plain = encode(party)
        plain.pop("type")
        pairs += _flat(name, plain)
    pairs += [("largest change of a pixel", f"{record.largest_change:.6g} ({fraction(record.largest_change)})")]
    pairs += [(name, text(getattr(record, name))) for name in ("seed", "draws", "batch_size", "threads")]
    pairs += [(f"version of {name}", version) for name, version in record.versions.items()]
    return [*pairs, *([("flags", ", ".join(record.flags))] if record.flags else [])]


def _flat(name: str, plain: Any) -> list[tuple[str, str]]:
    """Nested configuration as dotted names; what has no fields of its own by its type."""
    if isinstance(plain, dict):
        inner = [pair for key, value in plain.items() if key != "type" for pair in _flat(f"{name}.{key}", value)]
        return [(name, str(plain["type"])), *inner] if "type" in plain else inner
    if isinstance(plain, list) and any(isinstance(item, dict) for item in plain):
        return [pair for index, item in enumerate(plain) for pair in _flat(f"{name}.{index}", item)]
    return [(name, text(plain))] if plain not in ("", [], None) else []


def _crossbar(victim: NetworkIdentity, names: Names) -> tuple[str, list[str]]:
    """(a line that writes the crossbar's file, or nothing; the arguments that name it)."""
    if not victim.is_chip:
        return "", []
    calibrated = re.match(r"first (\d+) images", victim.calibration)
    after = ["--calibration", calibrated[1]] if calibrated else []
    known = names.crossbars.get(victim.crossbar.identity())
    if known:
        return "", ["--crossbar", known[0], "--gain", known[1], *after]
    line = f"echo {shlex.quote(victim.crossbar.to_json())} > crossbar.json && "
    return line, ["--crossbar", "crossbar.json", "--gain", "", *after]


def _python(record: Record, model: str) -> str:
    """The evaluation as a few lines of Python."""
    root = "" if record.data == "digits" else ', root="DIR"'
    lines = ["import wordline as wl", f"software = wl.load_model({model!r})"]
    sides = {}
    for side, party in (("victim", record.victim), ("source", record.source)):
        sides[side] = side if party.is_chip else "software"
        if party.is_chip and side == "source" and party == record.victim:
            sides[side] = "victim"
        elif party.is_chip:
            lines.append(f"{side} = {_chip(party.crossbar, party.seed)}")
    if record.source.gradient.startswith("of "):
        lines.append(f"# the gradient was {record.source.gradient}: wrap the source in wl.SurrogateGradient")
    lines.append(f"attack = wl.{type(record.attack).__name__}.from_json({record.attack.to_json()!r})")
    if record.data in KNOWN:
        lines.append(f"data = wl.load_dataset({record.data!r}{root}).test")
    else:
        lines.append(f"data = ...  # {record.data} of your own, fingerprint {record.fingerprint}")
    arguments = f"limit={record.images}, seed={record.seed}, draws={record.draws}, batch_size={record.batch_size}"
    who = f"victim={sides['victim']}, source={sides['source']}"
    return "\n".join([*lines, f"print(wl.evaluate({who}, attack=attack, data=data, {arguments}))"])


def _chip(crossbar: Value, seed: int) -> str:
    return f"wl.map_model(software, wl.Crossbar.from_json({crossbar.to_json()!r}), seed={seed})"
