"""`quickstart`: the whole job on the embedded digits."""

from __future__ import annotations

from pathlib import Path

from ..progress import Bar
from ..reports import accuracy_curves
from ..studies import quickstart as run_quickstart
from ..studies.quickstart import EPS
from .options import print_records


def quickstart(out: Path = Path("runs/quickstart"), limit: int = 500, json: bool = False) -> None:
    """The whole job on the embedded digits: three tile sizes, two gains, FGSM and PGD; a table and a figure."""
    records = run_quickstart(out, limit=limit, progress=Bar())
    figure = accuracy_curves(records, out / "accuracy.png", title="digits-cnn on rethinking crossbars, one chip each")
    shown = records if json else [r for r in records if r.attack.eps == 0.1]  # type: ignore[attr-defined]
    title = f"digits, {records[0].images} test images, one chip (seed 0) each; 95 % intervals; epsilon 0.1 of {EPS}"
    print_records(shown, json, title=title)
    if not json:
        print(f"\nall {len(records)} records: {out / 'records.jsonl'}\nfigure: {figure}")
