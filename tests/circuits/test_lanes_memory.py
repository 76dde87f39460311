"""Memory on loan."""

from __future__ import annotations

from wordline.circuits.lanes import VECTOR_BYTES
from wordline.circuits.lanes_memory import Memory


def test_lends_whole_units_up_to_the_limit() -> None:
    memory = Memory(1000)
    one = memory.lend(300, 2)
    other = memory.lend(300, 2)
    assert (one.size, other.size, memory.lend(300, 1).size) == (600, 300, 0)
    assert memory.lend(0, 5).size == 0


def test_loans_begin_where_a_vector_may_and_do_not_overlap() -> None:
    memory = Memory(10_000)
    loans = [memory.lend(7, 100) for _ in range(3)]
    for n, loan in enumerate(loans):
        assert loan.ctypes.data % VECTOR_BYTES == 0
        loan[:] = n
    assert all((loan == n).all() for n, loan in enumerate(loans))


def test_what_nobody_refers_to_is_lent_again() -> None:
    memory = Memory(1000)
    loan = memory.lend(100, 8)
    part, at = loan[10:20], loan.ctypes.data
    del loan
    assert memory.lend(100, 8).size == 200  # `part` still refers to it
    del part
    assert memory.lend(100, 8).ctypes.data == at


def test_idle_memory_makes_room_for_another_size() -> None:
    memory = Memory(1000)
    memory.lend(100, 8)
    assert memory.used == 800
    loan = memory.lend(100, 9)
    assert (loan.size, memory.used) == (900, 900)
