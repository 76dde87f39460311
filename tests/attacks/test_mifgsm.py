import pytest
import torch

from wordline.attacks import FGSM, MIFGSM, PGD


def test_the_velocity_follows_its_recursion():
    """Gradients of known sign and mean: v = decay v + g / mean|g| decides where the sign of g alone
    would not.
    """
    slopes = [torch.tensor([[4.0, 2.0]]), torch.tensor([[-1.0, 1.0]]), torch.tensor([[-1.0, -2.0]])]
    calls = []

    def model(x):
        calls.append(x.detach().clone())
        slope = slopes[len(calls) - 1]
        return torch.cat([x.new_zeros(len(x), 1), (x * slope).sum(1, keepdim=True)], 1)

    # g / mean|g| = (4/3, 2/3), (-1, 1), (-2/3, -4/3); with decay 1/2 the velocities are
    # (4/3, 2/3), (-1/3, 4/3) and (-5/6, -2/3): the third step turns both pixels back
    adversarial = MIFGSM(0.3, steps=3, decay=0.5)(model, torch.full((1, 2), 0.5), torch.tensor([0]))
    torch.testing.assert_close(calls[1], torch.tensor([[0.6, 0.6]]))
    torch.testing.assert_close(calls[2], torch.tensor([[0.5, 0.7]]))
    torch.testing.assert_close(adversarial, torch.tensor([[0.4, 0.6]]))


def test_full_momentum_keeps_going_where_plain_steps_turn_back():
    slopes = [torch.tensor([[1.0]]), torch.tensor([[-1.0]]), torch.tensor([[1.0]])]
    calls = []

    def model(x):
        calls.append(x)
        return torch.cat([torch.zeros_like(x), x * slopes[len(calls) - 1]], 1)

    # velocities 1, 0, 1: the contradicting gradient stops the pixel, and does not turn it
    adversarial = MIFGSM(0.3, steps=3)(model, torch.full((1, 1), 0.5), torch.tensor([0]))
    torch.testing.assert_close(adversarial, torch.tensor([[0.7]]))


def test_without_memory_it_is_pgd_and_in_one_step_fgsm(cnn, own):
    images, labels = own
    plain = PGD(0.1, 4, 0.05, random_start=False, keep="last")(cnn, images, labels)
    assert torch.equal(MIFGSM(0.1, 4, 0.05, decay=0.0)(cnn, images, labels), plain)
    torch.testing.assert_close(MIFGSM(0.1, 1)(cnn, images, labels), FGSM(0.1)(cnn, images, labels))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"eps": -1.0}, ValueError, "`eps` must be at least 0"),
        ({"steps": 0}, ValueError, "`steps` must be at least 1"),
        ({"step_size": -0.1}, ValueError, "`step_size` must be greater than 0"),
        ({"decay": -0.5}, ValueError, "`decay` must be at least 0"),
        ({"loss": "ce"}, ValueError, "`loss` must be one of"),
        ({"eot": 0}, ValueError, "`eot` must be at least 1"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        MIFGSM(**{"eps": 0.1, **arguments})
