"""Examples that a pass is probed with."""

import pytest
import torch
from tests.nn.crossbars import IDEAL
from torch import nn

import wordline as wl


def test_an_example_is_a_batch_of_images() -> None:
    network = nn.Linear(4, 2).eval()
    with pytest.raises(ValueError, match="`example` must be a batch whose first dimension counts"):
        wl.map_model(network, IDEAL, example=torch.tensor(0.5))
    with pytest.raises(ValueError, match=r"`example` must hold at least one image, got shape \(0"):
        wl.map_model(network, IDEAL, example=torch.ones(0, 4))
    with pytest.raises(ValueError, match="`example` must be a batch"):
        wl.map_chips(network, IDEAL, (1, 2), example=(torch.tensor(1.0), "mask"))
    with pytest.raises(ValueError, match="`example` must be a batch"):
        wl.map_model(network, IDEAL).report(torch.tensor(0.5))
