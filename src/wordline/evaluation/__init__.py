"""Numbers with everything needed to get them again."""

from .audit import Audit, Budget, audit
from .craft import craft
from .evaluate import evaluate
from .intervals import over_draws, paired_difference, wilson
from .party import party
from .score import Conditions, correct, score

__all__ = [
    "Audit",
    "Budget",
    "Conditions",
    "audit",
    "correct",
    "craft",
    "evaluate",
    "over_draws",
    "paired_difference",
    "party",
    "score",
    "wilson",
]
