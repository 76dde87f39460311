"""The command that computes a record again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...records import AsTrained, Attenuated, Scaled
from ...records.record import NetworkIdentity, Record

UNKNOWN_MODEL = "MODEL"
COPIES = {"tiny-imagenet-32": ("tiny-imagenet", 32)}  # by name and side
NAMED_DATA = ("", "digits", "cifar10", "cifar100", "tiny-imagenet", *COPIES)  # of `load_dataset`
NAMED_SETTINGS = ("SW", "SH", "HH")
PACKAGED_DATA = "digits"  # needs no folder


@dataclass(frozen=True)
class CommandNames:
    """The words by which the command line knows the things in records.

    `crossbars`: `identity()` -> (preset, gain); `networks`: weights of a software network -> model
    name; `attacks`: `identity()` -> arguments of `evaluate`.
    """

    crossbars: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    attacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_NAMES = CommandNames()


def network_names(records: Iterable[Record], names: CommandNames) -> dict[str, str]:
    """Map weights of a chip, or class of a network, to the model's name where there is only one.

    A transfer record (SH) says whose chip its victim is; a white-box record alone does not.
    """
    found: dict[str, set[str]] = {}
    for record in records:
        for network in (record.victim, record.source):
            if not network.is_chip and isinstance(network.origin, AsTrained):
                name = names.networks.get(network.weights, UNKNOWN_MODEL)
                for key in (network.network, record.victim.weights):
                    found.setdefault(key, set()).add(name)
    return {key: next(iter(models)) for key, models in found.items() if len(models) == 1}


def reproduce_command(record: Record, names: CommandNames, networks: Mapping[str, str]) -> str:
    """Write a `wordline evaluate` line for one record, or Python if the command line has no words.

    MODEL stands for a network that is not among the known ones, DIR for the folder of its data. A
    crossbar that is no preset is written to a file first.
    """
    software = record.source if not record.source.is_chip else record.victim
    if isinstance(software.origin, Attenuated | Scaled):
        software = software.origin.software
    model = (
        names.networks.get(software.weights)
        or networks.get(record.victim.weights)
        or networks.get(software.network, UNKNOWN_MODEL)
    )
    attack = names.attacks.get(record.attack.identity())
    has_words = record.data in NAMED_DATA and record.setting in NAMED_SETTINGS and record.seed == 0
    has_words = has_words and isinstance(record.victim.origin, AsTrained)
    if attack is None or not has_words:
        return _python_lines(record, model)
    before, crossbar = _crossbar_arguments(record.victim, names)
    data, side = COPIES.get(record.data, (record.data or "DATA", 0))
    words = ["wordline", "evaluate", "--model", model, "--data", data]
    words += [] if record.data == PACKAGED_DATA else ["--root", "DIR"]
    words += ["--side", str(side)] if side else []
    words += [*crossbar, *attack, "--settings", record.setting, "--limit", str(record.images)]
    words += ["--seeds", str(record.victim.seed)] if record.victim.is_chip else []
    words += ["--draws", str(record.draws)] if record.draws != 1 else []
    words += ["--batch-size", str(record.batch_size), "--threads", str(record.threads)]
    return before + shlex.join([*words, "--out", "again.jsonl"])


def _crossbar_arguments(victim: NetworkIdentity, names: CommandNames) -> tuple[str, list[str]]:
    """(a line that writes the crossbar's file, or nothing; the arguments that name it)."""
    if not victim.is_chip:
        return "", []
    calibrated = re.match(r"first (\d+) images", victim.calibration)
    after = ["--calibration", calibrated[1]] if calibrated else []
    if preset := names.crossbars.get(victim.crossbar.identity()):
        return "", ["--crossbar", preset[0], "--gain", preset[1], *after]
    line = f"echo {shlex.quote(victim.crossbar.to_json())} > crossbar.json && "
    return line, ["--crossbar", "crossbar.json", "--gain", "", *after]


def _python_lines(record: Record, model: str) -> str:
    """The evaluation as a few lines of Python."""
    lines = ["import wordline as wl", f"software = wl.load_model({model!r})"]
    victim = source = "software"
    if record.victim.is_chip:
        victim = "victim"
        lines.append(f"victim = {_chip_expression(record.victim)}")
    elif not isinstance(record.victim.origin, AsTrained):
        victim = "victim"
        lines += _stand_in_lines(record.victim)
    if victim == "victim" and record.source == record.victim:
        source = "victim"
    elif record.source.is_chip:
        source = "source"
        lines.append(f"source = {_chip_expression(record.source)}")
    if record.source.gradient.startswith("of "):
        gradient = record.source.gradient
        lines.append(f"# the gradient was {gradient}: wrap the source in wl.SurrogateGradient")
    attack = type(record.attack).__name__
    lines.append(f"attack = wl.{attack}.from_json({record.attack.to_json()!r})")
    root = "" if record.data == PACKAGED_DATA else ', root="DIR"'
    if record.data in NAMED_DATA:
        name, side = COPIES.get(record.data, (record.data, 0))
        size = f", side={side}" if side else ""
        lines.append(f"data = wl.load_dataset({name!r}{root}{size}).test")
    else:
        lines.append(f"data = ...  # {record.data} of your own, fingerprint {record.fingerprint}")
    numbers = ", ".join(
        f"{name}={value}" for name, value in (
            ("limit", record.images), ("seed", record.seed), ("draws", record.draws),
            ("batch_size", record.batch_size),
        )
    )  # fmt: skip
    networks = f"victim={victim}, source={source}"
    lines.append(f"print(wl.evaluate({networks}, attack=attack, data=data, {numbers}))")
    return "\n".join(lines)


def _stand_in_lines(victim: NetworkIdentity) -> list[str]:
    """Write the lines that make software with the weights of a stand-in for a chip."""
    origin = victim.origin
    if isinstance(origin, Scaled):
        return [f"victim = wl.scaled(software=software, factor={origin.factor!r})"]
    if not isinstance(origin, Attenuated):
        return [f"victim = ...  # {type(origin).__name__}: weights of your own making"]
    lines = [f"chip = {_chip_expression(origin.chip)}"]
    made = f"software=software, chip=chip, per={origin.per!r}"
    if not getattr(origin.chip.crossbar, "is_matrix", True):
        lines.append("calibration = ...  # the training images that it was measured on")
        made += ", data=calibration, limit=0"
    return [*lines, f"victim = wl.attenuated({made})"]


def _chip_expression(chip: NetworkIdentity) -> str:
    crossbar = f"wl.Crossbar.from_json({chip.crossbar.to_json()!r})"
    return f"wl.map_model(software, {crossbar}, seed={chip.seed})"
