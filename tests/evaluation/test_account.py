"""A number of a chip is what its arrays computed, or there is an error or a flag that says why
not.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation.account import account
from wordline.records.record import Record

CROSSBAR = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())


class Net(nn.Module):
    """Two layers, of which the first can be left out of the answers, and a third that is not
    registered.
    """

    def __init__(self, *, used: bool = True, hidden: bool = False) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 3)
        for parameter in self.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=g))
        self.used, self.free = used, torch.randn(4, 3, generator=g)
        self.hidden = hidden

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        out = self.b(torch.relu(self.a(x)))
        if not self.used:
            return x @ self.free
        return out + x @ self.free if self.hidden else out


def _split() -> ImageSplit:
    g = torch.Generator().manual_seed(1)
    return ImageSplit(
        torch.rand(12, 1, 2, 2, generator=g), torch.randint(3, (12,), generator=g), "made"
    )


def _record(victim: nn.Module, source: nn.Module) -> Record:
    return wl.evaluate(victim=victim, source=source, attack=wl.FGSM(0.1), data=_split())


def test_a_record_carries_the_share_that_arrays_compute() -> None:
    software = Net().eval()
    record = _record(wl.map_model(software, CROSSBAR), software)
    assert (record.products.on_arrays, record.products.share, record.flags) == (
        4 * 6 + 6 * 3,
        1.0,
        (),
    )
    assert Record.from_json(record.to_json()) == record
    assert str(record.products) == "100.00% of multiply-accumulates with weights on arrays"
    assert str(_record(software, software).products) == "no pass was probed"


def test_what_was_excluded_is_counted_and_not_flagged() -> None:
    software = Net().eval()
    record = _record(wl.map_model(software, CROSSBAR, exclude=("a",)), software)
    assert record.products.share == pytest.approx(18 / 42)
    assert (record.products.unaccounted, record.flags) == ((), ())
    assert "a: addmm by a.weight, 24 multiply-accumulates: excluded by 'a'" in str(record.products)


def test_a_product_that_nobody_asked_to_be_digital_is_flagged() -> None:
    software = Net(hidden=True).eval()
    record = _record(wl.map_model(software, CROSSBAR), software)
    assert record.flags == ("22.22% of multiply-accumulates are digital, in model",)
    assert record.products.share == pytest.approx(42 / 54)


def test_a_chip_whose_arrays_have_no_part_in_its_answers_is_refused() -> None:
    software = Net(used=False).eval()
    chip = wl.map_model(software, CROSSBAR)
    for victim, source in ((chip, software), (software, chip), (chip, chip)):
        with pytest.raises(ValueError, match="arrays have no part in its answers"):
            _record(victim, source)
    with pytest.raises(ValueError, match="arrays have no part in its answers"):
        wl.audit(chip=chip, software=software, data=_split(), eps=0.1, quick=True)
    with pytest.raises(ValueError, match="do not depend on its arrays"):
        wl.map_model(software, CROSSBAR, example=_split().images)
    with pytest.raises(ValueError, match="do not depend on its arrays"):
        wl.map_chips(software, CROSSBAR, seeds=(0, 1), example=_split().images)


def test_an_answer_like_software_is_said() -> None:
    class Rounded(Net):  # the arrays' deviation is rounded away
        def forward(self, x: Tensor) -> Tensor:
            return (1e-3 * super().forward(x)).round() + x.flatten(1)[:, :3]

    software = Rounded().eval()
    record = _record(wl.map_model(software, CROSSBAR), software)
    assert record.flags[0].startswith("the chip answers 8 images like software to the bit")
    ideal = wl.map_model(software, wl.Crossbar.preset("ideal"))
    assert _record(ideal, software).flags == ()


def test_a_chip_inside_another_network_is_accounted_for_with_the_names_of_its_own() -> None:
    software = Net().eval()
    chip = wl.map_model(software, CROSSBAR, exclude=("b",))
    wrapped = wl.Normalized(chip, mean=(0.5,), std=(0.5,)).eval()
    products = account("victim", wrapped, _split())
    assert [product.layer for product in products.digital] == ["b"]
    assert products == account("victim", chip, _split())


def test_probing_leaves_the_noise_and_the_counts_as_they_were() -> None:
    noisy = dataclasses.replace(
        CROSSBAR,
        nonidealities=(wl.ReadNoise(0.1),),
        adc=wl.UniformConverter(bits=8, range=wl.FullScale()),
    )
    software, images = Net().eval(), _split().images
    chip, again = (wl.map_model(software, noisy) for _ in range(2))
    account("victim", chip, _split())
    assert torch.equal(chip(images), again(images))
    assert chip.layers["a"].tally.conversions == again.layers["a"].tally.conversions


@pytest.mark.parametrize("crossbar", ["rethinking-16", "isaac-like"])
def test_shared_and_repeated_layers_count_each_time(crossbar: str) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.square, self.last = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.square(self.square(x))
            return self.last(x)

    chip = wl.map_model(
        Twice().eval(), wl.Crossbar.preset(crossbar), strict=True, example=torch.rand(5, 4)
    )
    assert chip.products.on_arrays == 2 * 16 + 12


def test_a_weight_that_is_read_is_the_arrays_own_where_they_are_a_matrix() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(self.layer(x), self.layer.weight.t())

    chip = wl.map_model(Tied().eval(), CROSSBAR, strict=True, example=torch.rand(5, 4))
    assert (chip.products.share, chip.products.on_arrays) == (1.0, 32)
    trained = wl.map_model(Tied().eval(), CROSSBAR, trainable=True, example=torch.rand(5, 4))
    assert trained.products.share == 0.5  # the weight that is learned is software's


def test_scores_of_attention_are_products_of_activations() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True).eval()
    chip = wl.map_model(layer, CROSSBAR, strict=True, example=torch.rand(3, 5, 8))
    assert chip.products.on_arrays == 5 * (4 * 64 + 2 * 96)
    assert chip.products.activations == 2 * 5 * 5 * 8
    assert chip.products.share == 1.0


@pytest.mark.parametrize(
    ("example", "error", "match"),
    [
        ("images", TypeError, "`example` must be Tensor"),
        (([1.0],), TypeError, "`example` must be Tensor"),
        (torch.zeros(0, 4), ValueError, "at least one image"),
        (torch.tensor(1.0), ValueError, "`example` must be a batch whose first dimension"),
    ],
)
def test_examples_that_are_no_images_are_refused(
    example: object, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        wl.map_model(nn.Linear(4, 2).eval(), CROSSBAR, example=example)  # type: ignore[arg-type]
