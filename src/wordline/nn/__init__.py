"""Torch modules: a network in, a chip out."""

from .chip import Chip
from .map_model import map_model
from .mapped_layer import MappedLayer
from .recalibrate import recalibrate_batch_norm
from .report import ChipReport, LayerReport

__all__ = ["Chip", "ChipReport", "LayerReport", "MappedLayer", "map_model", "recalibrate_batch_norm"]
