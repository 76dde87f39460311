"""Reads with converters and slices: every path against numpy, tile by tile, and against whole numbers."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from tests.oracles import reads as oracle
from torch import Tensor, nn

import wordline as wl
from wordline.nn import reading
from wordline.nn.mapped_layer import MappedLayer

WIRED = wl.Crossbar(
    tile=(8, 6), device=wl.Memristor(2e4, 2e5), wires=wl.Wires(driver_ohm=200, row_ohm=5, col_ohm=10, sense_ohm=100),
    nonidealities=(wl.GaussianVariation(0.1),), gain=wl.LeastSquaresGain(),
    adc=wl.UniformConverter(bits=6, range=wl.FullScale(0.4)),
)  # fmt: skip
SLICES = wl.BitSlicing(7, 3, 6, 2)
LAYERS = [
    (nn.Conv1d(4, 7, 3, stride=2, padding=1), (2, 4, 11)),
    (nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular"), (2, 4, 9)),
    (nn.Conv2d(4, 6, 3, stride=(2, 1), padding=(1, 2), dilation=(1, 2)), (2, 4, 9, 8)),
    (nn.Conv2d(3, 13, 3, padding=1), (2, 3, 5, 18)),
    (nn.Conv2d(4, 6, (3, 2), groups=2, bias=False), (2, 4, 6, 6)),
    (nn.Conv2d(6, 6, 3, groups=6, padding=1, padding_mode="reflect"), (2, 6, 6, 6)),
    (nn.Conv2d(4, 6, 3, padding="valid", padding_mode="replicate"), (1, 4, 6, 6)),
    (nn.Conv3d(2, 4, 3, padding=1, stride=2), (1, 2, 5, 6, 5)),
    (nn.Linear(10, 17), (3, 10)),
    (nn.Linear(10, 7, bias=False), (2, 3, 10)),
    (nn.Linear(8, 6), (2, 8)),
]


def adc(**changes: object) -> wl.Crossbar:
    return dataclasses.replace(WIRED, adc=dataclasses.replace(WIRED.adc, **changes))


CROSSBARS = {
    "signed": WIRED,
    "unsigned": adc(signed=False),
    "less off current": adc(signed=False, less_off_current=True, range=wl.FullScale(0.3)),
    "fixed range": adc(range=wl.FixedRange(2e-5)),
    "calibrated": adc(range=wl.Calibrated()),
    "two-sided": dataclasses.replace(WIRED, encoding=wl.DifferentialPair(two_sided=True)),
    "offset column": dataclasses.replace(WIRED, encoding=wl.OffsetColumn()),
    "sliced": dataclasses.replace(adc(bits=7), slicing=SLICES),
    "sliced, unsigned, less off current": dataclasses.replace(
        adc(bits=7, signed=False, less_off_current=True), slicing=SLICES
    ),
    "sliced, two-sided": dataclasses.replace(WIRED, encoding=wl.DifferentialPair(two_sided=True), slicing=SLICES),
    "sliced, offset column": dataclasses.replace(WIRED, encoding=wl.OffsetColumn(), slicing=SLICES),
    "sliced, single bits": dataclasses.replace(WIRED, slicing=wl.BitSlicing(4, 1, 4, 1)),
}


def mapped(layer: nn.Module, crossbar: wl.Crossbar, dtype: torch.dtype = torch.float64) -> MappedLayer:
    """The layer on a chip; an ADC that would be calibrated has a full scale of 3 shares."""
    chip = wl.map_model(copy.deepcopy(layer).to(dtype).eval(), crossbar)
    (only,) = chip.layers.values()
    if isinstance(crossbar.adc.range, wl.Calibrated):
        only.output_limit.fill_(3.0)
    return only


def expected(layer: nn.Module, chip: MappedLayer, x: Tensor) -> tuple[Tensor, int, int]:
    """What numpy makes of the chip's own effective conductances; conversions out of range, and all."""
    crossbar = chip.crossbar
    device, window = crossbar.device, crossbar.device.g_on_siemens - crossbar.device.g_off_siemens
    off = device.g_off_siemens / window if crossbar.adc.less_off_current else 0.0
    largest = crossbar.tile[0] * (1.0 if crossbar.adc.less_off_current else device.g_on_siemens / window)
    steps, span, cut = crossbar.adc.steps, crossbar.adc.range, crossbar.slicing
    if isinstance(span, wl.FullScale):
        product = 0.0 if isinstance(cut, wl.NoSlicing) else 1 / (2**cut.cell_bits - 1) / (2**cut.stream_bits - 1)
        limit = max(span.share * largest, product * steps)
    else:
        limit = span.limit / (crossbar.read_volt * window) if isinstance(span, wl.FixedRange) else 3.0
    two_sided = crossbar.encoding == wl.DifferentialPair(two_sided=True)
    encoding = "offset" if isinstance(crossbar.encoding, wl.OffsetColumn) else "two-sided" if two_sided else "pair"
    digits = None
    if isinstance(cut, wl.BitSlicing):
        digits = oracle.Digits(cut.weight_bits, cut.cell_bits, cut.input_bits, cut.stream_bits, encoding == "pair")
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


