"""HopSkipJump against borders whose distance is known."""

import pytest
import torch

from wordline.attacks import HopSkipJump, distance
from wordline.attacks.hop_skip_jump import _per_sample

pytest.importorskip("foolbox")


def test_hop_skip_jump_gets_near_the_border(two_classes, middle_images):
    """Nearest adversarial of a linear model: margin / ||w_0 - w_1||_2; a label-only walk comes
    within some percent.
    """
    images = middle_images[:6].float()
    two_classes.weight, two_classes.bias = two_classes.weight.float(), two_classes.bias.float()
    logits = two_classes(images)
    labels = logits.argmax(1)
    nearest = (logits[:, 0] - logits[:, 1]).abs() / (
        two_classes.weight[0] - two_classes.weight[1]
    ).norm()
    adversarial = HopSkipJump(10.0, norm="l2", steps=25)(two_classes, images, labels)
    assert (two_classes(adversarial).argmax(1) != labels).all()
    assert (distance(images, adversarial, "l2") < 1.1 * nearest).all()


def test_hop_skip_jump_steps_do_not_shrink_with_the_batch():
    import eagerpy
    import foolbox

    attack = _per_sample(foolbox)(constraint="l2")
    images = eagerpy.astensor(torch.full((30, 1, 3, 3), 0.5))
    directions = attack.approximate_gradients(
        lambda x: eagerpy.astensor(x.raw.flatten(1)[:, 0] > 0.5),
        images,
        40,
        eagerpy.astensor(torch.full((30,), 0.1)),
    )
    torch.testing.assert_close(directions.raw.flatten(1).norm(dim=1), torch.ones(30))


def test_hop_skip_jump_returns_what_it_cannot_start_from():
    images, labels = torch.full((2, 3), 0.5), torch.zeros(2, dtype=torch.long)

    def constant(x):
        return torch.tensor([[1.0, 0.0]]).expand(len(x), 2) + 0 * x[:, :1]

    assert torch.equal(HopSkipJump(0.1, steps=1)(constant, images, labels), images)
    wrong = torch.ones(2, dtype=torch.long)
    assert torch.equal(HopSkipJump(0.1, steps=1)(constant, images, wrong), images)
