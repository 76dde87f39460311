"""Reads with converters and slices.

Every path against numpy, tile by tile, and against whole numbers.
"""

import dataclasses

import numpy as np
import pytest
import torch
from tests.nn.reading.read_cases import CROSSBARS, LAYERS, WIRED, both, inputs, mapped
from tests.oracles import reads as oracle
from torch import Tensor, nn

import wordline as wl
from wordline.nn.mapped_layer import MappedLayer


def expected(layer: nn.Module, chip: MappedLayer, x: Tensor) -> tuple[Tensor, int, int]:
    """What numpy makes of the chip's own effective conductances.

    Conversions out of range, and all.
    """
    crossbar = chip.crossbar
    device, window = crossbar.device, crossbar.device.g_on_siemens - crossbar.device.g_off_siemens
    off = device.g_off_siemens / window if crossbar.adc.less_off_current else 0.0
    largest = crossbar.tile[0] * (
        1.0 if crossbar.adc.less_off_current else device.g_on_siemens / window
    )
    steps, span, cut = crossbar.adc.steps, crossbar.adc.range, crossbar.slicing
    if isinstance(span, wl.FullScale):
        product = (
            0.0
            if isinstance(cut, wl.NoSlicing)
            else 1 / (2**cut.cell_bits - 1) / (2**cut.stream_bits - 1)
        )
        limit = max(span.share * largest, product * steps)
    else:
        limit = (
            span.limit / (crossbar.read_volt * window) if isinstance(span, wl.FixedRange) else 3.0
        )
    two_sided = crossbar.encoding == wl.DifferentialPair(two_sided=True)
    encoding = (
        "offset"
        if isinstance(crossbar.encoding, wl.OffsetColumn)
        else "two-sided"
        if two_sided
        else "pair"
    )
    digits = None
    if isinstance(cut, wl.BitSlicing):
        digits = oracle.Digits(
            cut.weight_bits, cut.cell_bits, cut.input_bits, cut.stream_bits, encoding == "pair"
        )
    values = x.double().numpy()
    scale = np.abs(values).reshape(len(values), -1).max(1)
    u = values / scale.reshape(-1, *[1] * (values.ndim - 1))
    if isinstance(layer, nn.Linear):
        vectors, groups = u.reshape(1, -1, u.shape[-1]), 1
    else:
        pads = list(reversed(layer._reversed_padding_repeated_twice))
        border = [(pads[i + 1], pads[i]) for i in range(0, len(pads), 2)]
        groups = layer.groups
        vectors = oracle.unroll(
            u, layer.kernel_size, layer.stride, layer.dilation, border, layer.padding_mode, groups
        )
    converter = oracle.Adc(limit, steps, crossbar.adc.lower_bound, off)
    shares = chip.response.double().numpy() / window
    y, out, made = oracle.dot(vectors, shares, converter, digits, encoding)
    y = y[..., : chip.matrix_shape[2]] * (chip.w_max.double() * chip.gain.double()).numpy()
    per_sample = y.reshape(groups, len(values), -1, y.shape[-1])
    if isinstance(layer, nn.Linear):
        maps = per_sample[0].reshape(*x.shape[:-1], -1)
    else:
        maps = per_sample.transpose(1, 0, 3, 2).reshape(len(values), groups * y.shape[-1], -1)
    maps = maps * scale.reshape(-1, *[1] * (maps.ndim - 1))
    if layer.bias is not None:
        bias = layer.bias.detach().double().numpy()
        maps = maps + (bias if isinstance(layer, nn.Linear) else bias[:, None])
    return torch.from_numpy(maps), out, made


COMBINATIONS = [(layer, shape, name) for layer, shape in LAYERS for name in ("signed", "sliced")]
COMBINATIONS += [(*LAYERS[3], name) for name in CROSSBARS] + [
    (*LAYERS[4], name) for name in CROSSBARS
]


