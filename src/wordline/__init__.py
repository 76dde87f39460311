"""Trained PyTorch networks on memristive crossbars: exact physics, hardware gradients, an audit.

The names here are those of an ordinary job, grouped by what a user asks. The rest stand one level
down, in the packages: `wordline.attacks`, `wordline.devices`, `wordline.training` and so on; what a
package exports is found from here too (`wl.TRADES`). Each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # each is imported when it is first asked for
    from . import papers, reports, runs
    from .arrays import ExactArray, NonlinearArray, SurrogateArray
    from .attacks import APGD, FGSM, MIFGSM, PGD, AutoAttack, Square, WorstCase
    from .circuits import SinhDevice, Wires, effective_conductance, netlist, solve_nonlinear
    from .datasets import load_dataset
    from .devices import (
        Calibrated,
        GaussianVariation,
        IdealConverter,
        MeasuredDevice,
        Memristor,
        OutputNoise,
        ReadNoise,
        RetentionDrift,
        StuckDevices,
        UniformConverter,
    )
    from .evaluation import (
        attenuated,
        audit,
        certify,
        evaluate,
        gradient_deviation,
        matched_noise,
        noise_stability,
        robustness_curve,
    )
    from .mapping import (
        BitSlicing,
        Crossbar,
        DifferentialPair,
        LeastSquaresGain,
        NoSlicing,
        PerColumnGain,
        UnitGain,
    )
    from .models import load_model
    from .nn import (
        Chip,
        Normalized,
        calibrate,
        map_chips,
        map_model,
        mapping_memory,
        recalibrate_batch_norm,
    )
    from .quantisation import quanos, quantise
    from .records import Audit, Budget, Record, robust_gain, table
    from .runs import advise

__all__ = [  # noqa: RUF022 - in the order of a job
    # Which network, which images?
    "load_model", "load_dataset", "Normalized",
    # Which crossbar?
    "Crossbar", "Memristor", "MeasuredDevice", "Wires",
    "GaussianVariation", "StuckDevices", "RetentionDrift", "ReadNoise", "OutputNoise",
    "UniformConverter", "IdealConverter", "Calibrated",
    "DifferentialPair", "NoSlicing", "BitSlicing",
    "UnitGain", "LeastSquaresGain", "PerColumnGain",
    "ExactArray", "NonlinearArray", "SurrogateArray", "SinhDevice",
    # What does the chip compute?
    "map_model", "map_chips", "Chip", "mapping_memory", "calibrate", "recalibrate_batch_norm",
    # How robust is it?
    "FGSM", "MIFGSM", "PGD", "APGD", "Square", "AutoAttack", "WorstCase",
    "evaluate", "Record", "table", "robust_gain", "robustness_curve",
    # Is that real, and what does it come from?
    "audit", "Audit", "Budget", "gradient_deviation", "noise_stability", "matched_noise",
    "attenuated", "certify",
    # What should I build?
    "advise", "quantise", "quanos",
    # What do the circuits alone say?
    "effective_conductance", "solve_nonlinear", "netlist",
]  # fmt: skip

_PACKAGES = (
    "records", "attacks", "datasets", "models", "circuits", "devices", "arrays", "mapping", "nn",
    "training", "quantisation", "defenses", "evaluation", "runs", "reports", "papers",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """Find a package, or what a package exports, when it is first asked for."""
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    for package in _PACKAGES if not name.startswith("_") else ():
        module = import_module(f"{__name__}.{package}")
        if name in getattr(module, "__all__", ()):
            globals()[name] = found = getattr(module, name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES])
