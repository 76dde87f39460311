"""The converter in one pass against the converter in many."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wordline.devices import UniformConverter
from wordline.devices.converter_kernel import digitise_

CONVERTERS = st.builds(UniformConverter, bits=st.integers(2, 14), signed=st.booleans())


@given(
    adc=CONVERTERS, seed=st.integers(0, 999), limit=st.floats(1e-6, 1e3),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_codes_and_saturation_are_those_of_the_converter(adc, seed, limit, dtype) -> None:
    answers = (
        1.5 * limit * torch.randn(7, 40, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    )
    answers[0, :5] = torch.tensor(
        [0.0, limit, -limit, limit * (1 + 0.5 / adc.steps), 0.5 * limit / adc.steps]
    )
    shares, half = answers / torch.tensor(limit, dtype=dtype), 0.5 / adc.steps
    over = int(((shares >= 1 + half) | (shares < adc.lower_bound - half)).sum())
    wanted = adc.convert(shares)
    assert digitise_(answers, limit, adc.lower_bound, adc.steps) == over
    assert torch.equal(answers, wanted)


def test_what_is_no_number_stays_none() -> None:
    answers = torch.tensor([torch.nan, torch.inf, -torch.inf])
    assert digitise_(answers, 1.0, -1.0, 7) == 2
    assert answers.isnan().tolist() == [True, False, False]
    assert answers[1:].tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    "answers",
    [
        torch.ones(4, 4).T[:, :2],
        torch.ones(4, requires_grad=True),
        torch.ones(4, dtype=torch.bfloat16),
    ],
)
def test_other_memory_is_left_to_the_converter(answers: torch.Tensor) -> None:
    before = answers.detach().clone()
    assert digitise_(answers, 0.3, -1.0, 7) is None
    assert torch.equal(answers, before)
