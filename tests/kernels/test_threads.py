"""Work shared between threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from wordline.kernels.threads import ordered_map, share


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_every_item_is_done_once_whatever_the_number_of_threads(limit: int) -> None:
    done: list[int] = []

    def work(items: Iterator[int]) -> None:
        done.extend(items)

    share(work, range(20), limit)
    assert sorted(done) == list(range(20))


@pytest.mark.parametrize("limit", [1, 3])
def test_results_come_in_order_and_errors_come_through(limit: int) -> None:
    assert list(ordered_map(lambda x: x * x, range(7), limit)) == [x * x for x in range(7)]
    assert list(ordered_map(lambda x: x, [], limit)) == []
    with pytest.raises(ZeroDivisionError, match="by zero"):
        list(ordered_map(lambda x: 1 // x, [1, 0], limit))


def test_threads_record_no_gradients() -> None:
    enabled = list(ordered_map(lambda _: torch.is_grad_enabled(), range(4), 2))
    assert enabled == [False] * 4