def inputs(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype, generator=generator)


def both(chip: MappedLayer, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Tensor, int, int]]:
    """(outputs, conversions out of range, conversions) of the kernel, where it applies, and of torch in many chunks."""
    out = {}
    for path in ("as it comes", "generic"):
        with monkeypatch.context() as patch:
            if path == "generic":
                patch.setattr(reading, "_HELD", {"cpu": 600})
                patch.setattr(reading.kernel_reading, "applies", lambda *_: False)
            chip.tally = reading.Tally()
            out[path] = chip(x), chip.tally.saturated, chip.tally.conversions
    return out


COMBINATIONS = [(layer, shape, name) for layer, shape in LAYERS for name in ("signed", "sliced")]
COMBINATIONS += [(*LAYERS[3], name) for name in CROSSBARS] + [(*LAYERS[4], name) for name in CROSSBARS]


@pytest.mark.parametrize(("layer", "shape", "name"), COMBINATIONS, ids=lambda value: str(value)[:60])
def test_a_read_is_what_numpy_computes_tile_by_tile(
    layer: nn.Module, shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip, x = mapped(layer, CROSSBARS[name]), inputs(shape)
    y, out, made = expected(layer, chip, x)
    for answer, saturated, conversions in both(chip, x, monkeypatch).values():
        flat = answer.flatten(2) if isinstance(layer, nn.modules.conv._ConvNd) else answer
        torch.testing.assert_close(flat, y, rtol=1e-9, atol=1e-9)
        assert (saturated, conversions) == (out, made)


@pytest.mark.parametrize("name", ["signed", "unsigned", "sliced, offset column", "sliced, two-sided"])
def test_in_single_precision_a_few_codes_may_differ_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, shape = LAYERS[3]
    chip, x = mapped(layer, CROSSBARS[name], torch.float32), inputs(shape, torch.float32)
    y, out, made = expected(layer, chip, x)
    encoding, largest = chip.crossbar.encoding, float(chip.w_max * chip.gain * x.abs().amax())
    significance = max(chip.crossbar.slicing.slices(encoding.sign_bits))
    code = 0.4 * 8 * (10 / 9) / chip.crossbar.adc.steps * largest * significance
    code *= 1 if encoding == wl.DifferentialPair() else 2.04  # over the share of the window above the middle
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
    """One code is the smallest product of digits: whole numbers, saturation included, and nothing is approximate."""
    generator = torch.Generator().manual_seed(3)
    layer = nn.Linear(21, 5, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-(2 ** (bits[0] - 1)) + 1, 2 ** (bits[0] - 1), (5, 21), generator=generator))
        layer.weight.view(-1)[0] = 2 ** (bits[0] - 1) - 1
    x = torch.randint(-(2 ** (bits[2] - 1)) + 1, 2 ** (bits[2] - 1), (6, 21), generator=generator).to(dtype)
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
                tile=(8, 4), device=wl.Memristor(2e4, 2e5), wires=wl.Wires(), gain=wl.UnitGain(), adc=codes,
                slicing=wl.BitSlicing(*bits),
            ),
            dtype,
        )  # fmt: skip
        whole, out = oracle.fixed_point(
            x.double().numpy() / x.abs().amax().item(),
            layer.weight.detach().T.double().numpy() / layer.weight.abs().amax().item(), bits, 8, codes.steps,
        )  # fmt: skip
        with torch.no_grad():
            for answer, saturated, _ in both(chip, x, monkeypatch).values():
                assert answer.double().round().tolist() == whole.tolist() or dtype == torch.float32
                near = 1e-12 if dtype == torch.float64 else 1e-5
                torch.testing.assert_close(answer.double(), torch.tensor(whole.astype(float)), rtol=near, atol=0)
                assert saturated == out


def test_the_accumulator_drops_low_bits_toward_zero_and_saturates(monkeypatch: pytest.MonkeyPatch) -> None:
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
        kept = [[int(np.sign(v)) * (min(abs(v) >> drops, most) << drops) for v in row] for row in whole]
        scale = (chip.w_max * x.abs().amax(1, keepdim=True)) / 15**2
        with torch.no_grad():
            for answer, _, _ in both(chip, x, monkeypatch).values():
                wanted = torch.tensor(kept, dtype=torch.float64)
                torch.testing.assert_close(answer / scale, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["signed", "two-sided", "offset column", "sliced", "sliced, two-sided"])
