"""The commands `audit`, `deviation` and `curve`: evidence on a chip's robustness."""

from __future__ import annotations

from pathlib import Path

from ..files import write_atomically
from ..progress import Bar
from ..values import require_choice
from .option_groups import Pair, PairOptions
from .options import EPS, Number, require_eps, require_files

FROZEN = PairOptions()


def audit(
    pair: Pair = FROZEN,
    eps: Number = EPS,
    quick: bool = False,
    seed: int = 0,
    out: str = "",
    html: str = "",
    json: bool = False,
) -> None:
    """Check a chip's robustness by some thirty checks and controls.

    The verdict says whether the robustness is real.

    Args:
        eps: Linf radius; 8/255 is a number here.
        quick: smaller budgets, and stop at the first check that shows masked gradients.
        seed: of the audit's own random numbers.
        out: also write the result to this JSON file.
        html: also write it as one self-contained page.
    """
    require_files(("out", out), ("html", html))
    from ..evaluation import audit as run_audit
    from ..records.record import describe
    from ..reports import NamedAudit, Results, html_report

    software, chip, images = pair.load()
    result = run_audit(
        chip=chip, software=software, data=images, eps=eps, limit=pair.run.limit, quick=quick,
        seed=seed, batch_size=pair.run.batch_size, progress=Bar(),
    )  # fmt: skip
    if out:
        write_atomically(Path(out), lambda path: path.write_text(result.to_json() + "\n"))
    if html:
        shown = Results(name=f"audit of {describe(result.chip)}", audits=[NamedAudit("", result)])
        text = html_report([shown])
        write_atomically(Path(html), lambda path: path.write_text(text, encoding="utf-8"))
    print(result.to_json() if json else result)


def deviation(
    pair: Pair = FROZEN,
    eps: Number = EPS,
    loss: str = "cross-entropy",
    figure: str = "",
    json: bool = False,
) -> None:
    """Compare the chip's input gradients with the software's.

    Cosine, signs, norms, and the loss along both.

    Args:
        eps: Linf radius of the perturbations that are compared.
        loss: cross-entropy, margin or dlr.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_choice("loss", loss, ("cross-entropy", "margin", "dlr"))
    require_eps(eps)
    require_files(("figure", figure))
    from ..evaluation import gradient_deviation
    from ..reports import deviation_figure

    software, chip, images = pair.load()
    result = gradient_deviation(
        chip=chip, software=software, data=images, eps=eps, limit=pair.run.limit,
        loss=loss, batch_size=pair.run.batch_size, progress=Bar(),  # type: ignore[arg-type]
    )  # fmt: skip
    if figure:
        deviation_figure(result, Path(figure))
    print(result.to_json() if json else result)


def curve(pair: Pair = FROZEN, figure: str = "", json: bool = False) -> None:
    """Measure accuracy under white-box PGD at growing eps.

    It ends at the eps where the chip does no better than chance.

    Args:
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_files(("figure", figure))
    from ..evaluation import robustness_curve
    from ..reports import accuracy_curves

    _, chip, images = pair.load()
    result = robustness_curve(
        victim=chip, source=chip, data=images, limit=pair.run.limit,
        batch_size=pair.run.batch_size, progress=Bar(),
    )  # fmt: skip
    if figure:
        accuracy_curves(result.records, Path(figure), chance=result.chance)
    print(result.to_json() if json else result)
