"""The verdict by failing checks; never "robust": an audit finds reasons for doubt, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...records import Check

MASKING: Final = "masking detected"
NOT_CONVERGED: Final = "evaluation not converged"
ATTENUATION: Final = "advantage explained by attenuation"
CLEAN_ACCURACY: Final = "advantage explained by clean-accuracy loss"

# The first verdict any of whose checks failed is the audit's. The signs of masking are those of
# Athalye et al. 2018 (arXiv 1802.00420, section 3.1) and Carlini et al. 2019 (arXiv 1902.06705,
# section 5): gradients that vanish or are wrong, one step beating many, attacks without gradients
# beating white-box ones, unbounded attacks that do not win.
VERDICTS: Final[dict[str, tuple[str, ...]]] = {
    MASKING: ("G1", "G2", "G3", "A1", "B1", "B2", "B3", "B4", "B5", "E1", "E2"),
    NOT_CONVERGED: (
        "V1", "V2", "V4", "V5", "A2", "A3", "A4", "A5", "A6", "A7", "R1", "R2", "R3", "T1",
    ),
    # Before the next one: C4 asks only where accuracy under attack is higher than software's. Then
    # more than clean accuracy was lost, and a gain that restores it says why, not that.
    ATTENUATION: ("C4",),
    CLEAN_ACCURACY: ("C1", "C2", "C3"),
}  # fmt: skip
# V3 and G4 only warn: they switch the stochastic protocol on; A5, R2 and R3 judge its convergence.
FATAL: Final = frozenset(VERDICTS[MASKING])  # after one of these a quick audit stops


def decide(checks: Sequence[Check]) -> str:
    """Decide the verdict: the first in the order of `VERDICTS` of which a check failed.

    Without a failure the verdict counts the checks that were not skipped.

    >>> decide([Check("G1", "", "fail", {}, "", ""), Check("A2", "", "fail", {}, "", "")])
    'masking detected'
    >>> decide([Check("G1", "", "pass", {}, "", ""), Check("R1", "", "skipped", {}, "", "")])
    'no masking found by these 1 checks'
    """
    failed = {check.id for check in checks if check.status == "fail"}
    for verdict, ids in VERDICTS.items():
        if failed & set(ids):
            return verdict
    ran = sum(check.status != "skipped" for check in checks)
    return f"no masking found by these {ran} checks"
