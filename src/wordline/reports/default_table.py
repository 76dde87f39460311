"""The tables of a folder: those of its study, or CA, AA, AL and ASR; and what chips gain."""

from __future__ import annotations

from .conditions import groups_of_chips
from .gains_table import TITLE, gains_table, has_twins
from .quantities import SHARES
from .results import Results
from .row_names import name_rows
from .table import Table, make_entry
from .tabulate import tabulate


def tables_of(results: Results) -> list[Table]:
    """Return the study's own tables, or else the default one, and the table of gains."""
    found = laid_out_tables(results)
    if results.layouts or not results.evaluations:
        return found
    default = default_table(results)
    return [*found, default] if any(map(has_twins, found)) else [default, *found]


def laid_out_tables(results: Results) -> list[Table]:
    """Return the study's own tables, and that of gains where chips can be paired with software.

    The table of gains comes first where twins stand beside chips. A study that has measured no
    twins keeps to the layout of its paper.
    """
    tables = [tabulate(layout, results) for layout in results.layouts]
    title = f"{TITLE}: {results.title}"
    gains = gains_table(results.records.values(), title, audits=results.audits)
    if gains is None or (tables and not has_twins(gains)):
        return tables
    return [gains, *tables]


def default_table(results: Results) -> Table:
    """Tabulate every group of chips; the note holds the fields that all groups share."""
    groups = groups_of_chips(results.evaluations)
    names = name_rows(groups)
    entries = {}
    for label, group in zip(names.labels, groups, strict=True):
        for quantity in SHARES:
            estimates = [measured.estimate for measured in quantity.measure(group)]
            entries[label, quantity.name] = make_entry(group, estimates, results.audits)
    images = " or ".join(map(str, sorted({record.images for record in results.evaluations})))
    return Table(
        title=results.title, corner=", ".join(names.varying), columns_title="quantity",
        quantity="", unit="%", decimals=1, rows=names.labels,
        columns=tuple(q.name for q in SHARES), entries=entries,
        note=", ".join([*names.shared, f"{images} images"]),
    )  # fmt: skip
