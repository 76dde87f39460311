"""The table of gains over software: what each design loses, gains, and what the gain is made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from ..records import PooledEstimate
from ..values import Value
from .chip_mean import ChipMean
from .fields import format_field
from .pools import Pool, pools_of
from .table import Table, TableEntry

CLEAN, ADVANTAGE, GAIN, TWIN, REST = (
    "CA lost", "AL advantage", "gain", "of it the twin's", "the rest"
)  # fmt: skip
COLUMNS = (CLEAN, ADVANTAGE, GAIN, TWIN, REST)
NOTE = (
    "AL advantage = CA lost + gain; gain = the attenuated twin's + the rest; intervals of a "
    "cluster bootstrap over chips and images; 'no gain' excludes 1.5 points"
)


def gains_table(results: Iterable[Value], title: str = "Gains over software") -> Table | None:
    """Tabulate the pooled gain of every design and attack; None where nothing can be compared.

    The verdict is "gain", "loss", "no gain", "undecided" or "explained by attenuation"
    (`wordline.records.GainSplit.verdict`).
    """
    pools = pools_of(results)
    if not pools:
        return None
    entries: dict[tuple[str, str], TableEntry] = {}
    rows = _labels(pools)
    for row, pool in zip(rows, pools, strict=True):
        pooled, split = pool.pooled(), pool.split()
        entries[row, CLEAN] = _entry(pooled.clean_loss)
        entries[row, ADVANTAGE] = _entry(pooled.advantage)
        entries[row, GAIN] = _entry(pooled.gain, split.verdict if split else pooled.verdict)
        if split:
            entries[row, TWIN], entries[row, REST] = _entry(split.attenuation), _entry(split.rest)
    return Table(
        title=title, corner="design, setting, attack", columns_title="what changes",
        quantity="", unit="points", decimals=1, rows=tuple(rows), columns=COLUMNS,
        entries=entries, note=f"{_images(pools)}; {NOTE}", remarks="verdict",
    )  # fmt: skip


def _labels(pools: list[Pool]) -> list[str]:
    """Label pools by design, setting and number of chips, and by the fields that differ."""
    names = ("attack", "eps", "steps", "loss", "model", "data")
    words = {name: [format_field(pool.first, name) for pool in pools] for name in names}
    varying = [name for name in names if len(set(words[name])) > 1]
    labels = []
    for number, pool in enumerate(pools):
        chips = f"{len(pool.chips)} chips" if len(pool.chips) > 1 else ""
        parts = [pool.label, chips, *(words[name][number] for name in varying)]
        labels.append(", ".join(part for part in parts if part))
    seen: Counter[str] = Counter()
    for number, label in enumerate(labels):
        seen[label] += 1
        if seen[label] > 1:
            labels[number] = f"{label} ({seen[label]})"
    return labels


def _entry(estimate: PooledEstimate, verdict: str = "") -> TableEntry:
    value, low, high = (100 * part for part in (estimate.value, estimate.low, estimate.high))
    return TableEntry(mean=ChipMean(value, low, high, math.nan, 1), audit=verdict)


def _images(pools: list[Pool]) -> str:
    counts = sorted({pool.first.images for pool in pools})
    return f"{' or '.join(map(str, counts))} images"
