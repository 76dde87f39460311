"""Progress of an audit: the runs of attacks that it plans, and how far it has come."""

from __future__ import annotations

from ...progress import Advance
from ...records import Budget

STOCHASTIC_TARGETS = 3  # each costs as many gradients as EOT has draws
SQUARE_QUERIES = 500  # cost about a run: small squares lead back to images known already


def base_runs(budget: Budget, *, stochastic: bool) -> int:
    """Count the runs of the base attack on one network, in runs of one draw a gradient."""
    if stochastic:
        return (budget.restarts + min(budget.targets, STOCHASTIC_TARGETS)) * budget.eot
    return budget.restarts + budget.targets


def runs_of_checks(budget: Budget, *, stochastic: bool) -> dict[str, int]:
    """Estimate the cost of each check, in runs of the base attack; 1 for those not named."""
    draws = budget.eot if stochastic else 1
    base = base_runs(budget, stochastic=stochastic)
    return {
        "V1": base,  # the first to ask for the base attack on the chip
        "E1": 3 * draws, "E2": draws, "B5": 2 * draws,
        "A2": 2 * draws, "A3": budget.restarts * draws, "A4": 2 * draws, "A6": 2 * draws,
        "A5": 2 * draws if stochastic else 1,
        "B1": 1 + budget.random // budget.steps, "B2": 1 + budget.square // SQUARE_QUERIES,
        "B3": 1 + budget.hop // 2,
        "R1": base_runs(budget, stochastic=False) if stochastic else 1,
        "R2": 2 * base if stochastic else 1,
        "C1": base_runs(budget, stochastic=False),  # the first to ask for that on software
    }  # fmt: skip


class Meter:
    """Reports stretches of work; no stretch reports more or less than was planned for it."""

    def __init__(self, advance: Advance, total: int = 0) -> None:
        self._advance, self._rest = advance, total
        self._left, self._note = 0, ""

    def begin(self, note: str, runs: int) -> None:
        """Begin a stretch of so many runs."""
        self._left, self._note = runs, note
        self._advance(0, note)

    def ran(self, runs: int) -> None:
        """Report runs that are done, as far as they were planned."""
        self._report(min(runs, self._left), self._note)

    def end(self, note: str) -> None:
        """End the stretch, whatever it took."""
        self._report(self._left, note)

    def finish(self, note: str) -> None:
        """End all that was planned, done or not."""
        self._left = self._rest
        self._report(self._rest, note)

    def _report(self, runs: int, note: str) -> None:
        self._left, self._rest = self._left - runs, self._rest - runs
        self._advance(runs, note)
