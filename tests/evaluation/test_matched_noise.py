"""The matched Gaussian baseline: moments known in closed form, drawn from streams of its own."""

import copy

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit

SPLIT = ImageSplit(
    torch.rand(7, 1, 2, 2, generator=torch.Generator().manual_seed(0)),
    torch.zeros(7, dtype=torch.int64),
    "greys",
)


@pytest.fixture
def pair() -> tuple[nn.Module, nn.Module]:
    software = nn.Sequential(nn.Flatten(), nn.Linear(4, 50), nn.ReLU(), nn.Linear(50, 3)).eval()
    chip = copy.deepcopy(software)
    with torch.no_grad():
        chip[1].weight.mul_(0.5)
        chip[3].weight.add_(0.1)
    return software, chip


def test_each_layer_alone_on_the_chip(pair) -> None:
    software, chip = pair
    noisy = wl.matched_noise(software=software, chip=chip, data=SPLIT, batch_size=3, limit=0)
    x = SPLIT.images.flatten(1)
    with torch.no_grad():
        hidden = software[:3](SPLIT.images)
        gaps = {
            1: -0.5 * x @ software[1].weight.T,
            3: 0.1 * hidden.sum(1, keepdim=True).expand(-1, 3),
        }
    for index, gap in gaps.items():
        assert noisy[index].mean == pytest.approx(float(gap.mean()), rel=1e-4)
        assert noisy[index].deviation == pytest.approx(float(gap.std()), rel=1e-4)
    first = wl.matched_noise(software=software, chip=chip, data=SPLIT, limit=2)
    assert first[1].mean == pytest.approx(float(gaps[1][:2].mean()), rel=1e-4)


def test_noise_is_fresh_has_its_moments_and_comes_from_the_seed(pair, no_global_draws) -> None:
    software, chip = pair
    made = [
        wl.matched_noise(software=software, chip=chip, data=SPLIT, seed=seed) for seed in (0, 0, 1)
    ]
    inputs = torch.zeros(4000, 1, 2, 2)
    with torch.no_grad():
        outs = [model[:2](inputs) for model in made]
        noise = outs[0] - software[:2](inputs)
        assert torch.equal(outs[0], outs[1]) and not torch.equal(outs[0], outs[2])
        assert not torch.equal(outs[0], made[0][:2](inputs))
    assert float(noise.mean()) == pytest.approx(made[0][1].mean, abs=0.02 * made[0][1].deviation)
    assert float(noise.std()) == pytest.approx(made[0][1].deviation, rel=0.01)
    assert (
        type(software[1]) is nn.Linear
        and not software[1]._forward_pre_hooks
        and not made[0].training
    )


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"software": 3}, TypeError, "`software` must be a torch.nn.Module"),
        ({"chip": nn.Flatten().train()}, ValueError, "`chip` is in training mode"),
        ({"data": 3}, TypeError, "`data` must be ImageSplit"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        (
            {"chip": nn.Sequential(nn.Flatten()).eval()},
            ValueError,
            "no layer that `software` has by the same name",
        ),
    ],
)
def test_bad_arguments_are_refused(pair, change, kind, message) -> None:
    software, chip = pair
    with pytest.raises(kind, match=message):
        wl.matched_noise(**{"software": software, "chip": chip, "data": SPLIT, **change})


def test_shapes_must_agree_and_a_single_layer_cannot_be_wrapped(pair) -> None:
    software, chip = pair
    chip[1] = nn.Linear(4, 40).eval()
    with pytest.raises(
        ValueError, match=r"`chip` layer '1' makes \(7, 40\), that of `software` \(7, 50\)"
    ):
        wl.matched_noise(software=software, chip=chip, data=SPLIT)
    single = nn.Conv2d(1, 2, 2).eval()
    with pytest.raises(ValueError, match="`software` is a single layer, which cannot be wrapped"):
        wl.matched_noise(
            software=single, chip=wl.map_model(single, wl.Crossbar.preset("ideal")), data=SPLIT
        )
