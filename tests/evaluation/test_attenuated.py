"""The attenuated twin: on arrays that lose a known share of the current it is the chip itself, for
every kind of layer, and its factors are those of the closed form.
"""

import copy
import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from tests.nn.crossbars import CODES, IDEAL, READ, REAL
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, weight_norm

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation import attenuation, identify, scaled
from wordline.records import Attenuated, Scaled

KEEP = 0.75  # of the current
DEPTHWISE = dataclasses.replace(IDEAL, tile=(30, 7), packing=wl.mapping.BlockDiagonal())


class Pixels(nn.Module):
    """A layer that takes and returns something of its own, on 3 x 6 x 6 images."""

    def __init__(self, layer: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, images: Tensor) -> Tensor:
        return self.call(self.layer, images)


class Twice(nn.Module):
    """One layer in two places, and two layers of one weight, which an embedding shares."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.first, self.second = (nn.Linear(6, 6) for _ in range(3))
        self.table = nn.Embedding(6, 6)
        self.second.weight = self.first.weight
        self.table.weight = self.first.weight

    def forward(self, images: Tensor) -> Tensor:
        x = self.twice(self.twice(images).relu()).relu()
        return self.second(self.first(x).relu()) + self.table(torch.arange(6))


def rows(images: Tensor) -> Tensor:
    return images.flatten(1, 2)  # (N, 18, 6)


def attention(layer: nn.Module, images: Tensor) -> Tensor:
    x = rows(images)
    return layer(x, x.flip(1), x.relu())[0]


def packed(layer: nn.Module, images: Tensor) -> Tensor:
    return layer(rows(images))[0]


def cell(layer: nn.Module, images: Tensor) -> Tensor:
    return layer(images[:, 0, 0], torch.stack([images[:, 1, 1]] * 1)[0])


def upsampled(layer: nn.Module, images: Tensor) -> Tensor:
    return layer(images, output_size=[12, 12])


def pruned() -> nn.Module:
    return prune.l1_unstructured(nn.Linear(6, 4), "weight", 0.5)


def kinds() -> dict[str, Callable[[], nn.Module]]:
    flat = nn.Flatten
    return {
        "linear": lambda: nn.Sequential(flat(), nn.Linear(108, 5)),
        "single layer": lambda: nn.Linear(6, 5),
        "convolution": lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1, padding_mode="circular"), nn.ReLU(), nn.Conv2d(4, 2, 3)
        ),
        "grouped": lambda: nn.Sequential(
            nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 4, 2, groups=2)
        ),
        "transposed": lambda: nn.Sequential(nn.ConvTranspose2d(3, 4, 3, 2, 1, 1)),
        "transposed, of a size": lambda: Pixels(nn.ConvTranspose2d(3, 4, 3, 2, 1), upsampled),
        "attention": lambda: Pixels(nn.MultiheadAttention(6, 2, batch_first=True), attention),
        "recurrent": lambda: Pixels(
            nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True, proj_size=3), packed
        ),
        "recurrent cell": lambda: Pixels(nn.GRUCell(6, 6), cell),
        "encoder": lambda: Pixels(
            nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), lambda f, x: f(rows(x))
        ),
        "tied": Twice,
        "pruned": pruned,
        "weight norm of a hook": lambda: weight_norm(nn.Linear(6, 4)),
        "weight norm of a parametrisation": lambda: parametrizations.weight_norm(nn.Linear(6, 4)),
        "called by keyword": lambda: Pixels(nn.Linear(6, 4), lambda f, x: f(input=x)),
    }


KINDS = kinds()


@pytest.fixture
def images(rng: torch.Generator) -> Tensor:
    return torch.randn(4, 3, 6, 6, generator=rng, dtype=torch.float64)


def made(kind: str) -> nn.Module:
    """A network of this kind with biases of its own, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return KINDS[kind]().double().eval()


def lossy(
    software: nn.Module, crossbar: wl.Crossbar, keep: Callable[[str, Tensor], Tensor]
) -> wl.Chip:
    """A chip the matrices `(groups, K, C)` or devices of whose layers are multiplied."""
    chip = wl.map_model(software, crossbar)
    with torch.no_grad():
        for name, layer in chip.layers.items():
            if crossbar.is_matrix:
                matrix = layer.product.to_matrix(layer.effective_weight)
                shape = tuple(layer.effective_weight.shape)
                less = layer.product.to_weight(matrix * keep(name, matrix), shape)
                layer.effective_weight.copy_(less)
            else:  # the devices themselves, which every read multiplies by
                layer.response.mul_(keep(name, layer.response))
    return chip


