"""Results as they are stored: frozen values that print, compare and make a JSON round trip."""

from .advice import Advice, Option, marked
from .audit import Audit, Check, Comparison, Status, comparison_table
from .budget import Budget
from .comparisons import robust_gain, worst_case
from .correctness import Correctness
from .curve import RobustnessCurve
from .failure import Failure
from .gradient_deviation import GradientDeviation
from .intervals import over_draws, paired_difference, wilson
from .noise_stability import LayerStability, LogitStability, NoiseStability, Statistic
from .products import NOT_PROBED, DigitalProduct, Products
from .record import Estimate, NetworkIdentity, Record, Software, table

__all__ = [
    "NOT_PROBED",
    "Advice",
    "Audit",
    "Budget",
    "Check",
    "Comparison",
    "Correctness",
    "DigitalProduct",
    "Estimate",
    "Failure",
    "GradientDeviation",
    "LayerStability",
    "LogitStability",
    "NoiseStability",
    "Option",
    "NetworkIdentity",
    "Products",
    "Record",
    "RobustnessCurve",
    "Software",
    "Statistic",
    "Status",
    "comparison_table",
    "marked",
    "over_draws",
    "paired_difference",
    "robust_gain",
    "table",
    "wilson",
    "worst_case",
]
