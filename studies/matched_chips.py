"""The factor k of the parasitics at which chips lose the clean accuracy that a paper printed.

    python studies/matched_chips.py DIR/cifar10 [WEIGHTS]

Table II of arXiv 2008.11298 bounds what its chips lost: its adversarial loss cannot be more than
the clean accuracy, so software had 86.88 % or more, and chips of 16, 32 and 64 tiles 78.41, 77.54
and 72.40. If software had just that, they lost 8.47, 9.34 and 14.48 points. The parasitics of
`rethinking-N` with unit gain are multiplied by the k at which a public ResNet-20
(examples/public_resnet20.py, in the file WEIGHTS) loses as much: mean of chips 0, 1 and 2 on the
last 1,000 test images of CIFAR-10, on which nothing else is measured. It was trained on all
training images, which therefore do not serve. The presets `rethinking-matched-N` hold the results,
rounded to two digits. A few minutes on one core.
"""

import sys

import wordline as wl
from wordline import models
from wordline.datasets import ImageSplit
from wordline.evaluation import match_parasitics
from wordline.models import accuracy

LOST = {16: 0.0847, 32: 0.0934, 64: 0.1448}
WEIGHTS = "networks/resnet20-cifar10-a.safetensors"


def main(root: str, weights: str = WEIGHTS) -> None:
    """Print the match of each tile, and all factors that were tried."""
    test = wl.load_dataset("cifar10", root=root).test
    images = ImageSplit(test.images[-1000:], test.labels[-1000:])
    software = models.from_factory("examples.public_resnet20:cifar10_a", weights)
    own = accuracy(software, images)
    for tile, lost in LOST.items():
        crossbar = wl.Crossbar.preset(f"rethinking-{tile}")
        found = match_parasitics(
            software=software, crossbar=crossbar, data=images, target=own - lost, seeds=(0, 1, 2)
        )
        print(f"{tile} x {tile}: {found}")
        print("   tried", ", ".join(f"{k:.3g}: {100 * ca:.1f}" for k, ca in sorted(found.tried)))


if __name__ == "__main__":
    main(*sys.argv[1:])
