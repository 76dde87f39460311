"""Attention: the oracle is torch's own module, in every variant of its arguments."""

import copy
import itertools

import pytest
import torch
from tests.nn.crossbars import IDEAL, READ, REAL
from torch import nn

import wordline as wl

VARIANTS = [  # batch_first, bias, widths of their own, bias_kv, zero: every pair of values meets
    (False, False, False, False, False),
    (True, True, True, True, False),
    (True, True, False, False, True),
    (False, True, True, False, True),
    (True, False, True, True, True),
    (False, True, False, True, False),
]


def _random(layer: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return layer.double().eval()


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize(
    ("crossbar", "batch_first", "bias", "widths", "bias_kv", "zero"),
    [(IDEAL, *variant) for variant in VARIANTS] + [(READ, *VARIANTS[3])],
)
def test_every_variant_of_attention(
    crossbar: wl.Crossbar,
    batch_first: bool,
    bias: bool,
    widths: bool,
    bias_kv: bool,
    zero: bool,
    rng: torch.Generator,
) -> None:
    kdim, vdim = (6, 5) if widths else (8, 8)
    layer = _random(
        nn.MultiheadAttention(
            8,
            2,
            bias=bias,
            kdim=kdim,
            vdim=vdim,
            batch_first=batch_first,
            add_bias_kv=bias_kv,
            add_zero_attn=zero,
        )
    )
    chip = wl.map_model(layer, crossbar)
    assert list(chip.layers) == ["q_proj", "k_proj", "v_proj", "out_proj"]
    q, k, v = (
        torch.randn(3, n, d, dtype=torch.float64, generator=rng)
        for n, d in ((4, 8), (5, kdim), (5, vdim))
    )
    given = (q, k, v) if batch_first else tuple(x.transpose(0, 1) for x in (q, k, v))
    hidden, padding = torch.zeros(4, 5, dtype=torch.bool), torch.zeros(3, 5, dtype=torch.bool)
    hidden[:3, 4], padding[1, 3:] = True, True
    masks = (
        None,
        hidden,
        torch.randn(4, 5, dtype=torch.float64),
        torch.randn(6, 4, 5, dtype=torch.float64),
    )
    asked = ((False, True), (True, True), (True, False))
    for mask, absent, (weights, average) in itertools.product(
        masks, (None, padding, -padding.double()), asked
    ):
        options = {"need_weights": weights, "average_attn_weights": average, "attn_mask": mask}
        wanted = layer(*given, key_padding_mask=absent, **options)
        torch.testing.assert_close(
            chip(*given, key_padding_mask=absent, **options), wanted, rtol=1e-9, atol=1e-9
        )
        if mask is None or mask.dim() == 2:
            one = layer(
                q[1], k[1], v[1], key_padding_mask=None if absent is None else absent[1], **options
            )
            there = chip(
                q[1], k[1], v[1], key_padding_mask=None if absent is None else absent[1], **options
            )
            torch.testing.assert_close(there, one, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", [False, True])
def test_a_causal_hint(weights: bool) -> None:
    layer, x = (
        _random(nn.MultiheadAttention(8, 2, batch_first=True)),
        torch.rand(2, 5, 8, dtype=torch.float64),
    )
    chip, mask = (
        wl.map_model(layer, IDEAL),
        nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64),
    )
    options = {"attn_mask": mask, "is_causal": True, "need_weights": weights}
    torch.testing.assert_close(
        chip(x, x, x, **options), layer(x, x, x, **options), rtol=1e-9, atol=1e-9
    )
    with pytest.raises(
        ValueError, match="`is_causal` is a hint about `attn_mask`, which is missing"
    ):
        chip(x, x, x, is_causal=True)


def test_gradients_state_and_copies(rng: torch.Generator) -> None:
    layer = _random(nn.MultiheadAttention(8, 2, batch_first=True))
    chip, x = (
        wl.map_model(layer, IDEAL),
        torch.randn(2, 3, 8, dtype=torch.float64, generator=rng, requires_grad=True),
    )
    ours, theirs = (torch.autograd.grad(m(x, x, x)[0].square().sum(), x)[0] for m in (chip, layer))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    real = wl.map_model(layer, REAL, seed=1)
    blank = wl.map_model(layer, REAL, seed=2)
    blank.load_state_dict(real.state_dict())
    for other in (blank, copy.deepcopy(real)):
        assert torch.equal(other(x, x, x)[0], real(x, x, x)[0])


def test_trainable_attention_reaches_every_projection() -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True, dropout=0.2).train()
    chip, x = wl.map_model(layer, REAL, trainable=True), torch.rand(2, 3, 8)
    for weights in (False, True):
        chip(x, x, x, need_weights=weights)[0].square().sum().backward()
    assert all(mapped.weight.grad.abs().sum() > 0 for mapped in chip.layers.values())


