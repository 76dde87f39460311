"""Results as they are stored: frozen values that print, compare and make a JSON round trip."""

from .advice import Advice, Option, marked
from .audit import Audit, Check, Comparison, Status, comparison_table
from .budget import Budget
from .comparisons import robust_gain, worst_case
from .correctness import Answers
from .failure import Failure
from .gradient_deviation import GradientDeviation
from .intervals import over_draws, paired_difference, wilson
from .noise_stability import LayerStability, LogitStability, NoiseStability, Statistic
from .products import NOT_PROBED, DigitalProduct, Products
from .record import Estimate, Party, Record, Software, table

__all__ = [
    "NOT_PROBED",
    "Advice",
    "Answers",
    "Audit",
    "Budget",
    "Check",
    "Comparison",
    "DigitalProduct",
    "Estimate",
    "Failure",
    "GradientDeviation",
    "LayerStability",
    "LogitStability",
    "NoiseStability",
    "Option",
    "Party",
    "Products",
    "Record",
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
