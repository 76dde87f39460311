"""Studies: cells that are pure functions of their configuration, run anywhere, resumed after anything."""

from .advise import advise
from .cell import AbstractCell
from .cost import Cost, cost
from .defended import Called, FewBitImages, FewBitPixels, HybridPrecision, quanos_on
from .doubt_cells import AuditCell, DeviationCell
from .evaluation_cell import EvaluationCell
from .failure import Failure
from .grid import Grid, run_grid
from .ingredients import AbstractNetwork, Images, NoImages, Packaged, Trained
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
    "Failure",
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