def split_of(images: Tensor) -> ImageSplit:
    return ImageSplit(images.sigmoid(), torch.zeros(len(images), dtype=torch.int64), "noise")


@pytest.mark.parametrize("crossbar", [IDEAL, READ], ids=["matrix", "read"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_a_chip_that_only_loses_current_is_its_twin(kind, crossbar, images) -> None:
    software = made(kind)
    before = software(images)
    chip = lossy(software, crossbar, lambda name, matrix: torch.tensor(KEEP))
    data = split_of(images) if crossbar is READ else None
    factors = attenuation(software=software, chip=chip, data=data)
    assert factors.keys() == chip.layers.keys()
    assert not any(factor.requires_grad for factor in factors.values())
    assert [float(f) for f in factors.values()] == pytest.approx([KEEP] * len(factors), rel=1e-6)
    twin = wl.attenuated(software=software, chip=chip, data=data)
    torch.testing.assert_close(twin(images), chip(images), rtol=1e-6, atol=1e-6)
    assert (twin(images) - before).abs().max() > 1e-3  # the loss is seen
    torch.testing.assert_close(software(images), before, rtol=0, atol=0)  # and software's own stays


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_columns_that_lose_differently_are_told_apart(kind, images) -> None:
    software = made(kind)
    kept = {}

    def keep(name: str, matrix: Tensor) -> Tensor:
        kept[name] = torch.linspace(0.5, 1, matrix[:, 0].numel(), dtype=torch.float64)
        return kept[name].view(len(matrix), 1, -1)

    chip = lossy(software, IDEAL, keep)
    found = attenuation(software=software, chip=chip, per="column")
    for name, factor in found.items():
        torch.testing.assert_close(factor, kept[name], rtol=1e-6, atol=1e-6)
    twin = wl.attenuated(software=software, chip=chip, per="column")
    torch.testing.assert_close(twin(images), chip(images), rtol=1e-6, atol=1e-6)
    by_layer = wl.attenuated(software=software, chip=chip)
    assert (by_layer(images) - chip(images)).abs().max() > 1e-4


def test_groups_that_share_tiles_count_as_themselves(images) -> None:
    software = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 2, 2)).double().eval()
    chip = lossy(software, DEPTHWISE, lambda name, matrix: torch.tensor(KEEP))
    assert chip.layers["0"].effective_weight.numel() > software[0].weight.numel()  # a wider one
    for per in ("layer", "column", "network"):
        twin = wl.attenuated(software=software, chip=chip, per=per)
        torch.testing.assert_close(twin(images), chip(images), rtol=1e-6, atol=1e-6)
    read = dataclasses.replace(DEPTHWISE, array=wl.IdealBackward(wl.ExactArray()))
    data = split_of(images)
    for per in ("layer", "column"):
        other = lossy(software, read, lambda name, matrix: torch.tensor(KEEP))
        found = attenuation(software=software, chip=other, per=per, data=data)
        assert found["0"].flatten().tolist() == pytest.approx([KEEP] * found["0"].numel())


def test_factors_are_the_projections_of_the_matrices(rng) -> None:
    software = nn.Sequential(nn.Linear(9, 7), nn.Linear(7, 5)).double().eval()
    chip = wl.map_model(software, dataclasses.replace(REAL, gain=wl.UnitGain()), seed=3)
    pairs = {
        n: (software[int(n)].weight.detach(), chip.layers[n].effective_weight) for n in ("0", "1")
    }
    for name, (w, effective) in pairs.items():
        layer = attenuation(software=software, chip=chip)[name]
        assert float(layer) == pytest.approx(float((w * effective).sum() / (w * w).sum()))
        assert 0.3 < float(layer) < 0.99
        column = attenuation(software=software, chip=chip, per="column")[name]
        torch.testing.assert_close(column, (w * effective).sum(1) / (w * w).sum(1))
        rest = effective - layer * w
        assert abs(float((rest * w).sum())) < 1e-9  # at right angles
    whole = attenuation(software=software, chip=chip, per="network")
    sums = [sum(float((w * b).sum()) for w, b in pairs.values()),
            sum(float((w * w).sum()) for w, _ in pairs.values())]  # fmt: skip
    assert [float(f) for f in whole.values()] == pytest.approx([sums[0] / sums[1]] * 2)
    gained = wl.map_model(software, REAL, seed=3)  # its gain counts
    assert float(attenuation(software=software, chip=gained)["0"]) > float(
        attenuation(software=software, chip=chip)["0"]
    )


