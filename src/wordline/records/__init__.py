"""Results as they are stored: frozen values that print, compare and make a JSON round trip."""

from .advice import Advice, Option, compare_options
from .audit import Audit, Check, Comparison, Status, comparison_table
from .audit_budget import Budget
from .bit_assignment import BitAssignment
from .check_result import CheckResult, render_checks
from .comparisons import robust_gain, worst_case
from .correctness import Correctness
from .cost import Cost
from .curve import RobustnessCurve
from .failure import Failure
from .gain_verdict import gain_verdict
from .gradient_deviation import GradientDeviation
from .intervals import over_draws, paired_difference, wilson
from .network_identity import NetworkIdentity, Software
from .noise_sensitivity import NoiseSensitivity
from .noise_stability import LayerStability, LogitStability, NoiseStability, Statistic
from .origin import AsTrained, Attenuated, Scaled
from .parasitics_match import ParasiticsMatch
from .pooled import GainSplit, PooledEstimate, PooledGain, pooled_gain, split_gain
from .products import NOT_PROBED, DigitalProduct, Products
from .record import Estimate, Record, describe, describe_attack, fraction, table

__all__ = [
    "NOT_PROBED",
    "Advice",
    "AsTrained",
    "Attenuated",
    "Audit",
    "BitAssignment",
    "Budget",
    "Check",
    "CheckResult",
    "Comparison",
    "Correctness",
    "Cost",
    "DigitalProduct",
    "Estimate",
    "Failure",
    "GainSplit",
    "GradientDeviation",
    "LayerStability",
    "LogitStability",
    "NetworkIdentity",
    "NoiseSensitivity",
    "NoiseStability",
    "Option",
    "ParasiticsMatch",
    "PooledEstimate",
    "PooledGain",
    "Products",
    "Record",
    "RobustnessCurve",
    "Scaled",
    "Software",
    "Statistic",
    "Status",
    "compare_options",
    "comparison_table",
    "describe",
    "describe_attack",
    "fraction",
    "gain_verdict",
    "over_draws",
    "paired_difference",
    "pooled_gain",
    "render_checks",
    "robust_gain",
    "split_gain",
    "table",
    "wilson",
    "worst_case",
]
