"""What a folder of results holds: records, failures, audits, chips, and the study they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..records.record import Record
from ..values import decode
from .fields import Plain
from .layout import Layout

CHIPS = ("ChipReport", "ChipView")
DECODED = ("Record", "NoiseStability")
KINDS = ("audit", "chip", "stability")


@dataclass(frozen=True)
class Results:
    """The content of one folder or file.

    `records`: key -> JSON of a record; `failures`: key -> what went wrong; `strange`: lines that are none of these,
    by file and number; `audits`, `chips`, `stabilities`: JSON of audits, of chip reports or views, and of
    noise stabilities.
    """

    name: str
    study: Plain = field(default_factory=dict)
    layouts: tuple[Layout, ...] = ()
    records: dict[str, Plain] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    audits: list[Plain] = field(default_factory=list)
    chips: list[Plain] = field(default_factory=list)
    stabilities: list[Plain] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The study's, or the folder's name."""
        return str(self.study.get("title") or self.name)

    def decoded(self) -> list[Record]:
        """The evaluations among the records."""
        return [decode(dict(plain)) for plain in self.records.values() if plain.get("type") == "Record"]


def read_results(path: Path) -> Results:
    """Read a folder (`*.jsonl`, `study.json`, `audit*.json`, `chip*.json`, `stability*.json`), or one file of lines.

    A cell that failed and later succeeded counts as a record. Nothing that cannot be read is passed over in silence:
    it is listed in `strange`. Raises ValueError where there is nothing, and for a `study.json` that is none.
    """
    if path.is_file():
        return _read(path.stem, [path], {})
    if not path.is_dir():
        raise ValueError(f"`paths` {str(path)!r} does not exist; pass a folder of results or a file of records")
    files = sorted(path.glob("*.jsonl")) + sorted(file for kind in KINDS for file in path.glob(f"{kind}*.json"))
    if not files:
        wanted = ", ".join(f"{kind}*.json" for kind in KINDS)
        raise ValueError(f"`paths` {str(path)!r} holds no *.jsonl, {wanted}; pass a folder of results")
    return _read(path.resolve().name, files, _study(path / "study.json"))


def _study(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        plain = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"`study` file {str(path)!r} is not JSON ({error}); run the study again") from error
    if not isinstance(plain, dict):
        raise ValueError(f"`study` file {str(path)!r} holds a {type(plain).__name__}; it must be an object")
    return plain


def _layouts(study: dict[str, Any]) -> Iterator[Layout]:
    """`layout` is one encoded Layout or a list of them."""
    given = study.get("layout") or []
    for plain in given if isinstance(given, list) else [given]:
        layout = decode(plain)
        if not isinstance(layout, Layout):
            raise ValueError(f"`layout` of the study must be an encoded Layout, got {type(layout).__name__}")
        yield layout


def _read(name: str, files: list[Path], study: dict[str, Any]) -> Results:
    results = Results(name=name, study=study, layouts=tuple(_layouts(study)))
    for path in files:
        whole = path.suffix == ".json"
        for number, line in enumerate([path.read_text()] if whole else path.read_text().splitlines(), start=1):
            if line.strip():
                _sort(results, line, f"{path.name}" if whole else f"{path.name} line {number}")
    for key in results.records:
        results.failures.pop(key, None)
    return results


def _sort(results: Results, line: str, where: str) -> None:
    try:
        plain = json.loads(line)
    except json.JSONDecodeError:
        results.strange.append(f"{where}: not JSON, perhaps torn by a crash")
        return
    if not isinstance(plain, dict):
        results.strange.append(f"{where}: neither record nor failure nor audit")
        return
    inside = next((plain[k] for k in ("record", "audit") if isinstance(plain.get(k), dict)), plain)
    kind = inside.get("type", "")
    if kind == "Audit":
        results.audits.append({"name": plain.get("name", ""), **inside})
    elif kind in CHIPS:
        results.chips.append(inside)
    elif "failure" in plain:
        results.failures[str(plain.get("key", where))] = _reason(plain["failure"])
    elif inside is not plain or kind in DECODED:
        if problem := _problem(inside):
            results.strange.append(f"{where}: {problem}")
        else:
            results.records[str(plain.get("key", where))] = inside
            if kind == "NoiseStability":
                results.stabilities.append(inside)
    else:
        results.strange.append(f"{where}: neither record nor failure nor audit")


def _problem(plain: dict[str, Any]) -> str:
    """Why a result cannot be taken for what it says it is; a study's own records are not known here."""
    try:
        if plain.get("type") in DECODED:
            decode(dict(plain))
    except (ValueError, TypeError) as error:
        return f"no record ({error})"
    return ""


def _reason(failure: Any) -> str:
    if isinstance(failure, dict):
        return ": ".join(str(failure[k]) for k in ("error", "kind", "message") if failure.get(k)) or json.dumps(failure)
    return str(failure)