@pytest.mark.parametrize(
    ("layer", "shape", "name"), COMBINATIONS, ids=lambda value: str(value)[:60]
)
def test_a_read_is_what_numpy_computes_tile_by_tile(
    layer: nn.Module, shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip, x = mapped(layer, CROSSBARS[name]), inputs(shape)
    y, out, made = expected(layer, chip, x)
    for answer, saturated, conversions in both(chip, x, monkeypatch).values():
        flat = answer.flatten(2) if isinstance(layer, nn.modules.conv._ConvNd) else answer
        torch.testing.assert_close(flat, y, rtol=1e-9, atol=1e-9)
        assert (saturated, conversions) == (out, made)


@pytest.mark.parametrize(
    "name", ["signed", "unsigned", "sliced, offset column", "sliced, two-sided"]
)
def test_in_single_precision_a_few_codes_may_differ_by_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, shape = LAYERS[3]
    chip, x = mapped(layer, CROSSBARS[name], torch.float32), inputs(shape, torch.float32)
    y, out, made = expected(layer, chip, x)
    encoding, largest = chip.crossbar.encoding, float(chip.w_max * chip.gain * x.abs().amax())
    significance = max(chip.crossbar.slicing.slices(encoding.sign_bits))
    code = 0.4 * 8 * (10 / 9) / chip.crossbar.adc.steps * largest * significance
    code *= (
        1 if encoding == wl.DifferentialPair() else 2.04
    )  # over the share of the window above the middle
    for answer, saturated, conversions in both(chip, x, monkeypatch).values():
        difference = (answer.flatten(2).double() - y).abs()
        assert difference.amax() <= code * (1 + 1e-4)  # one code of one conversion
        assert (difference > 1e-5).double().mean() < 0.01
        assert abs(saturated - out) <= 2 and conversions == made


@pytest.mark.parametrize("bits", [(7, 3, 6, 2), (5, 1, 4, 3), (16, 4, 16, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ideal_arrays_compute_in_fixed_point(
    bits: tuple[int, int, int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One code is the smallest product of digits.

    Whole numbers, saturation included, and nothing is approximate.
    """
    generator = torch.Generator().manual_seed(3)
    layer = nn.Linear(21, 5, bias=False)
    with torch.no_grad():
        layer.weight.copy_(
            torch.randint(
                -(2 ** (bits[0] - 1)) + 1, 2 ** (bits[0] - 1), (5, 21), generator=generator
            )
        )
        layer.weight.view(-1)[0] = 2 ** (bits[0] - 1) - 1
    x = torch.randint(
        -(2 ** (bits[2] - 1)) + 1, 2 ** (bits[2] - 1), (6, 21), generator=generator
    ).to(dtype)
    x[:, 0] = 2 ** (bits[2] - 1) - 1
    x[3] = x[3].abs()
    steps = 2**8 - 1
    for most in (steps, (2 ** bits[1] - 1) * (2 ** bits[3] - 1) * 8 // 3):
        width = most.bit_length() + (0 if most == steps else 1)
        codes = wl.UniformConverter(
            bits=width, range=wl.FullScale(1e-9), signed=False, less_off_current=True
        )  # as fine as a product, no finer
        chip = mapped(
            layer,
            wl.Crossbar(
                tile=(8, 4),
                device=wl.Memristor(2e4, 2e5),
                wires=wl.Wires(),
                gain=wl.UnitGain(),
                adc=codes,
                slicing=wl.BitSlicing(*bits),
            ),
            dtype,
        )
        whole, out = oracle.fixed_point(
            x.double().numpy() / x.abs().amax().item(),
            layer.weight.detach().T.double().numpy() / layer.weight.abs().amax().item(),
            bits,
            8,
            codes.steps,
        )
        with torch.no_grad():
            for answer, saturated, _ in both(chip, x, monkeypatch).values():
                assert answer.double().round().tolist() == whole.tolist() or dtype == torch.float32
                near = 1e-12 if dtype == torch.float64 else 1e-5
                torch.testing.assert_close(
                    answer.double(), torch.tensor(whole.astype(float)), rtol=near, atol=0
                )
                assert saturated == out


def test_the_accumulator_drops_low_bits_toward_zero_and_saturates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = nn.Linear(8, 3, bias=False).double()
    for width, drops in ((0, 3), (7, 0), (6, 2)):
        slicing = wl.BitSlicing(5, 2, 5, 2, accumulator_bits=width, accumulator_drops=drops)
        crossbar = dataclasses.replace(
            WIRED, wires=wl.Wires(), nonidealities=(), gain=wl.UnitGain(), slicing=slicing,
            adc=wl.UniformConverter(bits=12, range=wl.FullScale(1e-9), less_off_current=True),
        )  # fmt: skip
        chip, x = mapped(layer, crossbar), inputs((4, 8))
        u = (x / x.abs().amax(1, keepdim=True)).numpy()
        w = (layer.weight.detach() / layer.weight.detach().abs().amax()).T.numpy()
        whole, _ = oracle.fixed_point(u, w, (5, 2, 5, 2), 8, 10**6)
        most = 2 ** (width - 1) - 1 if width else 10**9
        kept = [
            [int(np.sign(v)) * (min(abs(v) >> drops, most) << drops) for v in row] for row in whole
        ]
        scale = (chip.w_max * x.abs().amax(1, keepdim=True)) / 15**2
        with torch.no_grad():
            for answer, _, _ in both(chip, x, monkeypatch).values():
                wanted = torch.tensor(kept, dtype=torch.float64)
                torch.testing.assert_close(answer / scale, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["signed", "sliced", "sliced, offset column"])
def test_a_sample_does_not_feel_its_batch_nor_the_threads(name: str, dtype: torch.dtype) -> None:
    layer, _ = LAYERS[3]
    crossbar = CROSSBARS[name]
    crossbar = dataclasses.replace(
        crossbar, adc=dataclasses.replace(crossbar.adc, range=wl.FullScale(0.1))
    )
    chip, x = mapped(layer, crossbar, dtype), inputs((7, 3, 5, 18), dtype)
    x[2] = x[2].abs()
    threads = torch.get_num_threads()

    def run(samples: Tensor) -> tuple[Tensor, Tensor]:
        samples = samples.clone().requires_grad_()
        y = chip(samples)
        (grad,) = torch.autograd.grad(y.square().sum(), samples)
        return y.detach(), grad

    try:
        torch.set_num_threads(1)
        together = run(x)
        alone = [
            torch.cat(parts) for parts in zip(*(run(x[i : i + 1]) for i in range(7)), strict=True)
        ]
        torch.set_num_threads(2)
        threaded = run(x)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(together[0], alone[0]) and torch.equal(together[0], threaded[0])
    torch.testing.assert_close(together[1], alone[1])
    assert chip.tally.saturated > 0


@pytest.mark.parametrize("name", ["signed", "sliced"])
def test_an_unbatched_input_is_a_batch_of_one(name: str) -> None:
    for layer, shape in (LAYERS[3], LAYERS[8]):
        chip, x = mapped(layer, CROSSBARS[name]), inputs(shape)
        assert torch.equal(chip(x[0]), chip(x[:1])[0])


def test_a_batch_of_nothing_has_outputs_of_nothing() -> None:
    assert mapped(LAYERS[3][0], WIRED)(inputs((0, 3, 5, 18))).shape == (0, 13, 5, 18)
    assert mapped(LAYERS[8][0], WIRED)(inputs((0, 10))).shape == (0, 17)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["signed", "sliced"])
def test_what_is_not_a_number_has_no_code(name: str, value: float) -> None:
    chip, x = mapped(LAYERS[8][0], CROSSBARS[name]), inputs((3, 10))
    x[1, 2] = value
    with pytest.raises(
        ValueError, match=r"`inputs` of a converter, of shape \(3, 10\), hold NaN or infinity"
    ):
        chip(x)


def test_calibration_changes_what_a_layer_answers() -> None:
    chip, x = mapped(LAYERS[8][0], CROSSBARS["calibrated"]), inputs((3, 10))
    first = chip(x)
    chip.output_limit.fill_(0.5)
    assert not torch.equal(chip(x), first)
    chip.output_limit.fill_(3.0)
    assert torch.equal(chip(x), first)
