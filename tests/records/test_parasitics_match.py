"""A match says what was tried, and whether accuracy fell steadily."""

import dataclasses

import pytest

from wordline.records import ParasiticsMatch
from wordline.values import decode, encode

MATCH = ParasiticsMatch(
    factor=0.1, too_large=0.2, accuracy=0.72, target=0.7, software=0.9,
    tried=((0.01, 0.88), (1.0, 0.1), (0.1, 0.72), (0.2, 0.5)), images=1000,
    fingerprint="f", seeds=(0, 1),
)  # fmt: skip


def test_it_prints_and_makes_a_round_trip() -> None:
    assert str(MATCH) == (
        "parasitics x 0.1 (x 0.2 is too large): CA 72.00 %, target 70.00 %, software 90.00 %; "
        "1000 images, 2 chips"
    )
    assert decode(encode(MATCH)) == MATCH
    assert MATCH.share_kept == pytest.approx(0.8)


def test_a_rise_of_accuracy_is_said() -> None:
    assert MATCH.monotone
    rises = dataclasses.replace(MATCH, tried=((0.01, 0.6), *MATCH.tried[1:]))
    assert not rises.monotone and "does not fall steadily" in str(rises)
