"""What stands behind the command line: arguments in, one line of Python each, text out."""

from collections.abc import Callable

from .advise import advise
from .audit import audit, curve, deviation
from .check import check
from .crossbars import map_, show, surrogate
from .evaluate import evaluate
from .options import parse_number
from .quanos import quanos
from .quickstart import quickstart
from .report import report
from .stability import stability
from .study import study
from .train import train

COMMANDS: dict[str, Callable[..., None]] = {
    "quickstart": quickstart, "train": train, "show": show, "map": map_, "evaluate": evaluate, "audit": audit,
    "deviation": deviation, "curve": curve, "stability": stability, "advise": advise, "quanos": quanos,
    "study": study, "report": report, "surrogate": surrogate, "check": check,
}  # fmt: skip

__all__ = ["COMMANDS", "parse_number"]
