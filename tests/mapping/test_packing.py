"""Groups that share tiles, against block-diagonal matrices and Kirchhoff's law of one tile."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag
from tests.oracles.kirchhoff import effective_conductance as kirchhoff
from torch import nn

import wordline as wl
from wordline.mapping import program
from wordline.mapping.cells import cell_count
from wordline.mapping.packing import pack, packed_shape, shared_tiles

OHMS = {"driver": 1e3, "row": 5.0, "col": 10.0, "sense": 1e3}
PACKED = wl.BlockDiagonal()
IDEAL = dataclasses.replace(wl.Crossbar.preset("ideal"), packing=PACKED)
REAL = wl.Crossbar(
    tile=(8, 6), device=wl.Memristor(2e4, 2e5),
    wires=wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3), gain=wl.UnitGain(),
    packing=PACKED,
)  # fmt: skip
READ = dataclasses.replace(IDEAL, array=wl.IdealBackward(wl.ExactArray()))
CODES = dataclasses.replace(
    REAL, slicing=wl.BitSlicing(7, 2, 6, 2),
    dac=wl.UniformConverter(bits=6, range=wl.FixedRange(2.0)),
    adc=wl.UniformConverter(bits=12, range=wl.FullScale()),
)  # fmt: skip
LAYERS = [
    (nn.Conv1d(6, 6, 3, groups=6), (2, 6, 9)),
    (nn.Conv2d(12, 24, 3, padding=1, groups=12), (2, 12, 5, 5)),
    (nn.Conv2d(16, 8, 2, stride=2, groups=4, bias=False), (2, 16, 6, 6)),
    (nn.Conv2d(11, 11, 3, padding=1, groups=11), (2, 11, 5, 5)),  # the last tile lacks a group
    (nn.Conv3d(5, 10, 2, groups=5), (2, 5, 3, 3, 3)),
    (nn.ConvTranspose2d(11, 22, 2, stride=2, groups=11), (2, 11, 3, 3)),
]


@pytest.fixture(params=LAYERS, ids=lambda pair: type(pair[0]).__name__ + str(pair[0].groups))
def layer(request: pytest.FixtureRequest) -> tuple[nn.Module, torch.Tensor]:
    module, shape = request.param
    generator = torch.Generator().manual_seed(2)
    for parameter in module.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return module.double().eval(), torch.randn(shape, generator=generator, dtype=torch.float64)


def test_matrices_stand_on_the_diagonal() -> None:
    matrix = torch.randn(5, 3, 2, dtype=torch.float64)
    packed = pack(matrix, PACKED, (8, 6))  # two groups a tile, three tiles, the last with one
    wanted = [block_diag(*matrix[i : i + 2].numpy()) for i in (0, 2)]
    wanted.append(block_diag(matrix[4].numpy(), np.zeros((3, 2))))
    np.testing.assert_array_equal(packed.numpy(), np.stack(wanted))


def test_groups_too_large_for_a_tile_keep_tiles_of_their_own() -> None:
    matrix = torch.randn(3, 5, 2)
    assert (
        pack(matrix, PACKED, (8, 6)) is matrix
        and pack(matrix, wl.OneGroupPerTile(), (64, 64)) is matrix
    )
    assert packed_shape((3, 5, 2), PACKED, (8, 6)) == (3, 5, 2)
    assert PACKED.groups_per_tile((100, 3), (64, 64)) == 1


def test_packs_are_as_few_as_possible_and_even() -> None:
    assert shared_tiles((512, 9, 1), PACKED, (64, 64)) == (74, 7)
    assert shared_tiles((10, 9, 1), PACKED, (64, 64)) == (2, 5)
    assert shared_tiles((3, 9, 1), PACKED, (64, 64)) == (1, 3)
    assert cell_count((512, 9, 1), IDEAL) == 2 * 74 * 64 * 64


@pytest.mark.parametrize("crossbar", [IDEAL, READ])
def test_an_ideal_chip_computes_what_software_does(
    crossbar: wl.Crossbar, layer: tuple[nn.Module, torch.Tensor]
) -> None:
    module, x = layer
    chip = wl.map_model(module, crossbar)
    torch.testing.assert_close(chip(x), module(x), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(chip(x[0]), module(x[0]), rtol=1e-10, atol=1e-12)
    free = x.clone().requires_grad_()
    ours, theirs = (
        torch.autograd.grad(net(free).square().sum(), free)[0] for net in (chip, module)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_codes_of_shared_tiles_stay_near_software(layer: tuple[nn.Module, torch.Tensor]) -> None:
    module, x = layer
    crossbar = dataclasses.replace(CODES, tile=(64, 64), wires=wl.Wires())
    chip, apart = (
        wl.map_model(module, dataclasses.replace(crossbar, packing=p))
        for p in (PACKED, wl.OneGroupPerTile())
    )
    x = x.clamp(-2, 2)
    with torch.no_grad():
        error, alone = (
            (net(x) - module(x)).abs().mean() / module(x).abs().mean() for net in (chip, apart)
        )
    assert float(error) < 2 * float(alone) + 0.05


def test_one_packed_tile_is_what_kirchhoff_says() -> None:
    layer = nn.Conv1d(3, 3, 2, groups=3, bias=False).double().eval()
    layer.weight.data = torch.tensor(
        [[[1.0, -2.0]], [[0.5, 4.0]], [[-3.0, 1.5]]], dtype=torch.float64
    )
    matrix = block_diag(*layer.weight.detach()[:, 0, :, None].numpy())  # (6 rows, 3 columns)
    made = np.zeros((8, 6))
    for sign in (1, -1):
        g = np.full((8, 6), 5e-6)
        g[:6, :3] += np.maximum(sign * matrix, 0) / 4 * 45e-6
        made += sign * kirchhoff(g, **OHMS)
    made = 4 * made[:6, :3] / 45e-6
    chip = wl.map_model(layer, REAL)
    x = torch.randn(2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    windows = np.stack(
        [np.concatenate([x[:, c, i : i + 2].numpy() for c in range(3)], 1) for i in range(4)], -1
    )
    np.testing.assert_allclose(chip(x).numpy(), np.einsum("nkp,kc->ncp", windows, made), rtol=1e-9)
    mapped = chip.layers["model"]
    np.testing.assert_allclose(mapped.effective_weight.flatten(1).numpy(), made.T, rtol=1e-9)
    assert mapped.conductances.shape == (2, 1, 1, 1, 8, 6)
    assert abs(made[:2, 1:]).max() > 0  # what leaks from one group to another through the wires


def test_variation_of_off_diagonal_devices_is_noise_of_the_columns() -> None:
    layer = nn.Conv1d(3, 3, 2, groups=3, bias=False).double().eval()
    crossbar = dataclasses.replace(
        REAL, wires=wl.Wires(), nonidealities=(wl.GaussianVariation(0.2),)
    )
    mapped = wl.map_model(layer, crossbar, seed=4).layers["model"]
    g = mapped.conductances[:, 0, 0, 0].numpy()
    largest = float(layer.weight.detach().abs().max())
    matrix = largest * (g[0] - g[1])[:6, :3] / 45e-6
    np.testing.assert_allclose(mapped.effective_weight.flatten(1).numpy(), matrix.T, rtol=1e-12)
    assert abs(matrix[:2, 2]).min() > 0


def test_a_trainable_chip_passes_gradients_to_the_blocks_alone(
    layer: tuple[nn.Module, torch.Tensor],
) -> None:
    module, x = layer
    crossbar = dataclasses.replace(REAL, tile=(64, 64))
    fixed, trainable = (
        wl.map_model(module, crossbar, seed=1),
        wl.map_model(module, crossbar, seed=1, trainable=True),
    )
    answer = trainable(x)
    assert torch.equal(answer, fixed(x))
    answer.square().sum().backward()
    weight = trainable.layers["model"].weight
    assert weight.grad.shape == module.weight.shape and bool(weight.grad.abs().sum() > 0)


def test_packing_is_a_field_that_changes_no_identity() -> None:
    plain = wl.Crossbar.preset("rethinking-64")
    assert plain.packing == wl.OneGroupPerTile() and "packing" not in plain.identity()
    shared = dataclasses.replace(plain, packing=PACKED)
    assert (
        wl.Crossbar.from_json(shared.to_json()) == shared and "BlockDiagonal" in shared.identity()
    )
    with pytest.raises(TypeError, match="`packing` must be AbstractPacking, got 'diagonal'"):
        dataclasses.replace(plain, packing="diagonal")


def test_the_report_says_what_groups_cost_without_it() -> None:
    network = nn.Sequential(nn.Conv2d(32, 32, 3, groups=32), nn.Conv2d(32, 8, 1)).eval()
    plain = wl.map_model(network, wl.Crossbar.preset("ideal")).report()
    assert "one group a tile in 0: 64 of 66 tiles, of which 0.22% is used" in str(plain)
    shared = wl.map_model(network, IDEAL).report()
    assert shared.layers[0].tiles == 2 * 5 and "one group a tile" not in str(shared)
    assert shared.layers[0].utilisation == pytest.approx(2 * 32 * 9 / (10 * 64**2))


def test_nf_of_a_packed_tile_is_that_of_the_programmed_matrix() -> None:
    layer = nn.Conv1d(3, 3, 2, groups=3, bias=False).double().eval()
    whole = program(
        pack(layer.weight.detach().transpose(1, 2), PACKED, (8, 6)),
        REAL,
        generator=torch.Generator(),
    )
    assert torch.equal(wl.map_model(layer, REAL).layers["model"].nf, whole.nf)


def test_a_weight_wider_than_the_layer_is_not_handed_to_networks_that_read_it() -> None:
    chip = wl.map_model(nn.Conv1d(3, 3, 2, groups=3).eval(), REAL)
    with pytest.raises(
        ValueError, match="where groups share tiles it is a wider one, got a call of conv1d"
    ):
        nn.functional.conv1d(torch.ones(1, 3, 4), chip.layers["model"].weight)
