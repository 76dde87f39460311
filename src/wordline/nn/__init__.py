"""Torch modules: a network in, a chip out."""

from .calibrate import calibrate
from .chip import Chip
from .many_chips import ChipEnsemble, map_chips
from .map_model import map_model
from .mapped_layer import MappedLayer
from .normalized import Normalized
from .probe import Probe, probe
from .recalibrate import recalibrate_batch_norm
from .report import ChipReport, LayerReport
from .view import ChipView, LayerView, chip_view

__all__ = [
    "Chip",
    "ChipEnsemble",
    "ChipReport",
    "ChipView",
    "LayerReport",
    "LayerView",
    "MappedLayer",
    "Normalized",
    "Probe",
    "calibrate",
    "chip_view",
    "map_chips",
    "map_model",
    "probe",
    "recalibrate_batch_norm",
]
