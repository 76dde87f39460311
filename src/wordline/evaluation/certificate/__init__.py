"""Certified radii of networks whose first layer is noisy, and the norm that they depend on."""

from .certify import certify, with_input_noise
from .operator_norm import operator_bound
from .sensitivity import Sensitivity, sensitivity

__all__ = ["Sensitivity", "certify", "operator_bound", "sensitivity", "with_input_noise"]
