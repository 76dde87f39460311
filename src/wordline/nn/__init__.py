"""Torch modules: a network in, a chip out."""

from .build import mapping_memory
from .calibrate import calibrate
from .chip import Chip
from .many_chips import ChipEnsemble, map_chips
from .map_model import map_model
from .mapped_layer import MappedLayer
from .memory import LayerMemory, MappingMemory
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
    "LayerMemory",
    "LayerReport",
    "LayerView",
    "MappedLayer",
    "MappingMemory",
    "Normalized",
    "Probe",
    "calibrate",
    "chip_view",
    "map_chips",
    "map_model",
    "mapping_memory",
    "probe",
    "recalibrate_batch_norm",
]
