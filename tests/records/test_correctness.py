"""Correctness image by image: packed and unpacked, and what cannot be one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordline.records.correctness import Correctness


@given(st.lists(st.booleans(), max_size=70))
def test_what_went_in_comes_out(right: list[bool]) -> None:
    answers = Correctness.of(right)
    assert list(answers) == right and len(answers) == len(right)
    assert Correctness.from_json(answers.to_json()) == answers


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_digits_are_those_of_numpy(right: list[bool]) -> None:
    packed = np.packbits(np.array(right)).tobytes().hex()
    assert packed.startswith(Correctness.of(right).digits) and set(
        packed[len(Correctness.of(right).digits) :]
    ) <= {"0"}


def test_digits_are_text() -> None:
    with pytest.raises(TypeError, match="`digits` must be str, got 15"):
        Correctness(4, 15)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "digits", "message"),
    [
        (5, "f", "`digits` must be 2 hex digits for 5 images, got 'f'"),
        (4, "g", "`digits` must be 1 hex digits"),
        (0, "0", "`digits` must be 0 hex digits"),
        (-1, "", "`count` must be at least 0"),
        (4, "F", "`digits` must be 1 hex digits"),
    ],
)
def test_what_is_no_answer_is_refused(count: int, digits: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Correctness(count, digits)