def test_a_packed_weight_of_two_modules_is_refused_for_training() -> None:
    network = nn.Sequential(nn.MultiheadAttention(4, 2), nn.MultiheadAttention(4, 2)).eval()
    network[1].in_proj_weight = network[0].in_proj_weight
    with pytest.raises(ValueError, match="layers '0' and '1' share an in_proj_weight"):
        wl.map_model(network, IDEAL, trainable=True)
    assert len(wl.map_model(network, IDEAL).layers) == 8


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize(
    ("crossbar", "batch_first", "norm_first"),
    [(IDEAL, True, False), (IDEAL, False, True), (READ, True, True)],
)
def test_the_whole_transformer(
    crossbar: wl.Crossbar, batch_first: bool, norm_first: bool, rng: torch.Generator
) -> None:
    network = _random(
        nn.Transformer(
            8, 2, 2, 2, 16, activation="gelu", batch_first=batch_first, norm_first=norm_first
        )
    )
    source, target = (torch.randn(3, n, 8, dtype=torch.float64, generator=rng) for n in (5, 4))
    if not batch_first:
        source, target = source.transpose(0, 1), target.transpose(0, 1)
    chip = wl.map_model(network, crossbar, strict=True)
    assert len(chip.layers) == 2 * 6 + 2 * 10
    assert {"encoder.layers.0.self_attn.q_proj", "decoder.layers.1.multihead_attn.out_proj"} <= set(
        chip.layers
    )
    absent = torch.zeros(3, 5, dtype=torch.bool)
    absent[1, 4] = True
    causal = nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64)
    for options in (
        {},
        {"tgt_mask": causal, "tgt_is_causal": True},
        {"src_key_padding_mask": absent},
    ):
        wanted = network(source, target, **options)  # with gradients on, torch takes no fused path
        torch.testing.assert_close(chip(source, target, **options), wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "exclude", [(), ("self_attn",), ("linear?",), ("self_attn.q_proj",)], ids=str
)
def test_no_fused_kernel_passes_the_arrays_by(exclude: tuple[str, ...]) -> None:
    """Every array is read at a pass, without gradients too."""
    layer = _random(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    x = torch.rand(2, 3, 8, dtype=torch.float64)
    for trainable in (False, True):
        chip = wl.map_model(layer, IDEAL, exclude=exclude, trainable=trainable)
        with torch.no_grad():
            torch.testing.assert_close(chip(x), layer(x), rtol=1e-9, atol=1e-9)
            calls: list[str] = []
            for name, mapped in chip.layers.items():
                mapped.product = _Spy(mapped.product, name, calls)
            chip(x)
        assert set(calls) == set(chip.layers)


class _Spy:
    def __init__(self, product: object, name: str, calls: list[str]) -> None:
        self.product, self.name, self.calls = product, name, calls

    def __getattr__(self, name: str) -> object:
        return getattr(self.product, name)

    def __call__(self, *given: object) -> object:
        self.calls.append(self.name)
        return self.product(*given)  # type: ignore[operator]


def test_the_encoder_drops_no_padding() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    network = _random(nn.TransformerEncoder(layer, 2))
    x, absent = (
        torch.rand(2, 4, 8, dtype=torch.float64),
        torch.tensor([[False] * 4, [False, False, True, True]]),
    )
    chip = wl.map_model(network, IDEAL)
    wanted = network(x, src_key_padding_mask=absent)
    with torch.no_grad():
        torch.testing.assert_close(
            chip(x, src_key_padding_mask=absent), wanted, rtol=1e-9, atol=1e-9
        )
    assert network.use_nested_tensor  # the network itself was not touched
