"""Records -> tables and figures; runs nothing."""

from .figures import accuracy_curves

__all__ = ["accuracy_curves"]
