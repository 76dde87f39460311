"""The table of records that no study has laid out: CA, AA, AL and ASR, a row a design."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .fields import MISSING, Plain, conditions, text, word
from .layout import QUANTITIES
from .results import Results
from .sheet import NAN, Sheet, cell_of, lay_out

GENERAL = ("setting", "tile", "gain", "attack", "eps", "steps", "loss", "model", "data")


def sheets_of(results: Results) -> list[Sheet]:
    """The study's own tables, or where there is none the general one, if there are evaluations at all."""
    if results.layouts:
        return [lay_out(layout, results) for layout in results.layouts]
    evaluations = [plain for plain in results.records.values() if "adversarial" in plain]
    return [general_sheet(results, evaluations)] if evaluations else []


def groups_of(evaluations: Sequence[Plain]) -> list[list[Plain]]:
    """Records that differ in nothing but the chip, together; a seed that comes twice begins another group."""
    groups: dict[tuple[str, int], list[Plain]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for plain in evaluations:
        design = repr(sorted(conditions(plain).items()))
        again = seen[design, word(plain, "seed")]
        seen[design, word(plain, "seed")] += 1
        groups.setdefault((design, again), []).append(plain)
    return list(groups.values())


def general_sheet(results: Results, evaluations: Sequence[Plain]) -> Sheet:
    """CA, AA, AL and ASR of every group of chips; words that all groups share stand in the note."""
    groups = groups_of(evaluations)
    firsts = [members[0] for members in groups]
    words = {name: [word(plain, name) for plain in firsts] for name in GENERAL}
    varying = [name for name in GENERAL if len(set(words[name])) > 1] or ["setting", "tile"]
    shared = [f"{name} {words[name][0]}" for name in GENERAL if name not in varying and words[name][0] != MISSING]
    labels = _distinct(
        [" ".join(words[name][i] for name in varying if words[name][i] != MISSING) for i in range(len(firsts))],
        [conditions(plain) for plain in firsts],
    )
    cells = {
        (label, name): cell_of(members, path, 100.0, NAN, results.audits)
        for label, members in zip(labels, groups, strict=True) for name, path in QUANTITIES.items()
    }  # fmt: skip
    images = " or ".join(map(str, sorted({int(plain["images"]) for plain in evaluations})))
    return Sheet(
        title=results.title, corner=", ".join(varying), across="quantity", quantity="", unit="%", decimals=1,
        rows=tuple(labels), columns=tuple(QUANTITIES), cells=cells, note=", ".join([*shared, f"{images} images"]),
    )  # fmt: skip


def _distinct(labels: list[str], conditions: list[dict[str, Any]]) -> list[str]:
    """Labels that are alike get the first condition added that tells their records apart, or else a number."""
    said: list[str] = []
    for index, label in enumerate(labels):
        alike = [i for i, other in enumerate(labels) if other == label]
        if len(alike) > 1:
            names = sorted({name for i in alike for name in conditions[i]})
            telling = [n for n in names if len({repr(conditions[i].get(n)) for i in alike}) == len(alike)]
            number = f"({1 + alike.index(index)})"
            here = conditions[index].get(telling[0]) if telling else None
            label += f" {telling[0].removeprefix('victim.')} {text(here)}" if telling else f" {number}"
        said.append(label)
    return said
