"""A chip is an ordinary module.

Every layer kind, against torch with the effective weight, and by hand.
"""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

import wordline as wl

IDEAL = wl.Crossbar.preset("ideal")
REAL = wl.Crossbar(
    tile=(8, 6),
    device=wl.Memristor(2e4, 2e5),
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3),
    nonidealities=(wl.GaussianVariation(0.1),),
    gain=wl.LeastSquaresGain(),
)

CONVOLUTIONS = [
    (nn.Conv1d(4, 6, 3, stride=2, padding=1), (2, 4, 11)),
    (nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular"), (2, 4, 9)),
    (nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(1, 2), dilation=(1, 2)), (2, 4, 9, 8)),
    (nn.Conv2d(4, 6, (3, 2), groups=2, bias=False), (2, 4, 6, 6)),
    (nn.Conv2d(6, 6, 3, groups=6, padding=1, padding_mode="reflect"), (2, 6, 6, 6)),
    (nn.Conv2d(4, 6, 3, padding="valid", padding_mode="replicate"), (2, 4, 6, 6)),
    (nn.Conv2d(4, 6, 4, padding="same"), (2, 4, 7, 7)),
    (nn.Conv3d(2, 4, 3, padding=1, stride=2), (1, 2, 5, 6, 5)),
    (nn.Linear(10, 7), (3, 10)),
    (nn.Linear(10, 7, bias=False), (2, 3, 10)),
]


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=lambda value: str(value)[:50])
def test_an_ideal_chip_computes_what_software_does(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    layer = copy.deepcopy(layer).double().eval()
    x = torch.rand(shape, dtype=torch.float64)
    torch.testing.assert_close(wl.map_model(layer, IDEAL)(x), layer(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=lambda value: str(value)[:50])
def test_a_real_chip_is_the_same_layer_with_the_effective_weight(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    layer = copy.deepcopy(layer).eval()
    chip = wl.map_model(layer, REAL, seed=3)
    other = copy.deepcopy(layer)
    other.weight.data = chip.layers["model"].effective_weight
    x = torch.rand(shape)
    torch.testing.assert_close(chip(x), other(x))
    assert not torch.equal(other.weight, layer.weight)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 2),
    st.integers(1, 2),
    st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
)
def test_any_convolution_maps(
    groups: int, per_group: int, kernel: int, stride: int, padding: int, dilation: int, mode: str
) -> None:
    channels = groups * per_group
    layer = nn.Conv2d(
        channels, 2 * groups, kernel, stride, padding, dilation, groups, padding_mode=mode
    ).double().eval()  # fmt: skip
    x = torch.rand(1, channels, 7, 7, dtype=torch.float64)
    torch.testing.assert_close(wl.map_model(layer, IDEAL)(x), layer(x), rtol=1e-9, atol=1e-9)


def test_the_software_network_is_not_touched(tiny_cnn: nn.Module) -> None:
    before = {name: value.clone() for name, value in tiny_cnn.state_dict().items()}
    kinds = [type(module) for module in tiny_cnn.modules()]
    wl.map_model(tiny_cnn, REAL)
    assert all(torch.equal(before[name], value) for name, value in tiny_cnn.state_dict().items())
    assert [type(module) for module in tiny_cnn.modules()] == kinds


def test_mapping_draws_nothing_from_the_global_generator(
    tiny_cnn: nn.Module, no_global_draws: None
) -> None:
    wl.map_model(tiny_cnn, REAL, seed=1)


def test_one_seed_is_one_chip_whatever_else_the_network_holds(tiny_cnn: nn.Module) -> None:
    first, again, other = (wl.map_model(tiny_cnn, REAL, seed=s).layers for s in (1, 1, 2))
    assert torch.equal(first["0"].effective_weight, again["0"].effective_weight)
    assert not torch.equal(first["0"].effective_weight, other["0"].effective_weight)
    longer = nn.Sequential(*copy.deepcopy(tiny_cnn), nn.Linear(4, 2)).eval()
    assert torch.equal(
        wl.map_model(longer, REAL, seed=1).layers["0"].effective_weight, first["0"].effective_weight
    )


def test_chip_is_an_ordinary_module(tiny_cnn: nn.Module) -> None:
    chip = wl.map_model(tiny_cnn, REAL, seed=1)
    x = torch.rand(3, 2, 6, 6)
    expected = chip(x)
    assert not chip.training
    assert torch.equal(copy.deepcopy(chip)(x), expected)
    blank = wl.map_model(tiny_cnn, REAL, seed=2)
    assert not torch.equal(blank(x), expected)
    file = io.BytesIO()
    torch.save(chip.state_dict(), file)
    file.seek(0)
    blank.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(blank(x), expected)
    assert (blank.seed, blank.crossbar, blank.layers["0"].stream_seed) == (
        1,
        REAL,
        chip.layers["0"].stream_seed,
    )
    assert chip.double()(x.double()).dtype == torch.float64
    assert set(dict(chip.layers["0"].named_buffers())) == {
        "conductances",
        "effective_weight",
        "gain",
        "nf",
    }


def test_input_gradient_equals_central_differences(tiny_cnn: nn.Module) -> None:
    chip = wl.map_model(tiny_cnn, REAL, seed=1).double()
    x = torch.rand(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(chip(x).logsumexp(1).sum(), x)
    numeric, h = torch.zeros_like(gradient).flatten(), 1e-6
    with torch.no_grad():
        for k in range(numeric.numel()):
            step = torch.zeros(numeric.numel(), dtype=torch.float64)
            step[k] = h
            up, down = (chip(x + s * step.view_as(x)).logsumexp(1).sum() for s in (1, -1))
            numeric[k] = (up - down) / (2 * h)
    assert float(nn.functional.cosine_similarity(gradient.flatten(), numeric, dim=0)) > 1 - 1e-6
    torch.testing.assert_close(gradient.flatten(), numeric, rtol=1e-5, atol=1e-7)


def test_shared_layers_stay_shared() -> None:
    shared = nn.Linear(6, 6)
    network = nn.Sequential(shared, nn.ReLU(), shared).eval()
    chip = wl.map_model(network, REAL)
    assert list(chip.layers) == ["0"]
    assert chip.model[0] is chip.model[2]


class TwoNames(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = self.a  # one module under two names of one parent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.a(x))


def test_a_layer_under_two_names_of_one_parent_stays_one() -> None:
    chip = wl.map_model(TwoNames().eval(), REAL)
    assert chip.model.a is chip.model.b
    assert type(chip.model.b).__name__ == "MappedLayer"


class Scaled(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class OwnAttention(nn.MultiheadAttention):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out_proj(x @ self.in_proj_weight.t())


class OwnMemory(nn.LSTM):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight_ih_l0.t()


class OwnParameter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bonus = nn.Parameter(torch.ones(4))
        self.inner = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) + self.bonus


def test_nothing_with_parameters_is_skipped_in_silence() -> None:
    network = nn.ModuleDict(
        {
            "norm": nn.BatchNorm1d(4),
            "scaled": Scaled(4, 4),
            "own": OwnParameter(),
            "words": nn.Embedding(5, 4),
            "attention": OwnAttention(4, 2),
            "memory": OwnMemory(4, 4),
            "bags": nn.EmbeddingBag(5, 4),
            "hooked": nn.Linear(4, 4),
            "pair": nn.Bilinear(2, 2, 2),
        }
    ).eval()
    network["hooked"].register_forward_hook(lambda module, inputs, out: 3 * out)
    report = wl.map_model(network, REAL).report()
    digital = dict(report.digital)
    assert set(digital) == {
        "norm",
        "scaled",
        "own",
        "words",
        "bags",
        "attention",
        "memory",
        "hooked",
        "pair",
    }
    assert digital["words"] == "digital by design: Embedding looks up rows of its weights"
    assert digital["bags"].startswith("digital by design")
    assert "OwnAttention multiplies by its weights itself" in digital["attention"]
    assert "OwnMemory multiplies by its weights itself" in digital["memory"]
    assert "Bilinear uses its parameters (weight, bias)" in digital["pair"]
    assert digital["norm"].startswith("digital by design")
    assert "Scaled multiplies by its weights itself" in digital["scaled"]
    assert "bonus" in digital["own"]
    assert "has forward hooks" in digital["hooked"]
    assert [row.name for row in report.layers] == ["own.inner"]
    assert "stays digital: attention" in str(report)
    with pytest.raises(ValueError, match="`model` layer 'scaled' cannot be mapped"):
        wl.map_model(network, REAL, strict=True)


def test_every_parameter_is_mapped_or_named() -> None:
    """The report accounts for every software parameter, the bias of mapped layers included."""
    network = nn.Sequential(
        OwnParameter(), nn.Embedding(3, 4), nn.LayerNorm(4), nn.Conv1d(4, 4, 1)
    ).eval()
    chip = wl.map_model(network, REAL)
    accounted = {*chip.layers, *(name for name, _ in chip.digital_layers)}
    for name, _ in network.named_parameters():
        assert name.rpartition(".")[0] in accounted


def test_a_subclass_and_a_parametrised_layer_without_own_arithmetic_map() -> None:
    class Renamed(nn.Linear):
        pass

    network = (
        nn.Sequential(Renamed(4, 4), parametrizations.weight_norm(nn.Linear(4, 3))).double().eval()
    )
    x = torch.rand(2, 4, dtype=torch.float64)
    chip = wl.map_model(network, IDEAL, strict=True)
    torch.testing.assert_close(chip(x), network(x), rtol=1e-9, atol=1e-9)


def test_trainable_chip_starts_as_the_fixed_one_and_learns(tiny_cnn: nn.Module) -> None:
    fixed, trainable = (
        wl.map_model(tiny_cnn, REAL, seed=1),
        wl.map_model(tiny_cnn, REAL, seed=1, trainable=True),
    )
    x = torch.rand(4, 2, 6, 6)
    torch.testing.assert_close(trainable(x), fixed(x))
    weight = trainable.layers["0"].weight
    (gradient,) = torch.autograd.grad(trainable(x).square().mean(), weight)
    before = float(trainable(x).square().mean().detach())
    with torch.no_grad():
        weight -= 0.05 * gradient
    assert float(trainable(x).square().mean().detach()) < before


def test_report_counts_tiles_and_cells_by_hand() -> None:
    chip = wl.map_model(nn.Linear(10, 7).eval(), REAL)  # 10 x 7 on 8 x 6: 2 x 2 tiles, two arrays
    row = chip.report().layers[0]
    assert (row.inputs, row.outputs, row.tiles, row.cells) == (10, 7, 8, 8 * 48)
    assert row.utilisation == pytest.approx(2 * 70 / 384)
    assert type(chip.report()).from_json(chip.report().to_json()) == chip.report()


@pytest.mark.parametrize(
    ("model", "crossbar", "seed", "kind", "message"),
    [
        (nn.Linear(2, 2), IDEAL, 0, ValueError, "`model` is in training mode"),
        (3, IDEAL, 0, TypeError, "`model` must be Module"),
        (nn.Linear(2, 2).eval(), "ideal", 0, TypeError, "`crossbar` must be Crossbar"),
        (nn.Linear(2, 2).eval(), IDEAL, -1, ValueError, "`seed` must be at least 0"),
        (nn.ReLU().eval(), IDEAL, 0, ValueError, "`model` has no convolution or linear layer"),
    ],
)
def test_bad_arguments_are_refused(
    model: object, crossbar: object, seed: int, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        wl.map_model(model, crossbar, seed)  # type: ignore[arg-type]


def test_nan_weights_name_the_layer(tiny_cnn: nn.Module) -> None:
    tiny_cnn[5].weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match="`model` layer '5' has NaN or Inf weights"):
        wl.map_model(tiny_cnn, REAL)


def test_what_stays_digital_still_computes() -> None:
    network = nn.Sequential(nn.Linear(4, 12), OwnAttention(12, 2), nn.Linear(12, 2)).double().eval()
    network[1].in_proj_weight = nn.Parameter(network[1].in_proj_weight[:12])
    network[0].register_forward_hook(lambda module, inputs, out: 3 * out)
    chip, x = wl.map_model(network, IDEAL), torch.rand(2, 3, 4, dtype=torch.float64)
    assert list(chip.layers) == ["2"]
    torch.testing.assert_close(chip(x), network(x), rtol=1e-9, atol=1e-9)


def test_half_precision_weights_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="`model` layer 'model' has weights of torch.float16"):
        wl.map_model(nn.Linear(4, 2).half().eval(), IDEAL)


def test_trainable_keeps_what_the_user_froze() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).train()
    network[0].weight.requires_grad_(False)
    network[1].eval()
    chip = wl.map_model(network, REAL, trainable=True)
    assert not chip.layers["0"].weight.requires_grad
    assert chip.layers["2"].weight.requires_grad
    assert chip.training
    assert not chip.model[1].training
