"""Nested dissection on CPUs: one vector lane per tile, the tree walked depth first."""

from .driver import adjoint, solve, solve_and_save

__all__ = ["adjoint", "solve", "solve_and_save"]
