"""The command `quickstart`: a small study of the embedded digits."""

from __future__ import annotations

from pathlib import Path

from ..files import require_writable, write_atomically
from ..progress import Bar
from .options import print_records
from .report import write_page


def quickstart(out: Path = Path("runs/quickstart"), limit: int = 500, json: bool = False) -> None:
    """Run a small study of the embedded digits: table, figure, page.

    Three tile sizes, two gains, FGSM and PGD.
    """
    require_writable("out", out)
    from ..mapping import Crossbar, LeastSquaresGain
    from ..models import load_model
    from ..nn import chip_view, map_model
    from ..reports import accuracy_curves, read_results
    from ..runs.quickstart import EPS
    from ..runs.quickstart import quickstart as run_quickstart

    records = run_quickstart(out, limit=limit, progress=Bar())
    caption = "digits-cnn on rethinking crossbars, one chip each"
    figure = accuracy_curves(records, out / "accuracy.png", title=caption)
    shown = records if json else [r for r in records if getattr(r.attack, "eps", 0.0) == 0.1]
    title = (
        f"digits, {records[0].images} test images, one chip (seed 0) each; 95 % intervals; "
        f"epsilon 0.1 of {EPS}"
    )
    crossbar = Crossbar.preset("rethinking-64", gain=LeastSquaresGain())
    view = chip_view(map_model(load_model("digits-cnn"), crossbar))
    write_atomically(out / "chip.json", lambda path: path.write_text(view.to_json() + "\n"))
    page = out / "report.html"
    write_page(page, [read_results(out)], "Handwritten digits on rethinking crossbars")
    print_records(shown, json, title=title)
    if not json:
        print(f"\nall {len(records)} records: {out / 'records.jsonl'}")
        print(f"figure: {figure}\npage: {page}")
