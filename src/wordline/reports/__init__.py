"""Records -> tables and figures; runs nothing."""

from .deviation import deviation_figure
from .figures import accuracy_curves
from .stability import stability_figure

__all__ = ["accuracy_curves", "deviation_figure", "stability_figure"]
