"""The hill itself: means over draws in closed form, gradients against central differences."""

import pytest
import torch

from wordline.attacks.losses import UNTARGETED, margin
from wordline.attacks.objective import Objective


def test_value_gradient_and_logits_are_means_over_the_draws():
    slopes = iter([1.0, 2.0, 6.0] * 2)

    def stochastic(x):  # margin = slope * x, with slopes 1, 2, 6 by turns: mean 3
        return torch.cat([torch.zeros_like(x), next(slopes) * x], 1)

    images, labels = torch.tensor([[0.5], [0.25]]), torch.tensor([0, 0])
    objective = Objective(stochastic, margin, (labels,), eot=3)
    gradient, values, logits = objective.gradient(images)
    torch.testing.assert_close(gradient, torch.tensor([[3.0], [3.0]]))
    torch.testing.assert_close(values, torch.tensor([1.5, 0.75]))
    torch.testing.assert_close(logits, torch.tensor([[0.0, 1.5], [0.0, 0.75]]))
    again, mean = objective.values(images)
    torch.testing.assert_close(again, values)
    torch.testing.assert_close(mean, logits)
    assert objective.fooled(logits).tolist() == [True, True]


@pytest.mark.parametrize("loss", list(UNTARGETED))
def test_gradient_equals_central_differences(loss, cnn, batch):
    images, labels = batch[0][:3].double(), batch[1][:3]
    objective = Objective(cnn.double(), UNTARGETED[loss], (labels,))
    gradient, _, _ = objective.gradient(images)
    direction = torch.randn(
        images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    step = 1e-6
    slope = (
        objective.values(images + step * direction)[0]
        - objective.values(images - step * direction)[0]
    ) / (2 * step)
    torch.testing.assert_close(
        (gradient * direction).flatten(1).sum(1), slope, rtol=1e-6, atol=1e-7
    )


def test_a_selection_keeps_its_own_labels():
    images, labels = torch.tensor([[0.5, 0.1], [0.5, 0.2]]), torch.tensor([0, 1])
    objective = Objective(torch.nn.Identity(), margin, (labels,)).at(torch.tensor([1]))
    values, logits = objective.values(images[1:])
    torch.testing.assert_close(values, torch.tensor([0.3]))
    assert objective.fooled(logits).tolist() == [True]
