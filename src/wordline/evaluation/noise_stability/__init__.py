"""How much noise a chip adds to every activation, and what the network makes of it."""

from .run import noise_stability

__all__ = ["noise_stability"]
