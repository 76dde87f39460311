"""The verdict of an audit beside the records of the chip it examined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..records import Audit
from ..records.record import Record, fraction
from ..values import Value
from .fields import epsilon


class NamedAudit(NamedTuple):
    """An audit and its name in the folder, "" where it has none."""

    name: str
    audit: Audit


def audits_of(result: Value, audits: Sequence[NamedAudit]) -> list[NamedAudit]:
    """Find the audits of the very chip that is the record's victim, those at its epsilon first."""
    if not (isinstance(result, Record) and result.victim.is_chip):
        return []
    found = [named for named in audits if named.audit.chip.weights == result.victim.weights]
    return sorted(found, key=lambda named: named.audit.eps != epsilon(result))


def audit_note(results: Sequence[Value], audits: Sequence[NamedAudit]) -> str:
    """Summarise the audits of these chips: verdict, epsilon where it differs, number of chips.

    A verdict at the record's own epsilon is preferred to one at another.
    """
    notes: Counter[str] = Counter()
    for result in results:
        for _, audit in audits_of(result, audits)[:1]:
            same = audit.eps == epsilon(result)
            notes[audit.verdict + ("" if same else f" (at {fraction(audit.eps)})")] += 1
    if len(results) == 1:
        return "".join(notes)
    return "; ".join(f"{note} ({count} of {len(results)} chips)" for note, count in notes.items())
