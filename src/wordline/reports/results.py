"""The results of one folder: records, failures, audits, chips, and the study they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..records import Audit, Failure, NoiseStability
from ..records.record import Record
from ..values import Value, decode, is_known
from .audit_notes import NamedAudit
from .layout import Layout

CHIPS = ("ChipReport", "ChipView")
ON_A_LINE = ("Record", "NoiseStability", "Audit", *CHIPS)  # without a key around them
CELL_RESULT = "CellResult"  # of `wordline.runs`: a result beside the cell that it is of
KINDS = ("audit", "chip", "stability")
NOTHING_KNOWN = "neither record nor failure nor audit"


@dataclass(frozen=True)
class UnknownResult(Value):
    """A finished cell whose result is of a type that no imported module defines."""

    kind: str


@dataclass(frozen=True)
class Results:
    """The content of one folder or file.

    `study`: title, command, and what it reproduces; `records`: results of finished cells by key;
    `failures`: errors of failed ones by key; `unreadable`: lines that are none of these, by file
    and number; `chips`: chip reports and views.
    """

    name: str
    study: dict[str, str] = field(default_factory=dict)
    layouts: tuple[Layout, ...] = ()
    records: dict[str, Value] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    audits: list[NamedAudit] = field(default_factory=list)
    chips: list[Value] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The study's title, or the folder's name."""
        return self.study.get("title") or self.name

    @property
    def evaluations(self) -> list[Record]:
        """The records of `evaluate` among the results."""
        return [record for record in self.records.values() if isinstance(record, Record)]

    @property
    def stabilities(self) -> list[NoiseStability]:
        """The noise stabilities among the results."""
        return [found for found in self.records.values() if isinstance(found, NoiseStability)]


def read_results(path: Path) -> Results:
    """Read a folder (`*.jsonl`, `study.json`, `audit*.json`, `chip*.json`, ...), or one file.

    A cell that failed and later succeeded counts as a record. Everything that cannot be read is
    listed in `unreadable`. Raises ValueError where there is nothing, and for a bad `study.json`.
    """
    if path.is_file():
        return _read(path.stem, [path], {})
    if not path.is_dir():
        raise ValueError(
            f"`paths` {str(path)!r} does not exist; pass a folder of results or a file of records"
        )
    files = sorted(path.glob("*.jsonl"))
    files += sorted(file for kind in KINDS for file in path.glob(f"{kind}*.json"))
    if not files:
        patterns = ", ".join(f"{kind}*.json" for kind in KINDS)
        raise ValueError(
            f"`paths` {str(path)!r} holds no *.jsonl, {patterns}; pass a folder of results"
        )
    return _read(path.resolve().name, files, _read_study(path / "study.json"))


def _read_study(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        plain = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(
            f"`study` file {str(path)!r} is not JSON ({error}); run the study again"
        ) from error
    if not isinstance(plain, dict):
        kind = type(plain).__name__
        raise ValueError(f"`study` file {str(path)!r} holds a {kind}; it must be an object")
    return plain


def _layouts(given: Any) -> Iterator[Layout]:
    """`layout` of a study is one encoded Layout or a list of them."""
    for plain in given if isinstance(given, list) else [given] if given else []:
        layout = decode(plain)
        if not isinstance(layout, Layout):
            kind = type(layout).__name__
            raise ValueError(f"`layout` of the study must be an encoded Layout, got {kind}")
        yield layout


def _read(name: str, files: list[Path], study: dict[str, Any]) -> Results:
    texts = {key: str(text) for key, text in study.items() if key != "layout"}
    results = Results(name=name, study=texts, layouts=tuple(_layouts(study.get("layout"))))
    for path in files:
        whole = path.suffix == ".json"
        lines = [path.read_text()] if whole else path.read_text().splitlines()
        for number, line in enumerate(lines, start=1):
            if line.strip():
                where = path.name if whole else f"{path.name} line {number}"
                if problem := _read_line(results, line, where):
                    results.unreadable.append(f"{where}: {problem}")
    for key in results.records:
        results.failures.pop(key, None)
    return results


def _read_line(results: Results, line: str, where: str) -> str:
    """Add what a line holds to the results; return the reason why it cannot be read, or ""."""
    try:
        plain = json.loads(line)
    except json.JSONDecodeError:
        return "not JSON, perhaps torn by a crash"
    if not isinstance(plain, dict):
        return NOTHING_KNOWN
    inside = _inside(plain)
    kind, key = inside.get("type", ""), str(plain.get("key", where))
    if "failure" in plain:
        results.failures[key] = _reason(plain["failure"])
        return ""
    if inside is plain and kind not in ON_A_LINE:
        return NOTHING_KNOWN
    if not is_known(kind):
        results.records[key] = UnknownResult(str(kind))
        return ""
    try:
        result = decode(inside)
    except (ValueError, TypeError) as error:
        return f"no record ({error})"
    if isinstance(result, Audit):
        results.audits.append(NamedAudit(str(plain.get("name", "")), result))
    elif kind in CHIPS:
        results.chips.append(result)
    else:
        results.records[key] = result
    return ""


def _inside(plain: dict[str, Any]) -> dict[str, Any]:
    """The result on a line: under `record` or `audit`, in there perhaps beside its cell."""
    found = next((plain[k] for k in ("record", "audit") if isinstance(plain.get(k), dict)), plain)
    beside_cell = found.get("type") == CELL_RESULT and isinstance(found.get("result"), dict)
    return found["result"] if beside_cell else found


def _reason(failure: Any) -> str:
    if isinstance(failure, dict) and failure.get("type") == Failure.__name__:
        return ": ".join(filter(None, (str(failure.get(n, "")) for n in ("error", "message"))))
    return failure if isinstance(failure, str) else json.dumps(failure)
