"""VGG networks with batch norm (Simonyan & Zisserman 2015), for 32 x 32 and 64 x 64 images."""

from __future__ import annotations

from torch import Tensor, nn

POOL = 0  # in a plan: 2 x 2 max pooling instead of a convolution
VGG8 = (128, 128, POOL, 256, 256, POOL, 512, 512, POOL)
VGG16 = (
    64,
    64,
    POOL,
    128,
    128,
    POOL,
    256,
    256,
    256,
    POOL,
    512,
    512,
    512,
    POOL,
    512,
    512,
    512,
    POOL,
)


class VGG(nn.Module):
    """Convolutions 3 x 3 with batch norm and ReLU, then one hidden layer and the classes.

    `plan` lists channels and pools; `width` scales every channel count and the hidden layer. Images
    `(n, 3, side, side)` in [0, 1] -> logits `(n, classes)`; `side` must be a multiple of 2 to the
    number of pools.
    """

    def __init__(
        self, plan: tuple[int, ...], hidden: int, classes: int, width: float = 1.0, side: int = 32
    ) -> None:
        super().__init__()
        pools = plan.count(POOL)
        if side % 2**pools:
            raise ValueError(
                f"`side` must be a multiple of {2**pools} for {pools} pools, got {side}"
            )
        layers: list[nn.Module] = []
        channels = 3
        for entry in plan:
            if entry == POOL:
                layers.append(nn.MaxPool2d(2))
                side //= 2
                continue
            out = round(entry * width)
            layers += [
                nn.Conv2d(channels, out, 3, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
            ]
            channels = out
        hidden = round(hidden * width)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        return self.classifier(self.features(images))
