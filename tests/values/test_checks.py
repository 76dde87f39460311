"""Checks name the argument, what came and what is allowed."""

import pytest

import wordline as wl
from wordline.values import require_choice, require_instance, require_integer, require_number


def test_numbers_out_of_range_name_the_argument() -> None:
    with pytest.raises(TypeError, match="`x` must be a number, got 'a'"):
        require_number("x", "a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`x` must be a number, got True"):
        require_number("x", True)
    with pytest.raises(ValueError, match="`x` must be a finite number, got nan"):
        require_number("x", float("nan"), finite=False)
    with pytest.raises(ValueError, match="`x` must be at least 1, got 0"):
        require_number("x", 0, at_least=1)
    with pytest.raises(ValueError, match="`x` must be greater than 0, got 0"):
        require_number("x", 0, above=0)
    with pytest.raises(ValueError, match="`x` must be at most 1, got 2"):
        require_number("x", 2, at_most=1)
    with pytest.raises(TypeError, match="`n` must be a whole number, got 1.0"):
        require_integer("n", 1.0, at_least=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`n` must be at least 0, got -1"):
        require_integer("n", -1, at_least=0)
    with pytest.raises(TypeError, match="`w` must be Wires, got 3 of type int"):
        require_instance("w", 3, wl.Wires)
    with pytest.raises(ValueError, match="`c` must be one of 'a', 'b', got 'd'"):
        require_choice("c", "d", ("a", "b"))
