"""Which audit speaks of which record, and what it says in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from ..records.record import fraction
from .fields import Plain, at, is_chip


def audits_of(record: Plain, audits: Sequence[Plain]) -> list[Plain]:
    """Audits of the very chip that is the record's victim, those at the record's epsilon first."""
    victim = record.get("victim")
    weights = at(victim, "weights")
    if weights is None or not is_chip(victim):
        return []
    found = [audit for audit in audits if at(audit, "chip.weights") == weights]
    eps = at(record, "attack.eps")
    return sorted(found, key=lambda audit: audit.get("eps") != eps)


def flag(records: Sequence[Plain], audits: Sequence[Plain]) -> str:
    """What the audits of these chips say: the verdict, its epsilon where it is another, and of how many chips.

    A verdict at the record's own epsilon is preferred to one at another.
    """
    said: dict[str, int] = {}
    for record in records:
        for audit in audits_of(record, audits)[:1]:
            same = audit.get("eps") == at(record, "attack.eps")
            words = str(audit.get("verdict", "")) + ("" if same else f" (at {fraction(float(audit['eps']))})")
            said[words] = said.get(words, 0) + 1
    if len(records) == 1:
        return "".join(said)
    return "; ".join(f"{words} ({count} of {len(records)} chips)" for words, count in said.items())