def test_zero_weights_have_the_factor_one(images) -> None:
    software = nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 2)).double().eval()
    with torch.no_grad():
        software[0].weight.zero_()
        software[1].weight[1] = 0
    chip = wl.map_model(software, REAL)
    assert float(attenuation(software=software, chip=chip)["0"]) == 1.0
    assert float(attenuation(software=software, chip=chip, per="column")["1"][1]) == 1.0
    assert float(attenuation(software=software, chip=chip)["1"]) != 1.0


def test_layers_that_stay_digital_keep_their_weights(images) -> None:
    layer = nn.MultiheadAttention(6, 2, batch_first=True)
    software = nn.Sequential(Pixels(layer, attention), nn.Linear(6, 4)).double().eval()
    names = ("0.layer.q_proj", "0.layer.out_proj")
    chip = wl.map_model(software, IDEAL, only=names)
    with torch.no_grad():
        for mapped in chip.layers.values():
            mapped.effective_weight.mul_(KEEP)
    twin = wl.attenuated(software=software, chip=chip)
    torch.testing.assert_close(twin(images), chip(images))
    assert attenuation(software=software, chip=chip).keys() == set(names)


def test_without_a_loss_the_twin_of_a_cnn_is_software_bit_for_bit(tiny_cnn, rng) -> None:
    x = torch.rand(3, 2, 6, 6, generator=rng)
    assert torch.equal(scaled(software=tiny_cnn, factor=1.0)(x), tiny_cnn(x))
    halved = copy.deepcopy(tiny_cnn)
    with torch.no_grad():
        halved[0].weight.mul_(0.5)
        halved[5].weight.mul_(0.5)
    assert torch.equal(scaled(software=tiny_cnn, factor=0.5)(x), halved(x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_constant_factors_are_those_of_a_chip_that_keeps_as_much(kind, images) -> None:
    software = made(kind)
    chip = lossy(software, IDEAL, lambda name, matrix: torch.tensor(0.9))
    wanted = chip(images)
    torch.testing.assert_close(scaled(software=software, factor=0.9)(images), wanted)


def test_read_noise_is_left_out_and_other_reads_are_measured(images) -> None:
    software = nn.Sequential(nn.Flatten(), nn.Linear(108, 4)).double().eval()
    noisy = dataclasses.replace(REAL, nonidealities=(wl.ReadNoise(0.1),), gain=wl.UnitGain())
    quiet = dataclasses.replace(noisy, nonidealities=())
    found, expected = (
        attenuation(software=software, chip=wl.map_model(software, crossbar))
        for crossbar in (noisy, quiet)
    )
    assert found["1"] == expected["1"]
    coded = wl.map_model(software, dataclasses.replace(CODES, gain=wl.UnitGain()))
    data, x = split_of(images), images.sigmoid()
    factor = attenuation(software=software, chip=coded, data=data, batch_size=3)["1"]
    y, other = (f(x) - f(torch.zeros_like(x)) for f in (software, coded))
    assert float(factor) == pytest.approx(float((y * other).sum() / (y * y).sum()))
    column = attenuation(software=software, chip=coded, data=data, per="column")["1"]
    torch.testing.assert_close(column, (y * other).sum(0) / (y * y).sum(0))
    whole = attenuation(software=software, chip=coded, data=data, per="network")["1"]
    assert float(whole) == pytest.approx(float(factor))
    first = attenuation(software=software, chip=coded, data=data, limit=1)["1"]
    assert float(first) == pytest.approx(float((y * other)[0].sum() / (y * y)[0].sum()))


def test_its_identity_says_of_which_chip_it_is(tiny_cnn, rng, no_global_draws) -> None:
    chip = wl.map_model(tiny_cnn, REAL, seed=7)
    twin = wl.attenuated(software=tiny_cnn, chip=chip, per="column")
    found = identify(twin)
    assert found.origin == Attenuated(identify(tiny_cnn), identify(chip), "column")
    assert found.is_twin and not found.is_chip and found.network == "Sequential"
    assert identify(copy.deepcopy(twin)) == found
    half = identify(scaled(software=tiny_cnn, factor=0.5))
    assert half.origin == Scaled(identify(tiny_cnn), 0.5) and not half.is_twin
    assert len({found.weights, half.weights, identify(tiny_cnn).weights}) == 3


def test_a_gain_is_the_twins_and_the_rest(tiny_cnn, rng) -> None:
    images = torch.rand(40, 2, 6, 6, generator=rng)
    data = ImageSplit(images, tiny_cnn(images).argmax(1), "drawn")
    chip = wl.map_model(tiny_cnn, dataclasses.replace(REAL, gain=wl.UnitGain()))
    twin = wl.attenuated(software=tiny_cnn, chip=chip)
    attack = wl.PGD(eps=0.02, steps=3, step_size=0.01)
    software_record, chip_record, twin_record = (
        wl.evaluate(victim=net, source=net, attack=attack, data=data)
        for net in (tiny_cnn, chip, twin)
    )
    whole = wl.robust_gain(chip_record, software_record).value
    parts = wl.robust_gain(twin_record, software_record), wl.robust_gain(chip_record, twin_record)
    assert math.isclose(whole, sum(part.value for part in parts), abs_tol=1e-12)


def bad() -> list[tuple[dict[str, object], type[Exception], str]]:
    software = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2)).eval()
    return [
        ({"software": 3}, TypeError, "`software` must be a torch.nn.Module"),
        ({"chip": nn.Linear(2, 2)}, ValueError, "`chip` is in training mode"),
        ({"chip": software}, TypeError, "`chip` must be a Chip, whose layers are known"),
        ({"per": "row"}, ValueError, "`per` must be one of 'layer', 'column', 'network'"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"software": software[:1].eval()}, ValueError, "`software` has no layer '1' that"),
        (
            {"software": nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2)).eval()}, ValueError,
            r"`software` layer '0' of shape \(5, 6\) has another size than the chip's, 24 weights",
        ),
        (
            {"chip": wl.map_model(software, CODES)}, ValueError,
            "`chip` layer '0' has no matrix .* pass `data`, training images",
        ),
        ({"chip": wl.map_model(software, CODES), "data": 3}, TypeError, "`data` must be"),
    ]  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "message"), bad())
