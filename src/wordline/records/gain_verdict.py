"""The verdict on a gain over software, from its interval alone."""

from __future__ import annotations

from typing import Final, Protocol

GAIN: Final = "gain"
LOSS: Final = "loss"
NO_GAIN: Final = "no gain"
UNDECIDED: Final = "undecided"
EXPLAINED: Final = "explained by attenuation"
SMALLEST_GAIN: Final = 0.015  # a gain that counts: 1.5 points


class Interval(Protocol):
    """Anything with a value and the two ends of its 95 % interval."""

    @property
    def value(self) -> float:
        """The value."""

    @property
    def low(self) -> float:
        """The lower end."""

    @property
    def high(self) -> float:
        """The upper end."""


def gain_verdict(gain: Interval, *, smallest: float = SMALLEST_GAIN) -> str:
    """Return the word that the whole interval of a gain allows.

    "gain": above zero. "loss": below zero. "no gain": below `smallest`, so that a gain of 1.5
    points is excluded. "undecided": anything else, where more images or chips are needed.

    >>> from wordline.records import Estimate
    >>> gain_verdict(Estimate(0.004, -0.008, 0.014)), gain_verdict(Estimate(0.004, -0.01, 0.02))
    ('no gain', 'undecided')
    """
    if gain.low > 0:
        return GAIN
    if gain.high < 0:
        return LOSS
    return NO_GAIN if gain.high < smallest else UNDECIDED


def split_verdict(gain: Interval, attenuation: Interval, rest: Interval, kept: Interval) -> str:
    """Return the verdict on a gain that is split into its twin's share and the rest.

    A gain is "explained by attenuation" where the twin has a gain too (`attenuation`), the chip
    none beyond it (`rest`: a loss, or no gain), and the twin no less clean accuracy than the chip
    (`kept`, CA(twin) - CA(chip): not below -1.5 points). Any other verdict is that of the gain.
    """
    verdict = gain_verdict(gain)
    shared = gain_verdict(attenuation) == GAIN and kept.low > -SMALLEST_GAIN
    explained = shared and gain_verdict(rest) in (LOSS, NO_GAIN)
    return EXPLAINED if verdict == GAIN and explained else verdict
