"""The checks, in the order of the documentation and in the order in which they are run."""

from __future__ import annotations

from typing import Final

from .advantage import (
    AccuracyRestored,
    AttenuationExplainsNothing,
    NoiseExplainsNothing,
    ShrinkExplainsNothing,
)
from .binarization import Binarization
from .check import AbstractCheck
from .convergence import (
    DrawsConverged,
    IterativeWins,
    RestartsConverged,
    StepsConverged,
    StepSizeConverged,
)
from .distortion import MonotoneInEpsilon, UnboundedWins
from .finite_differences import FiniteDifferences
from .gradients import GradientNoise, GradientsExist, GradientsVanish
from .losses import LossAgnostic, NoSilentSuccess
from .model_properties import Logits, NoInnerGradients, Repeatable
from .noise import EnoughDraws, FrozenNoise, NoiseLadder
from .queries import HardLabelFindsNothing, RandomFindsNothing, SquareFindsNothing
from .transfer import OwnGradientIsBest, TransferIsWeaker
from .validity import SameAtZero, ValidImages

# Cheap and fatal first; attacks with gradients before query attacks, which only visit survivors.
RUNNING_ORDER: Final[tuple[AbstractCheck, ...]] = (
    Repeatable(), Logits(), NoInnerGradients(), GradientsExist(), GradientsVanish(),
    FiniteDifferences(), GradientNoise(), SameAtZero(), ValidImages(), IterativeWins(),
    UnboundedWins(), MonotoneInEpsilon(), TransferIsWeaker(), OwnGradientIsBest(), Binarization(),
    NoSilentSuccess(), StepsConverged(), RestartsConverged(), StepSizeConverged(),
    DrawsConverged(), LossAgnostic(), RandomFindsNothing(), SquareFindsNothing(),
    HardLabelFindsNothing(), FrozenNoise(), NoiseLadder(), EnoughDraws(), AccuracyRestored(),
    ShrinkExplainsNothing(), AttenuationExplainsNothing(), NoiseExplainsNothing(),
)  # fmt: skip
SHOWN: Final = (
    "V1", "V2", "V3", "V4", "V5", "G1", "G2", "G3", "G4", "A1", "A2", "A3", "A4", "A5", "A6", "A7",
    "E1", "E2", "B1", "B2", "B3", "B4", "B5", "R1", "R2", "R3", "C1", "C2", "C3", "C4",
    "T1",
)  # fmt: skip
