"""Records -> tables and figures; runs nothing."""

from .advice import advice_figure
from .deviation import deviation_figure
from .figures import accuracy_curves
from .stability import stability_figure

__all__ = ["accuracy_curves", "advice_figure", "deviation_figure", "stability_figure"]
