"""The conditions of a result, and the groups of chips that share them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from ..records.record import NetworkIdentity, Record
from ..values import Value, encode
from .fields import network_of

CONDITIONS: Final = (
    "victim", "source", "chip", "software", "crossbar", "attack", "data", "fingerprint", "images",
    "draws", "calibration", "model", "recipe", "eps",
)  # fmt: skip
NETWORKS: Final = ("victim", "source", "chip", "software")
OF_A_CHIP: Final = ("weights", "structure")  # decided by its seed; a structure holds layers' seeds
ALONG_A_CURVE: Final = ("attack.eps", "attack.steps", "attack.step_size")


def conditions(result: Value) -> dict[str, Any]:
    """Return what two results must share to be of chips of one design, by dotted name.

    Seeds are left out, and what a chip's seed decides.
    """
    fields = {f.name for f in dataclasses.fields(result)}  # type: ignore[arg-type]
    shared = {name: encode(getattr(result, name)) for name in CONDITIONS if name in fields}
    for name in NETWORKS:
        network = getattr(result, name, None)
        if isinstance(network, NetworkIdentity) and network.is_chip:
            shared[name] = _of_a_design(shared[name])
        elif isinstance(network, NetworkIdentity) and network.is_twin:
            shared[name] = _of_a_design(shared[name])
            shared[name]["origin"]["chip"] = _of_a_design(shared[name]["origin"]["chip"])
    return dict(flatten(shared, without=("seed",)))


def _of_a_design(plain: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a network what one chip of a design has and another has not."""
    return {key: value for key, value in plain.items() if key not in OF_A_CHIP}


def flatten(plain: Any, path: str = "", without: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """List the leaves of nested JSON data by dotted name; a list of plain values is one leaf.

    >>> dict(flatten({"a": {"tile": [2, 3], "seed": 1}, "b": [{"c": 4}]}, without=("seed",)))
    {'a.tile': (2, 3), 'b.0.c': 4}
    """
    start = f"{path}." if path else ""
    if isinstance(plain, Mapping):
        for name, value in plain.items():
            if name not in without:
                yield from flatten(value, f"{start}{name}", without)
    elif isinstance(plain, list) and any(isinstance(item, dict | list) for item in plain):
        for index, value in enumerate(plain):
            yield from flatten(value, f"{start}{index}", without)
    else:
        yield path, tuple(plain) if isinstance(plain, list) else plain


def curve_key(record: Record) -> str:
    """Hash the conditions that the points of one curve share: all but epsilon and step sizes."""
    shared = {n: value for n, value in conditions(record).items() if n not in ALONG_A_CURVE}
    return hashlib.sha256(repr(sorted(shared.items())).encode()).hexdigest()[:12]


def groups_of_chips(records: Sequence[Record]) -> list[list[Record]]:
    """Group records that differ in nothing but the chip.

    A seed that comes twice begins another group: its chip is that of another network or run.
    """
    groups: dict[tuple[str, int], list[Record]] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for record in records:
        design = repr(sorted(conditions(record).items()))
        chip = design, network_of(record).chip.seed
        groups.setdefault((design, seen[chip]), []).append(record)
        seen[chip] += 1
    return list(groups.values())
