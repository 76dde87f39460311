"""Cells that are pure functions of their configuration: run anywhere, resumed after anything."""

from .advise import advise
from .audit_cell import AuditCell
from .cell import AbstractCell, AbstractInput, CellResult, Loader
from .certificate_cell import CertificateCell, CertificateSettings, run_certificates
from .cost import cost
from .defended_networks import FewBitPixels, HybridPrecision, quanos_on
from .deviation_cell import DeviationCell
from .evaluation_cell import EvaluationCell
from .grid import Grid, run_grid
from .image_inputs import AbstractImages, FewBitImages, Images, NoImages
from .journal import Journal, read_records
from .network_inputs import AbstractNetwork, InMemoryNetwork, NamedNetwork, PretrainedNetwork
from .quickstart import quickstart
from .run_cells import Outcome, run_cells
from .selfcheck import selfcheck
from .stability_cell import StabilityCell
from .stand_ins import ScaledWeights, Twin
from .store import Store, StoreConfig
from .study import Study, load_study
from .trained_networks import FineTunedNetwork, TrainedNetwork

__all__ = [
    "AbstractCell",
    "AbstractImages",
    "AbstractInput",
    "AbstractNetwork",
    "AuditCell",
    "CellResult",
    "CertificateCell",
    "CertificateSettings",
    "DeviationCell",
    "EvaluationCell",
    "FewBitImages",
    "FewBitPixels",
    "FineTunedNetwork",
    "Grid",
    "HybridPrecision",
    "Images",
    "InMemoryNetwork",
    "Journal",
    "Loader",
    "NamedNetwork",
    "NoImages",
    "Outcome",
    "PretrainedNetwork",
    "ScaledWeights",
    "StabilityCell",
    "Store",
    "StoreConfig",
    "Study",
    "TrainedNetwork",
    "Twin",
    "advise",
    "cost",
    "load_study",
    "quanos_on",
    "quickstart",
    "read_records",
    "run_cells",
    "run_certificates",
    "run_grid",
    "selfcheck",
]
