"""The table of results that no study has laid out: CA, AA, AL and ASR, a row a design."""

from __future__ import annotations

from typing import Any

from .conditions import conditions, groups_of_chips
from .fields import MISSING, format_field, format_value
from .gains_table import gains_table
from .quantities import SHARES
from .results import Results
from .table import Table, make_entry
from .tabulate import tabulate

FIELDS = ("setting", "tile", "gain", "attack", "eps", "steps", "loss", "model", "data")


def tables_of(results: Results) -> list[Table]:
    """Return the study's own tables, or else the default one, if there are evaluations.

    Where attenuated twins stand beside chips, the table of gains comes first.
    """
    own = [tabulate(layout, results) for layout in results.layouts]
    if not own and results.evaluations:
        own = [default_table(results)]
    twins = any(record.victim.is_twin for record in results.evaluations)
    gains = gains_table(results.evaluations) if twins else None
    return [gains, *own] if gains else own


def default_table(results: Results) -> Table:
    """Tabulate every group of chips; the note holds the fields that all groups share."""
    groups = groups_of_chips(results.evaluations)
    firsts = [group[0] for group in groups]
    words = {name: [format_field(record, name) for record in firsts] for name in FIELDS}
    varying = [name for name in FIELDS if len(set(words[name])) > 1] or ["setting", "tile"]
    shared = [
        f"{name} {words[name][0]}" for name in FIELDS
        if name not in varying and words[name][0] != MISSING
    ]  # fmt: skip
    labels = _distinct(
        [
            " ".join(words[name][i] for name in varying if words[name][i] != MISSING)
            for i in range(len(groups))
        ],
        [conditions(record) for record in firsts],
    )
    entries = {}
    for label, group in zip(labels, groups, strict=True):
        for quantity in SHARES:
            estimates = [measured.estimate for measured in quantity.measure(group)]
            entries[label, quantity.name] = make_entry(group, estimates, results.audits)
    images = " or ".join(map(str, sorted({record.images for record in results.evaluations})))
    return Table(
        title=results.title, corner=", ".join(varying), columns_title="quantity", quantity="",
        unit="%", decimals=1, rows=tuple(labels), columns=tuple(q.name for q in SHARES),
        entries=entries, note=", ".join([*shared, f"{images} images"]),
    )  # fmt: skip


def _distinct(labels: list[str], conditions: list[dict[str, Any]]) -> list[str]:
    """Add to equal labels the first condition that tells their records apart, or else a number."""
    distinct: list[str] = []
    for index, label in enumerate(labels):
        alike = [i for i, other in enumerate(labels) if other == label]
        if len(alike) > 1:
            names = sorted({name for i in alike for name in conditions[i]})
            telling = (
                name for name in names
                if len({repr(conditions[i].get(name)) for i in alike}) == len(alike)
            )  # fmt: skip
            name = next(telling, "")
            value = format_value(conditions[index].get(name))
            suffix = f"{name.removeprefix('victim.')} {value}" if name else ""
            label += f" {suffix or f'({1 + alike.index(index)})'}"
        distinct.append(label)
    return distinct
