"""Cells that are pure functions of their configuration, run anywhere, resumed after anything."""

from .advise import advise
from .audit_cell import AuditCell, DeviationCell
from .cell import AbstractCell
from .cost import Cost, cost
from .defended_inputs import Called, FewBitImages, FewBitPixels, HybridPrecision, quanos_on
from .evaluation_cell import EvaluationCell
from .grid import Grid, run_grid
from .inputs import AbstractNetwork, Images, NoImages, Packaged, Trained
from .journal import Journal, read_records
from .quickstart import quickstart
from .run_cells import Outcome, run_cells
from .selfcheck import CheckResult, selfcheck
from .stability_cell import StabilityCell
from .store import Place, Store
from .study import Study, load_study

__all__ = [
    "AbstractCell",
    "AbstractNetwork",
    "AuditCell",
    "Called",
    "CheckResult",
    "Cost",
    "DeviationCell",
    "EvaluationCell",
    "FewBitImages",
    "FewBitPixels",
    "Grid",
    "HybridPrecision",
    "Images",
    "Journal",
    "NoImages",
    "Outcome",
    "Packaged",
    "Place",
    "StabilityCell",
    "Store",
    "Study",
    "Trained",
    "advise",
    "cost",
    "load_study",
    "quanos_on",
    "quickstart",
    "read_records",
    "run_cells",
    "run_grid",
    "selfcheck",
]
