"""Numbers with everything needed to get them again."""

from ..models import correct
from ..records import Audit, over_draws, paired_difference, wilson
from .audit import Budget, audit
from .craft import craft
from .curve import RobustnessCurve, robustness_curve
from .evaluate import evaluate
from .gradient_deviation import gradient_deviation
from .matched_noise import matched_noise
from .noise_stability import noise_stability
from .party import party
from .score import Conditions, score

__all__ = [
    "Audit",
    "Budget",
    "Conditions",
    "RobustnessCurve",
    "audit",
    "correct",
    "craft",
    "evaluate",
    "gradient_deviation",
    "matched_noise",
    "noise_stability",
    "over_draws",
    "paired_difference",
    "party",
    "robustness_curve",
    "score",
    "wilson",
]
