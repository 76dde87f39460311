"""Parasitics that were matched to a clean accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from ..values import Value


@dataclass(frozen=True)
class ParasiticsMatch(Value):
    """The factor of a crossbar's parasitics at which a network keeps a clean accuracy.

    `factor`: the largest that was tried and met the target; `too_large`: the smallest that was
    tried and missed it; `accuracy`: mean over chips at `factor`; `software`: of the network itself;
    `tried`: all (factor, mean accuracy), in the order of the search; accuracies as shares of one;
    `images`: how many; `fingerprint`: of the images; `seeds`: of the chips.
    """

    factor: float
    too_large: float
    accuracy: float
    target: float
    software: float
    tried: tuple[tuple[float, float], ...]
    images: int
    fingerprint: str
    seeds: tuple[int, ...]

    @property
    def share_kept(self) -> float:
        """Clean accuracy of the chips over that of software."""
        return self.accuracy / self.software

    @property
    def monotone(self) -> bool:
        """True if accuracy never rose with the factor among all that were tried."""
        accuracies = [accuracy for _, accuracy in sorted(self.tried)]
        return accuracies == sorted(accuracies, reverse=True)

    def __str__(self) -> str:
        order = "" if self.monotone else "; accuracy does not fall steadily, other factors may fit"
        return (
            f"parasitics x {self.factor:.4g} (x {self.too_large:.4g} is too large): CA "
            f"{100 * self.accuracy:.2f} %, target {100 * self.target:.2f} %, software "
            f"{100 * self.software:.2f} %; {self.images} images, {len(self.seeds)} chips{order}"
        )
