import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordline.training import Milestones, OneCycle
from wordline.values import Value


def test_one_cycle_against_its_closed_form() -> None:
    curve = OneCycle(peak_lr=0.2, warmup=0.25, start=0.1)
    assert curve.lr(0, 8) == pytest.approx(0.02)
    assert curve.lr(1, 8) == pytest.approx(0.11)  # half way up
    assert curve.lr(2, 8) == pytest.approx(0.2)
    assert curve.lr(5, 8) == pytest.approx(0.1)  # half way down the cosine
    assert curve.lr(8, 8) == pytest.approx(0)
    for epoch in (2.5, 4.0, 7.9):
        assert curve.lr(epoch, 8) == pytest.approx(0.1 * (1 + math.cos(math.pi * (epoch - 2) / 6)))


@given(st.floats(0.01, 1), st.floats(0.05, 0.9), st.floats(0, 1))
def test_one_cycle_rises_then_falls_within_its_peak(
    peak: float, warmup: float, start: float
) -> None:
    curve = OneCycle(peak, warmup, start)
    values = [curve.lr(k / 10, 10) for k in range(101)]
    top = values.index(max(values))
    assert max(values) <= peak * (1 + 1e-12) and min(values) >= 0
    assert values[: top + 1] == sorted(values[: top + 1]) and values[top:] == sorted(
        values[top:], reverse=True
    )


def test_the_papers_milestones() -> None:
    assert [Milestones().lr(e, 200) for e in (0, 79.99, 80, 119.99, 120, 199)] == [
        0.1,
        0.1,
        0.01,
        0.01,
        0.001,
        0.001,
    ]
    assert Milestones(0.5, (), 0.1).lr(7, 10) == 0.5


@pytest.mark.parametrize("curve", [OneCycle(0.3, 0.1, 0.0), Milestones(0.2, (3, 5), 0.5)])
def test_json_round_trip(curve: Value) -> None:
    assert Value.from_json(curve.to_json()) == curve and hash(curve) == hash(
        Value.from_json(curve.to_json())
    )


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: OneCycle(peak_lr=0), ValueError, "`peak_lr` must be greater than 0"),
        (lambda: OneCycle(peak_lr=math.nan), ValueError, "`peak_lr` must be a finite number"),
        (lambda: OneCycle(warmup=0.95), ValueError, "`warmup` must be at most 0.9"),
        (lambda: OneCycle(warmup=0), ValueError, "`warmup` must be greater than 0"),
        (lambda: OneCycle(start=2), ValueError, "`start` must be at most 1"),
        (lambda: Milestones(initial_lr=-1), ValueError, "`initial_lr` must be greater than 0"),
        (lambda: Milestones(factor=2), ValueError, "`factor` must be at most 1"),
        (lambda: Milestones(milestones=[1]), TypeError, "`milestones` must be tuple"),
        (lambda: Milestones(milestones=(0.5,)), TypeError, "`milestones` must be a whole number"),
        (lambda: Milestones(milestones=(5, 3)), ValueError, "`milestones` must be rising epochs"),
        (lambda: Milestones(milestones=(3, 3)), ValueError, "`milestones` must be rising epochs"),
    ],
)
def test_bad_schedules(make: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()  # type: ignore[operator]


def test_rescaled_keeps_the_shape_of_the_curve() -> None:
    assert OneCycle(0.1).rescale(0.3, 5.0) == OneCycle(0.3)
    assert OneCycle(0.1).rescale(0.0, 5.0) == OneCycle(0.1)
    short = Milestones().rescale(0.0, 10 / 200)
    assert short == Milestones(milestones=(4, 6))
    assert [short.lr(epoch, 10) for epoch in (3, 4, 6)] == [
        Milestones().lr(epoch, 200) for epoch in (60, 80, 120)
    ]
    assert Milestones().rescale(0.2, 1 / 200) == Milestones(0.2, milestones=(1,))
