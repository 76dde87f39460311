"""The buffer pool."""

from __future__ import annotations

from wordline.kernels.buffer_pool import BufferPool
from wordline.kernels.registers import VECTOR_BYTES


def test_allocates_whole_units_up_to_the_limit() -> None:
    pool = BufferPool(1000)
    one = pool.allocate(300, 2)
    other = pool.allocate(300, 2)
    assert (one.size, other.size, pool.allocate(300, 1).size) == (600, 300, 0)
    assert pool.allocate(0, 5).size == 0


def test_buffers_begin_where_a_vector_may_and_do_not_overlap() -> None:
    pool = BufferPool(10_000)
    buffers = [pool.allocate(7, 100) for _ in range(3)]
    for n, buffer in enumerate(buffers):
        assert buffer.ctypes.data % VECTOR_BYTES == 0
        buffer[:] = n
    assert all((buffer == n).all() for n, buffer in enumerate(buffers))


def test_released_memory_is_allocated_again() -> None:
    pool = BufferPool(1000)
    buffer = pool.allocate(100, 8)
    part, at = buffer[10:20], buffer.ctypes.data
    del buffer
    assert pool.allocate(100, 8).size == 200  # `part` still refers to it
    del part
    assert pool.allocate(100, 8).ctypes.data == at


def test_idle_memory_makes_room_for_another_size() -> None:
    pool = BufferPool(1000)
    pool.allocate(100, 8)
    assert pool.used == 800
    buffer = pool.allocate(100, 9)
    assert (buffer.size, pool.used) == (900, 900)
