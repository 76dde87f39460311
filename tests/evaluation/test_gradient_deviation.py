"""Linear networks, whose gradients are their weights: every figure in closed form."""

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.datasets import ImageSplit


class Linear(nn.Module):
    """Logits (-w.x, w.x): the margin of class 0 is 2 w.x, its gradient 2 w."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        score = images.flatten(1) @ self.weight
        return torch.stack((-score, score), 1)


G = torch.tensor([1.0, -2.0, 3.0, 4.0])
H = torch.tensor([2.0, 2.0, 1.0, 0.5])  # one sign of four differs
SPLIT = ImageSplit(torch.full((6, 1, 2, 2), 0.5), torch.zeros(6, dtype=torch.int64), "greys")


def deviation(software: Tensor = G, chip: Tensor = H, **changes: object) -> wl.GradientDeviation:
    arguments = {
        "chip": Linear(chip),
        "software": Linear(software),
        "data": SPLIT,
        "eps": 0.1,
        "loss": "margin",
    }
    return wl.gradient_deviation(**{**arguments, **changes})


def test_every_figure_of_two_linear_networks() -> None:
    found = deviation(batch_size=4)
    cosine = float(G @ H / (G.norm() * H.norm()))
    assert found.cosine == pytest.approx([cosine] * 6)
    assert found.sign_agreement == (0.75,) * 6
    assert found.norm_ratio == pytest.approx([float(H.norm() / G.norm())] * 6)
    assert (
        found.perturbation_difference == (0.5,) * 6
    )  # one pixel of four moves the other way, by 2
    clean = 2 * float(H.sum()) * 0.5
    assert found.loss_along_chip == pytest.approx(
        [clean + 2 * f * 0.1 * float(H.abs().sum()) for f in found.fractions]
    )
    along = float(H @ G.sign())
    assert found.loss_along_software == pytest.approx(
        [clean + 2 * f * 0.1 * along for f in found.fractions]
    )
    assert (found.flat, found.images, found.data) == (0.0, 6, "greys")


def test_a_network_beside_itself_and_its_opposite() -> None:
    same, opposite = deviation(chip=G), deviation(chip=-G)
    assert same.cosine == pytest.approx([1.0] * 6) and same.perturbation_difference == (0.0,) * 6
    assert (
        opposite.cosine == pytest.approx([-1.0] * 6)
        and opposite.perturbation_difference == (2.0,) * 6
    )


def test_tiny_gradients_keep_their_direction_and_zero_ones_are_counted() -> None:
    assert deviation(software=1e-25 * G).cosine == pytest.approx(deviation().cosine)
    flat = deviation(chip=torch.zeros(4))
    assert (flat.flat, flat.cosine, flat.norm_ratio) == (1.0, (0.0,) * 6, (0.0,) * 6)
    assert deviation(software=torch.zeros(4)).norm_ratio == (0.0,) * 6


def test_prints_and_survives_json() -> None:
    found = deviation()
    assert wl.GradientDeviation.from_json(found.to_json()) == found
    assert "perturbation difference" in str(found) and "along the chip's gradient" in str(found)
    assert "0.750" in str(deviation(limit=1))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"chip": Linear(H).train()}, ValueError, "`chip` is in training mode"),
        ({"software": 3}, TypeError, "`software` must be a torch.nn.Module"),
        ({"data": 3}, TypeError, "`data` must be ImageSplit"),
        ({"eps": 0.0}, ValueError, "`eps` must be greater than 0"),
        ({"loss": "hinge"}, ValueError, "`loss` must be one of"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
    ],
)
def test_bad_arguments_are_refused(change, kind, message) -> None:
    with pytest.raises(kind, match=message):
        wl.gradient_deviation(
            **{"chip": Linear(H), "software": Linear(G), "data": SPLIT, "eps": 0.1, **change}
        )
