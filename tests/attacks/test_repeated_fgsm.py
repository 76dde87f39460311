"""Steps along the clean image's gradient: one FGSM step of a clipped radius, weaker than PGD."""

import pytest
import torch

from wordline.attacks import FGSM, PGD, RepeatedFGSM


@pytest.mark.parametrize(
    ("steps", "step_size", "reached"),
    [(3, 0.02, 0.06), (10, 0.02, 0.1), (1, 0.05, 0.05), (5, None, 0.1)],
)
@pytest.mark.parametrize("loss", ["margin", "cross-entropy"])
def test_it_is_fgsm_at_the_radius_that_the_steps_reach(cnn, own, steps, step_size, reached, loss):
    images, labels = own
    moved = RepeatedFGSM(0.1, steps, step_size, loss)(cnn, images, labels)
    torch.testing.assert_close(moved, FGSM(reached, loss)(cnn, images, labels))


def test_pgd_of_the_same_steps_reaches_a_higher_loss(cnn, own):
    images, labels = own

    def margin(moved):
        logits = cnn(moved)
        right = logits.gather(1, labels[:, None])
        others = logits.scatter(1, labels[:, None], -torch.inf)
        return (others.max(1).values - right[:, 0]).mean()

    repeated = RepeatedFGSM(0.2, 10, 0.05)(cnn, images, labels)
    taken_anew = PGD(0.2, 10, 0.05, random_start=False, keep="last")(cnn, images, labels)
    assert margin(taken_anew) > margin(repeated) + 0.1


def test_every_step_asks_at_the_clean_image_and_draws_a_noisy_model_anew():
    slopes, asked = [1.0, 1.0, -1.0, 1.0], []

    def noisy(x):
        asked.append(x.detach().clone())
        return torch.cat([torch.zeros_like(x), slopes[len(asked) - 1] * x], 1)

    clean = torch.full((1, 1), 0.5)
    moved = RepeatedFGSM(0.3, steps=4, step_size=0.1)(noisy, clean, torch.tensor([0]))
    torch.testing.assert_close(moved, torch.tensor([[0.7]]))  # three steps up, one down
    assert len(asked) == 4 and all(torch.equal(images, clean) for images in asked)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": -1.0}, "`eps` must be at least 0"),
        ({"steps": 0}, "`steps` must be at least 1"),
        ({"step_size": 0.0}, "`step_size` must be greater than 0"),
        ({"loss": "ce"}, "`loss` must be one of"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        RepeatedFGSM(**{"eps": 0.1, **arguments})
