"""What is done to a network or to its images so that it errs less: training, preprocessing, precision."""

from .discretise import Discretised, discretise

__all__ = ["Discretised", "discretise"]
