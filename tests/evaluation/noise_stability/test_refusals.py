"""Arguments that no figure can be had from are refused."""

import pytest
from torch import Tensor, nn

from .two_matrices import A1, A2, Two, stability


class Thrice(Two):
    """Calls its first layer once more than the others do."""

    def forward(self, images: Tensor) -> Tensor:
        self.first(images.flatten(1))
        return super().forward(images)


class Pair(Two):
    """Gives more than logits."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:, :, None]


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"chip": Two(A1, A2).train()}, ValueError, "`chip` is in training mode"),
        ({"software": Two(A1, A2).train()}, ValueError, "`software` is in training mode"),
        ({"software": 3}, TypeError, "`software` must be a torch.nn.Module"),
        ({"data": 3}, TypeError, "`data` must be ImageSplit"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"draws": 0}, ValueError, "`draws` must be at least 1"),
        ({"probes": 0}, ValueError, "`probes` must be at least 1"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        (
            {"chip": nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).double().eval()},
            ValueError,
            "by the same name",
        ),
        (
            {"chip": Thrice(A1, A2)},
            ValueError,
            "`chip` calls its layers 3 times in a pass, `software` 2 times",
        ),
        (
            {"chip": Two(A1[:5], A2[:, :5])},
            ValueError,
            r"`chip` layer 'first' makes \(5, 5\), that of `software`",
        ),
        (
            {"chip": Pair(A1, A2)},
            TypeError,
            r"`chip` must give logits of shape \(5, classes\), got \(5, 3, 1\)",
        ),
        ({"software": Pair(A1, A2)}, TypeError, "`software` must give logits"),
    ],
)
def test_bad_arguments_are_refused(change, kind, message) -> None:
    with pytest.raises(kind, match=message):
        stability(**{"software": Two(A1, A2), "chip": Two(A1, A2), **change})
