"""Properties on any batch: images stay in ball and box, and none depends on its neighbours."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordline.attacks import (
    FGSM,
    MIFGSM,
    PGD,
    AbstractAttack,
    MultiTargeted,
    RandomSearch,
    RepeatedFGSM,
    WorstCase,
    distance,
)

SHAPES = [(1,), (7,), (2, 3), (1, 5, 4), (3, 2, 2), (1, 1, 1), (2, 1, 3, 2)]


def network(images: Tensor) -> Tensor:
    """Six logits of any shape of image, curved, without parameters, sample by sample in double
    precision.
    """
    flat = images.flatten(1)
    waves = torch.arange(1, 7, dtype=images.dtype) * (
        1 + flat.cumsum(1).sum(1, keepdim=True) / flat.shape[1]
    )
    return torch.sin(waves) + flat.mean(1, keepdim=True) * torch.linspace(
        -1, 1, 6, dtype=images.dtype
    )


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    shape, count = draw(st.sampled_from(SHAPES)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    images = torch.rand(count, *shape, generator=generator, dtype=torch.float64)
    if draw(st.booleans()):
        images = images.round()  # black and white: the box binds everywhere
    return images, torch.randint(0, 6, (count,), generator=generator)


losses = st.sampled_from(["cross-entropy", "margin", "dlr"])
LARGEST = {"linf": 1.0, "l2": 2.0}  # no pixel moves farther than 1


def step_sizes(largest: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(1e-3, largest)


fgsm = st.builds(FGSM, eps=st.floats(0, 1), loss=losses)
pgd = st.one_of(
    st.builds(
        PGD,
        eps=st.floats(0, largest),
        steps=st.integers(1, 4),
        step_size=step_sizes(largest),
        loss=losses,
        norm=st.just(norm),
        random_start=st.booleans(),
        restarts=st.integers(1, 2),
        eot=st.integers(1, 2),
        keep=st.sampled_from(["best", "last"]),
        early_stop=st.booleans(),
    )
    for norm, largest in LARGEST.items()
)
mifgsm = st.builds(
    MIFGSM,
    eps=st.floats(0, 1),
    steps=st.integers(1, 4),
    step_size=step_sizes(1.0),
    decay=st.floats(0, 2),
    loss=losses,
)
repeated = st.builds(
    RepeatedFGSM, eps=st.floats(0, 1), steps=st.integers(1, 4), step_size=step_sizes(1.0),
    loss=losses,
)  # fmt: skip
searches = (
    st.builds(RandomSearch, eps=st.floats(0, largest), draws=st.integers(1, 4), norm=st.just(norm))
    for norm, largest in LARGEST.items()
)
attacks = st.one_of(
    fgsm,
    pgd,
    mifgsm,
    repeated,
    *searches,
    st.builds(MultiTargeted, attack=pgd, targets=st.integers(1, 6)),
    st.builds(lambda *attacks: WorstCase(attacks), fgsm, mifgsm),
)


@settings(max_examples=40, deadline=None)
@given(attack=attacks, batch=batches(), seed=st.integers(0, 2**31))
def test_stays_in_ball_and_box_and_reproduces(attack, batch, seed):
    images, labels = batch
    adversarial = attack(network, images, labels, generator=torch.Generator().manual_seed(seed))
    assert adversarial.shape == images.shape
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    assert (distance(images, adversarial, attack.norm) <= attack.eps + 1e-12).all()
    again = attack(network, images, labels, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(adversarial, again)
    assert AbstractAttack.from_json(attack.to_json()) == attack


@pytest.mark.parametrize("early_stop", [False, True])
@settings(max_examples=12, deadline=None)
@given(
    batch=batches(), norm=st.sampled_from(["linf", "l2"]), keep=st.sampled_from(["best", "last"])
)
def test_an_image_does_not_depend_on_its_neighbours(early_stop, batch, norm, keep):
    images, labels = batch
    attack = PGD(0.2, 4, norm=norm, random_start=False, keep=keep, early_stop=early_stop)
    together = attack(network, images, labels)
    alone = torch.cat(
        [attack(network, images[i : i + 1], labels[i : i + 1]) for i in range(len(images))]
    )
    torch.testing.assert_close(together, alone)
