"""Images with labels: data sets by name, from the hub or from local files."""

from .images import ImageData, ImageSplit, to_float
from .load import load_dataset
from .pairs import Pairs, as_split, clipped

__all__ = [
    "ImageData",
    "ImageSplit",
    "Pairs",
    "as_split",
    "clipped",
    "load_dataset",
    "to_float",
]
