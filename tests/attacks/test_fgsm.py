import foolbox
import pytest
import torch

from wordline.attacks import FGSM


@pytest.mark.parametrize("eps", [0.01, 0.15])
def test_equals_foolbox(cnn, batch, eps):
    images, labels = batch
    theirs, _, _ = foolbox.attacks.LinfFastGradientAttack()(
        foolbox.PyTorchModel(cnn, bounds=(0, 1)), images, labels, epsilons=eps
    )
    ours = FGSM(eps, loss="cross-entropy")(cnn, images, labels)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_every_pixel_moves_by_eps_against_the_true_class(equidistant, middle_images):
    labels = equidistant(middle_images).argmax(1)
    change = (FGSM(0.1)(equidistant, middle_images, labels) - middle_images).flatten(1)
    towards = equidistant.weight - equidistant.weight[labels].unsqueeze(1)  # (n, classes, features)
    gain = torch.einsum("nf,ncf->nc", change, towards)
    runner_up = equidistant(middle_images).topk(2).indices[:, 1:]
    expected = 0.1 * towards.abs().sum(2).gather(
        1, runner_up
    )  # eps ||w_i - w_y||_1, as far as eps can go
    torch.testing.assert_close(gain.gather(1, runner_up), expected)


def test_saturated_cross_entropy_is_blind_where_the_margin_is_not():
    images, labels = torch.tensor([[0.75, 0.25]]), torch.tensor([0])

    def confident(x):
        return 1000 * x

    assert torch.equal(FGSM(0.1, loss="cross-entropy")(confident, images, labels), images)
    torch.testing.assert_close(FGSM(0.1)(confident, images, labels), torch.tensor([[0.65, 0.35]]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"eps": -0.1}, ValueError, "`eps` must be at least 0, got -0.1"),
        ({"eps": float("nan")}, ValueError, "`eps` must be a finite number"),
        ({"eps": "8/255"}, TypeError, "eps"),
        (
            {"eps": 0.1, "loss": "hinge"},
            ValueError,
            "`loss` must be one of 'cross-entropy', 'margin', 'dlr'",
        ),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        FGSM(**arguments)
