"""The devices on which this folder's tests run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tests.cuda import stand_in

from wordline.kernels.reads import adc_kernel


@pytest.fixture(params=["stand-in", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[torch.device]:
    """Lend a GPU, in full precision, and the stand-in for one where there is none.

    The CPU beside it reads as torch does, too: sums in another order fall on other sides of a
    code's edge.
    """
    monkeypatch.setattr(adc_kernel, "AVAILABLE", False)
    if request.param == "stand-in":
        monkeypatch.setattr(torch, "autocast", stand_in.autocast)
        yield stand_in.lend()
        return
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # convolutions of torch are in TF32 unless told so
    yield torch.device("cuda", torch.cuda.current_device())
    torch.backends.cudnn.allow_tf32 = before