def test_bad_arguments_are_refused(change, kind, message) -> None:
    software = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2)).eval()
    given = {"software": software, "chip": wl.map_model(software, IDEAL), **change}
    with pytest.raises(kind, match=message):
        attenuation(**given)
    with pytest.raises(kind, match=message):
        wl.attenuated(**given)


def test_layers_of_which_nothing_can_be_told_are_refused_by_name(images) -> None:
    deconvolution = nn.Sequential(nn.ConvTranspose2d(3, 2, 3)).double().eval()
    chip = wl.map_model(deconvolution, READ)
    with pytest.raises(ValueError, match="`chip` layer '0' adds the columns of its arrays up"):
        attenuation(software=deconvolution, chip=chip, data=split_of(images), per="column")
    unused = Pixels(nn.ModuleList([nn.Linear(6, 4), nn.Linear(6, 4)]), lambda f, x: f[0](x))
    unused = unused.double().eval()
    with pytest.raises(ValueError, match="`data` passes no activations through layer 'layer.1'"):
        attenuation(software=unused, chip=wl.map_model(unused, READ), data=split_of(images))
    broken = wl.map_model(deconvolution, IDEAL)
    with torch.no_grad():
        broken.layers["0"].effective_weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="`chip` layer '0' has an attenuation that is not finite"):
        attenuation(software=deconvolution, chip=broken)
    wide = ImageSplit(torch.zeros(1, 5, 6, 6), torch.zeros(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="do not fit `software`"):
        attenuation(software=deconvolution, chip=chip, data=wide)


def test_scaled_refuses_what_it_cannot_scale(tiny_cnn) -> None:
    with pytest.raises(ValueError, match="`factor` must be at least 0"):
        scaled(software=tiny_cnn, factor=-0.1)
    with pytest.raises(ValueError, match="`software` is in training mode"):
        scaled(software=nn.Linear(2, 2), factor=0.9)
    with pytest.raises(ValueError, match="no convolution or linear layer to map"):
        scaled(software=nn.Sequential(nn.ReLU()).eval(), factor=0.9)


def test_a_trainable_chip_is_as_it_is_now(rng) -> None:
    software = nn.Sequential(nn.Linear(6, 4)).double().eval()
    chip = wl.map_model(software, IDEAL, trainable=True)
    with torch.no_grad():
        chip.layers["0"].weight.mul_(KEEP)  # as a step of training would
    found = attenuation(software=software, chip=chip)["0"]
    assert float(found) == pytest.approx(KEEP)
