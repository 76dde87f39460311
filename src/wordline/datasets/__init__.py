"""Labelled images: public data sets by name, and any data set of pairs as a split.

`load_dataset` reads a data set from the Hugging Face hub, from local files, or the embedded digits.
It returns an `ImageData` with two `ImageSplit`s. `as_split` turns a PyTorch data set of
(image, label) pairs into such a split.
"""

from .images import ImageData, ImageSplit, to_float
from .load import load_dataset, name_of
from .pairs import Pairs, as_split, clip_rounding

__all__ = [
    "ImageData",
    "ImageSplit",
    "Pairs",
    "as_split",
    "clip_rounding",
    "load_dataset",
    "name_of",
    "to_float",
]
