"""Fig 2 of arXiv 2008.11298: how far a chip's input gradients are from its software network's.

Reproduces  the deviation of gradients and perturbations (section III, equations 2 to 4): VGG8
            CIFAR-10, 16/32/64 tiles
Command     wordline study studies/fig2.py --root DIR --out runs/fig2 --scale quick; wordline report
            runs/fig2
Time        counted by --cost: quick 7.8e12 multiplications (5 minutes on one core shared with other
            jobs), paper 5.2e15 (2.9 hours at 1 Tflop/s) and the training
Expect      the paper draws what should happen of which no numbers are at hand: the chip's gradient
            deviates, and that is taken for gradient obfuscation. Ours: it deviates (cosine 0.78 to
            0.87 with least-squares gain, 0.15 to 0.47 with unit gain), and the chip's loss climbs
            further along it than along software's

Per image: cosine and ratio of the two gradients' norms (medians), share of pixels of equal sign and
mean difference of the FGSM perturbations in units of epsilon (means); and the chip's mean loss
after a step of epsilon along both. quick: VGG8 of half width as it ships, 200 images, three chips,
epsilon 8/255. paper: VGG8 trained by the recipe of arXiv 2109.09060, 10,000 images, five chips, two
radii. Cross-entropy; both gains; presets `rethinking-*` are assumed.
"""

from wordline.papers.rethinking_2008_11298 import GAINS, TILES, crossbars, paper_network
from wordline.records.record import fraction
from wordline.reports.layout import Axis, Layout
from wordline.runs import AbstractCell, DeviationCell, Images, PretrainedNetwork, Study

FIGURES = (
    "cosine, median",
    "share of equal signs, mean",
    "norm of chip / software, median",
    "difference of perturbations / epsilon, mean",
    "share of images without a gradient",
    "chip's loss at clean images",
    "chip's loss along software's gradient",
    "chip's loss along its own gradient",
)


def cells(scale: str) -> tuple[AbstractCell, ...]:
    """Chip after chip."""
    paper = scale == "paper"
    network = paper_network() if paper else PretrainedNetwork("vgg8-half-cifar10")
    return tuple(
        DeviationCell(
            network=network,
            images=Images("cifar10", limit=0 if paper else 200),
            eps=eps,
            chip_seed=seed,
            crossbar=crossbar,
        )
        for crossbar in crossbars()
        for seed in range(5 if paper else 3)
        for eps in ((2 / 255, 8 / 255) if paper else (8 / 255,))
    )


def layout(quantity: str) -> Layout:
    """One figure, a row a crossbar."""
    rows = tuple(f"{n}x{n} {type(gain).__name__}" for gain in GAINS for n in TILES)
    return Layout(
        f"Fig 2, {quantity}",
        quantity,
        rows=Axis("tile, gain", ("tile", "gain"), order=rows),
        columns=Axis("epsilon", ("eps",), order=(fraction(2 / 255), fraction(8 / 255))),
        note="A figure in the paper, of which no numbers are at hand.",
    )


STUDY = Study(
    title="Fig 2: gradients of chips beside software's, VGG8, CIFAR-10",
    reproduces="arXiv 2008.11298, Fig. 2 and equations 2 to 4",
    cells=cells,
    layout=tuple(layout(quantity) for quantity in FIGURES),
    expected="published, as a drawing: the chip's gradient and perturbation deviate "
    "from software's",
)
