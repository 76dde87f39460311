"""Evaluations: records of accuracy under attack, comparisons with software, and the audit."""

from ..models import correct
from ..records import (
    Audit,
    Budget,
    Certificate,
    RobustnessCurve,
    over_draws,
    paired_difference,
    wilson,
)
from .attenuated import attenuated, scaled
from .attenuation import attenuation
from .audit import audit
from .certificate import certify, sensitivity, with_input_noise
from .craft import craft
from .curve import robustness_curve
from .evaluate import evaluate
from .gradient_deviation import gradient_deviation
from .identify import identify
from .match_parasitics import match_parasitics
from .matched_noise import matched_noise
from .noise_stability import noise_stability
from .score import ScoreSettings, score

__all__ = [
    "Audit",
    "Budget",
    "Certificate",
    "RobustnessCurve",
    "ScoreSettings",
    "attenuated",
    "attenuation",
    "audit",
    "certify",
    "correct",
    "craft",
    "evaluate",
    "gradient_deviation",
    "identify",
    "match_parasitics",
    "matched_noise",
    "noise_stability",
    "over_draws",
    "paired_difference",
    "robustness_curve",
    "scaled",
    "score",
    "sensitivity",
    "wilson",
    "with_input_noise",
]
