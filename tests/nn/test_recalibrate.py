"""Batch-norm recalibration against statistics computed by hand."""

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit


def _split(n: int) -> ImageSplit:
    images = torch.rand(n, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    return ImageSplit(images, torch.zeros(n, dtype=torch.int64))


def test_statistics_are_those_of_the_norms_input(no_global_draws: None) -> None:
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(
            nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3, momentum=0.3), nn.Dropout(0.5)
        ).eval()
    data = _split(60)
    again = wl.recalibrate_batch_norm(network, data, limit=50, batch_size=50)
    with torch.no_grad():
        inputs = network[0](data.images[:50])
    torch.testing.assert_close(again[1].running_mean, inputs.mean((0, 2, 3)))
    torch.testing.assert_close(again[1].running_var, inputs.var((0, 2, 3)))
    assert again[1].momentum == 0.3
    assert not again.training
    assert torch.equal(network[1].running_mean, torch.zeros(3))  # the original keeps its own


def test_recalibrated_chip_recovers_a_uniform_shrink() -> None:
    """Batch norm after a layer cancels any factor on it.

    Recalibration undoes a shrink, up to epsilon.
    """
    network = nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.BatchNorm2d(3, eps=1e-12)).eval()
    data = _split(100)
    fitted = wl.recalibrate_batch_norm(network, data, batch_size=100)
    shrunk = wl.recalibrate_batch_norm(network, data, batch_size=100)
    shrunk[0].weight.data *= 0.25
    assert not torch.allclose(shrunk(data.images), fitted(data.images), atol=1e-2)
    torch.testing.assert_close(
        wl.recalibrate_batch_norm(shrunk, data, batch_size=100)(data.images),
        fitted(data.images),
        rtol=1e-4,
        atol=1e-4,
    )


def test_a_network_without_batch_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="`model` has no batch norm with running statistics"):
        wl.recalibrate_batch_norm(nn.Linear(2, 2), _split(3))


@pytest.mark.parametrize("limit", [0, 11])
def test_leftover_images_join_the_last_batch(limit: int) -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)).eval()
    data = _split(11)
    again = wl.recalibrate_batch_norm(
        network, data, limit=limit, batch_size=5
    )  # batches of 5 and 6
    with torch.no_grad():
        inputs = network[0](data.images)
    expected = (inputs[:5].mean((0, 2, 3)) + inputs[5:].mean((0, 2, 3))) / 2
    torch.testing.assert_close(again[1].running_mean, expected)


@pytest.mark.parametrize(
    ("images", "limit", "batch_size", "message"),
    [
        (5, -1, 5, "`limit` must be at least 0"),
        (5, 5, 1, "`batch_size` must be at least 2"),
        (5, 1, 5, "`data` must hold"),
    ],
)
def test_too_little_to_measure_is_refused(
    images: int, limit: int, batch_size: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        wl.recalibrate_batch_norm(
            nn.BatchNorm2d(2).eval(), _split(images), limit=limit, batch_size=batch_size
        )
