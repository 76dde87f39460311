"""Noise that a chip adds to every activation, and its effect on the rest of the network."""

from .run import noise_stability

__all__ = ["noise_stability"]
