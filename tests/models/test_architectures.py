"""The networks are those of docs: layer by layer, and by the number of their parameters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wordline.models import ARCHITECTURES, build_model
from wordline.models.resnet import BasicBlock
from wordline.models.vgg import VGG, VGG8


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def vgg_size(channels: list[int], flat: int, hidden: int, classes: int) -> int:
    convolutions = sum(9 * a * b + 2 * b for a, b in zip([3, *channels], channels, strict=False))
    return convolutions + flat * hidden + 2 * hidden + hidden * classes + classes


def resnet_size(blocks: tuple[int, ...], width: int, classes: int) -> int:
    total, inputs = 9 * 3 * 16 + 2 * 16, 16
    for group, count in enumerate(blocks):
        out = 16 * 2**group * width
        for _ in range(count):
            total += 9 * inputs * out + 2 * out + 9 * out * out + 2 * out
            total += (
                (inputs * out + 2 * out) if inputs != out else 0
            )  # a stride of 2 always doubles the channels
            inputs = out
    return total + inputs * classes + classes


VGG16_CHANNELS = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
SIZES = {
    "vgg8": vgg_size([128, 128, 256, 256, 512, 512], 512 * 16, 1024, 10),
    "vgg8-half": vgg_size([64, 64, 128, 128, 256, 256], 256 * 16, 512, 10),
    "vgg16": vgg_size(VGG16_CHANNELS, 512, 512, 10),
    "vgg16-half": vgg_size([n // 2 for n in VGG16_CHANNELS], 256, 256, 10),
    "resnet10": resnet_size((1, 1, 2), 1, 10),
    "resnet10-w4": resnet_size((1, 1, 2), 4, 10),
    "resnet20": resnet_size((3, 3, 3), 1, 10),
    "resnet20-w4": resnet_size((3, 3, 3), 4, 10),
}


@pytest.mark.parametrize("name", SIZES)
def test_parameter_counts(name: str) -> None:
    with torch.device("meta"):  # counts need no numbers
        assert parameters(build_model(name, 10)) == SIZES[name]
    assert set(SIZES) | {"digits-cnn"} == set(ARCHITECTURES)


def test_vgg8_layer_by_layer() -> None:
    with torch.device("meta"):
        layers = [m for m in build_model("vgg8", 10).modules() if not list(m.children())]
    kinds = [type(m).__name__ for m in layers]
    pair = ["Conv2d", "BatchNorm2d", "ReLU"] * 2 + ["MaxPool2d"]
    assert kinds == pair * 3 + ["Flatten", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    shapes = [
        (m.in_channels, m.out_channels, m.kernel_size) for m in layers if isinstance(m, nn.Conv2d)
    ]
    assert shapes == [
        (a, b, (3, 3))
        for a, b in [(3, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    ]


@pytest.mark.parametrize(
    ("name", "blocks", "width"), [("resnet10", [1, 1, 2], 1), ("resnet20-w4", [3, 3, 3], 4)]
)
def test_resnets_group_by_group(name: str, blocks: list[int], width: int) -> None:
    with torch.device("meta"):
        found = [m for m in build_model(name, 10).modules() if isinstance(m, BasicBlock)]
    channels = [block.conv1.out_channels for block in found]
    assert (
        channels == [16 * width] * blocks[0] + [32 * width] * blocks[1] + [64 * width] * blocks[2]
    )
    strides = [block.conv1.stride[0] for block in found]
    assert [s for s in strides if s == 2] == [2, 2] and strides[blocks[0]] == strides[
        blocks[0] + blocks[1]
    ] == 2
    for block in found:
        changes = (
            block.conv1.stride != (1, 1) or block.conv1.in_channels != block.conv1.out_channels
        )
        assert isinstance(block.shortcut, nn.Sequential if changes else nn.Identity)
        if changes:
            assert block.shortcut[0].kernel_size == (1, 1) and isinstance(
                block.shortcut[1], nn.BatchNorm2d
            )


@pytest.mark.parametrize(
    ("name", "side", "classes"), [("vgg8-half", 32, 10), ("vgg16", 64, 7), ("resnet20", 64, 5)]
)
def test_images_to_logits(name: str, side: int, classes: int) -> None:
    with torch.device("meta"):
        model = build_model(name, classes, side).eval()
        assert model(torch.rand(2, 3, side, side)).shape == (2, classes)


def test_the_digits_network_needs_several_tiles() -> None:
    model = build_model("digits-cnn", 10, 8)
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)
    rows = [m.weight[0].numel() for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert sum(n > 64 for n in rows) >= 2
    assert parameters(model) < 250_000


def test_the_seed_decides_and_the_global_state_stays(no_global_draws: None) -> None:
    one, same, other = (build_model("resnet10", 10, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["conv.weight"], other["conv.weight"])


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="`name` must be one of digits-cnn, vgg8.*got 'vgg9'"):
        build_model("vgg9", 10)
    with pytest.raises(ValueError, match="`classes` must be at least 2, got 1"):
        build_model("vgg8", 1)
    with pytest.raises(TypeError, match="`seed` must be a whole number"):
        build_model("vgg8", 10, seed=0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`side` must be at least 1"):
        build_model("resnet10", 10, 0)
    with pytest.raises(ValueError, match="`side` must be a multiple of 8 for 3 pools, got 28"):
        VGG(VGG8, 1024, 10, side=28)
