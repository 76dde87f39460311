"""Torch modules: a network in, a chip out."""

from .abstract_mapped_layer import AbstractMappedLayer
from .accounting.mapping_memory import LayerMemory, MappingMemory
from .accounting.probe import Probe, probe
from .calibrate import calibrate
from .chip import Chip
from .chip_report import ChipReport, LayerReport
from .chip_view import ChipView, LayerView, chip_view
from .ensemble import ChipEnsemble, map_chips
from .map_model import map_model
from .mapped_layer import MappedLayer
from .memory_estimate import mapping_memory
from .normalized import Normalized
from .recalibrate import recalibrate_batch_norm

__all__ = [
    "AbstractMappedLayer",
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