@pytest.mark.parametrize(("layer", "shape"), [LAYERS[i] for i in (1, 2, 4, 5, 8, 9)], ids=lambda value: str(value)[:60])
def test_a_derivative_passes_straight_through_what_has_not_saturated(
    layer: nn.Module, shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossbar = CROSSBARS[name]
    wide = dataclasses.replace(crossbar, adc=dataclasses.replace(crossbar.adc, range=wl.FullScale(1.0)))
    chip, x = mapped(layer, wide), inputs(shape).requires_grad_()
    with torch.no_grad():
        towards = torch.randn_like(chip(x))
    weight = chip.effective_weight
    (exact,) = torch.autograd.grad(chip.product(x, weight, None), x, towards)
    for answer, saturated, _ in both(chip, x, monkeypatch).values():
        assert saturated == 0
        (grad,) = torch.autograd.grad(answer, x, towards)
        torch.testing.assert_close(grad, exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["signed", "offset column", "sliced"])
@pytest.mark.parametrize(("layer", "shape"), [LAYERS[i] for i in (1, 4, 9)], ids=lambda value: str(value)[:60])
def test_a_derivative_stops_where_a_conversion_saturated(
    layer: nn.Module, shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossbar = CROSSBARS[name]
    tight = dataclasses.replace(crossbar, adc=dataclasses.replace(crossbar.adc, bits=4, range=wl.FullScale(0.1)))
    chip, x = mapped(layer, tight), inputs(shape).requires_grad_()
    with torch.no_grad():
        towards = torch.randn_like(chip(x))
    (straight,) = torch.autograd.grad(chip.product(x, chip.effective_weight, None), x, towards)
    grads = []
    for answer, saturated, conversions in both(chip, x, monkeypatch).values():
        assert 0 < saturated < conversions
        grads.append(torch.autograd.grad(answer, x, towards)[0])
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-12)
    assert not torch.allclose(grads[0], straight)


@pytest.mark.parametrize("wires", [WIRED.wires, wl.Wires()])
@pytest.mark.parametrize("positive", [True, False])
def test_in_whole_numbers_the_derivative_is_that_of_real_ones(
    wires: wl.Wires, positive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single precision, one byte a device and two; a few conversions at the edge may count on one side or the other."""
    layer, shape = LAYERS[3]
    coarse = wl.UniformConverter(bits=5, range=wl.FullScale(0.1), signed=False, less_off_current=True)
    crossbar = dataclasses.replace(WIRED, wires=wires, nonidealities=(), adc=coarse, slicing=SLICES)
    chip = mapped(layer, crossbar, torch.float32)
    x = inputs(shape, torch.float32)
    x = (x.abs() if positive else x).requires_grad_()
    towards = torch.randn((2, 13, 5, 18), generator=torch.Generator().manual_seed(1))
    grads, saturated = [], []
    for answer, out, _ in both(chip, x, monkeypatch).values():
        grads.append(torch.autograd.grad(answer, x, towards)[0])
        saturated.append(out)
    assert min(saturated) > 20 and abs(saturated[0] - saturated[1]) <= 3
    wrong = (grads[0] - grads[1]).abs() > 1e-5 * grads[1].abs().amax()
    assert wrong.float().mean() < 0.1


def test_one_saturated_conversion_takes_its_column_out_of_the_derivative() -> None:
    layer = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 1.0], [1.0, 0.0]]))
    plain = dataclasses.replace(WIRED, tile=(2, 2), wires=wl.Wires(), nonidealities=(), gain=wl.UnitGain())
    crossbar = dataclasses.replace(
        plain, adc=wl.UniformConverter(bits=8, range=wl.FullScale(0.75), less_off_current=True)
    )
    chip = mapped(layer, crossbar)
    x = torch.tensor([[1.0, 1.0], [1.0, 0.25]], dtype=torch.float64, requires_grad=True)
    chip(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=torch.float64))
    assert chip.tally.saturated == 1


def test_a_converter_without_derivative_has_none() -> None:
    chip = mapped(LAYERS[8][0], adc(gradient="none"))
    x = inputs((3, 10)).requires_grad_()
    chip(x).sum().backward()
    assert x.grad is not None and not x.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["signed", "sliced", "sliced, offset column"])
def test_a_sample_does_not_feel_its_batch_nor_the_threads(name: str, dtype: torch.dtype) -> None:
    layer, _ = LAYERS[3]
    crossbar = CROSSBARS[name]
    crossbar = dataclasses.replace(crossbar, adc=dataclasses.replace(crossbar.adc, range=wl.FullScale(0.1)))
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
        alone = [torch.cat(parts) for parts in zip(*(run(x[i : i + 1]) for i in range(7)), strict=True)]
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
    with pytest.raises(ValueError, match=r"`inputs` of a converter, of shape \(3, 10\), hold NaN or infinity"):
        chip(x)


def test_calibration_changes_what_a_layer_answers() -> None:
    chip, x = mapped(LAYERS[8][0], CROSSBARS["calibrated"]), inputs((3, 10))
    first = chip(x)
    chip.output_limit.fill_(0.5)
    assert not torch.equal(chip(x), first)
    chip.output_limit.fill_(3.0)
    assert torch.equal(chip(x), first)
