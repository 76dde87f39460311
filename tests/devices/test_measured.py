"""Measured devices: reading of tables, and the distribution of the conductances."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wordline as wl

TARGETS = (5e-6, 1e-5, 3e-5, 5e-5)
MEANS = (6e-6, 1.1e-5, 2.8e-5, 4.5e-5)
DEVIATIONS = (1e-6, 5e-7, 2e-6, 0.0)
DEVICE = wl.MeasuredDevice(TARGETS, MEANS, DEVIATIONS)
COUNT = 160_000


def _stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _held(device: wl.AbstractDevice, g: float) -> torch.Tensor:
    return device.programmed(torch.full((COUNT,), g, dtype=torch.float64), generator=_stream())


def test_the_window_reaches_from_the_first_target_to_the_last() -> None:
    assert (DEVICE.g_off_siemens, DEVICE.g_on_siemens) == (5e-6, 5e-5)
    asked = DEVICE.conductance(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    torch.testing.assert_close(asked, torch.tensor([5e-6, 27.5e-6, 5e-5], dtype=torch.float64))


@pytest.mark.parametrize("target", [5e-6, 7e-6, 1e-5, 2.5e-5, 4.9e-5, 5e-5, 1e-6, 1e-3])
def test_what_lands_has_the_mean_and_deviation_of_the_table(target: float) -> None:
    held = _held(DEVICE, target)
    mean, deviation = (
        np.interp(target, TARGETS, MEANS),
        np.interp(target, TARGETS, DEVIATIONS),
    )  # flat beyond the ends
    assert float(held.mean()) == pytest.approx(mean, abs=4 * deviation / COUNT**0.5 + 1e-18)
    assert float(held.std()) == pytest.approx(deviation, rel=0.02, abs=1e-18)


@given(st.floats(0, 1), st.sampled_from([torch.float32, torch.float64]))
def test_without_spread_it_is_linear_interpolation(share: float, dtype: torch.dtype) -> None:
    device = wl.MeasuredDevice(TARGETS, MEANS, (0.0,) * 4)
    asked = device.conductance(torch.tensor([share], dtype=dtype))
    held = device.programmed(asked, generator=_stream())
    assert held.dtype == dtype
    assert held.item() == pytest.approx(np.interp(float(asked), TARGETS, MEANS), rel=1e-6)


def test_a_conductance_is_never_negative() -> None:
    held = _held(wl.MeasuredDevice((1e-6, 1e-5), (1e-7, 1e-5), (1e-5, 1e-5)), 1e-6)
    assert float(held.min()) == 0.0


def test_targets_that_float32_cannot_tell_apart_give_numbers() -> None:
    device = wl.MeasuredDevice(
        (1e-5, 2e-5, 2e-5 * (1 + 1e-12)), (1e-5, 2e-5, 2.1e-5), (0.0, 0.0, 0.0)
    )
    held = device.programmed(torch.tensor([1e-5, 1.5e-5, 3e-5]), generator=_stream())
    torch.testing.assert_close(held, torch.tensor([1e-5, 1.5e-5, 2.1e-5]))


def test_a_chip_is_the_same_in_both_precisions_and_shapes_are_kept() -> None:
    asked = DEVICE.conductance(torch.rand(2, 3, 40, 30, generator=_stream(), dtype=torch.float64))
    double = DEVICE.programmed(asked, generator=_stream(1))
    single = DEVICE.programmed(asked.float(), generator=_stream(1))
    assert double.shape == asked.shape
    torch.testing.assert_close(double.float(), single, rtol=1e-5, atol=1e-11)
    assert not torch.equal(double, DEVICE.programmed(asked, generator=_stream(2)))
    transposed = DEVICE.programmed(asked.transpose(0, 1), generator=_stream(1))
    assert transposed.shape == (3, 2, 40, 30)


def test_the_gradient_is_that_of_finite_differences() -> None:
    device = wl.MeasuredDevice((0.1, 0.4, 1.0), (0.2, 0.3, 0.9), (0.05, 0.1, 0.02))
    asked = device.conductance(torch.linspace(0.02, 0.98, 10, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda g: device.programmed(g, generator=_stream()), asked, eps=1e-7
    )


def test_a_chip_of_measured_devices_holds_what_the_table_says() -> None:
    """Means 10 % below their targets: unit gain loses a tenth of the weight, least squares none."""
    device = wl.MeasuredDevice((5e-6, 5e-5), (4.5e-6, 4.5e-5), (0.0, 0.0))
    layer = torch.nn.Linear(20, 3).eval().requires_grad_(False)
    for gain, factor in ((wl.UnitGain(), 0.9), (wl.LeastSquaresGain(), 1.0)):
        crossbar = wl.Crossbar(tile=(8, 8), device=device, wires=wl.Wires(), gain=gain)
        (mapped,) = wl.map_model(layer, crossbar).layers.values()
        assert (
            4.49e-6 < float(mapped.conductances.min()) < float(mapped.conductances.max()) < 4.51e-5
        )
        torch.testing.assert_close(
            mapped.effective_weight, factor * layer.weight, rtol=1e-4, atol=1e-6
        )


def test_a_memristor_holds_what_it_is_asked_for_and_draws_nothing() -> None:
    g, stream = torch.rand(4, 4), _stream()
    before = stream.get_state()
    assert torch.equal(wl.Memristor(1.0, 2.0).programmed(g, generator=stream), g)
    assert torch.equal(stream.get_state(), before)


def test_devices_say_what_they_are() -> None:
    assert (
        wl.Memristor(2e4, 2e5).describe()
        == "20000 to 200000 ohm = 50 to 5 uS; any conductance in between"
    )
    assert wl.Memristor(2e4, 2e5, levels=16).describe().endswith("; 16 evenly spaced levels")
    assert DEVICE.describe() == "5 to 50 uS, measured at 4 targets; standard deviation up to 2 uS"


def test_json_round_trip_keeps_equality_and_hash() -> None:
    again = wl.AbstractDevice.from_json(DEVICE.to_json())
    assert again == DEVICE
    assert hash(again) == hash(DEVICE)
    whole = wl.MeasuredDevice((1, 2), (1, 2), (0, 0))
    assert whole == wl.MeasuredDevice((1.0, 2.0), (1.0, 2.0), (0.0, 0.0))
    assert whole.to_json() == wl.MeasuredDevice((1.0, 2.0), (1.0, 2.0), (0.0, 0.0)).to_json()


@pytest.mark.parametrize(
    "text",
    [
        "target_uS,mean_uS,std_uS\n5,6,1\n50,45,0.5\n",
        "target_S,mean_S,std_S\n5e-6,6e-6,1e-6\n5e-5,4.5e-5,5e-7\n",
        # a spreadsheet's, with mixed units
        "\ufeffchip, mean_S ,target_uS,std_uS\r\nA,6e-6,5,1\r\n\r\nB,4.5e-5,50,0.5\r\n",
        '"target_uS","mean_uS","std_uS"\n"5","6","1"\n"50","45","0.5"',
    ],
)
def test_a_table_is_read_in_either_unit(tmp_path: Path, text: str) -> None:
    path = tmp_path / "device.csv"
    path.write_bytes(text.encode())
    assert wl.MeasuredDevice.from_csv(path) == wl.MeasuredDevice(
        (5e-6, 5e-5), (6e-6, 4.5e-5), (1e-6, 5e-7)
    )
    assert wl.MeasuredDevice.from_csv(str(path)).g_on_siemens == 5e-5


HEADER = "target_uS,mean_uS,std_uS\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column target_S or target_uS in the header ''"),
        (
            "target_uS,mean_uS\n1,1\n2,2\n",
            "line 1: no column std_S or std_uS in the header 'target_uS, mean_uS'",
        ),
        ("target,mean,std\n1,1,0\n2,2,0\n", "line 1: no column target_S or target_uS"),
        ("target_S,target_uS,mean_S,std_S\n1,1,1,0\n", "line 1: 2 columns target_S or target_uS"),
        (HEADER + "1,1,0\n2,two,0\n", "line 3: mean 'two' is not a number"),
        (HEADER + "1,1,0\n2,,0\n", "line 3: mean '' is not a number"),
        (HEADER + "1,1,0\n\n3,nan,0\n", "line 4: `mean` must be a finite number, got nan"),
        (HEADER + "1,1,0\n2,2,-3\n", "line 3: `std` must be at least 0, got -3e-06"),
        (HEADER + "-1,1,0\n2,2,0\n", "line 2: `target` must be at least 0"),
        (
            HEADER + "1,1,0\n3,3,0\n2,2,0\n",
            "line 4: target 2e-06 S is smaller than the one before, 3e-06 S; sort",
        ),
        (HEADER + "1,1,0\n1,1,0\n", "line 3: target 1e-06 S repeats the one before"),
        (HEADER + "1,1,0\n2,2\n", "line 3 has 2 fields and the header 3"),
        (HEADER, "holds no measurements below its header"),
        (HEADER + "1,1,0\n", "at least 2 rows, got 1; `path` .*line 2 is the only one"),
        (HEADER + '"' + "1" * 200_000 + '",1,0\n', "is not CSV .field larger than"),
    ],
)
def test_tables_that_cannot_be_a_device_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "device.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        wl.MeasuredDevice.from_csv(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`path` .*none.csv' cannot be read .No such file"):
        wl.MeasuredDevice.from_csv(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ValueError, match="`path` .*picture.csv' cannot be read .not UTF-8 text"):
        wl.MeasuredDevice.from_csv(tmp_path / "picture.csv")


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            ([1.0, 2.0], (1.0, 2.0), (0.0, 0.0)),
            TypeError,
            "`targets_siemens` must be a tuple of numbers",
        ),
        (
            ((1.0, 2.0), (1.0,), (0.0, 0.0)),
            ValueError,
            "`means_siemens` has 1 entries and `targets_siemens` has 2",
        ),
        (
            ((1.0, 2.0), (1.0, 2.0), (0.0, "a")),
            TypeError,
            "`targets_siemens` row 2: `std` must be a number, got 'a'",
        ),
        (
            ((2.0, 1.0), (1.0, 2.0), (0.0, 0.0)),
            ValueError,
            "`targets_siemens` row 2: target 1 S is smaller than",
        ),
        (((), (), ()), ValueError, "at least 2 rows, got 0"),
    ],
)
def test_impossible_tables_are_refused(
    arguments: tuple, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        wl.MeasuredDevice(*arguments)
