"""Networks of timm and transformers, built from their configurations with random weights.

Skipped without them.
"""

from typing import Any

import pytest
import torch
from tests.nn.crossbars import IDEAL, REAL
from torch import Tensor, nn

import wordline as wl


def _named(chip: wl.Chip, software: nn.Module) -> None:
    """Every software parameter belongs to a mapped layer or to one that the report names."""
    accounted = {*chip.layers, *dict(chip.digital_layers)}
    for name, _ in software.named_parameters():
        assert (name.rpartition(".")[0] or "model") in accounted, name


def _check(software: nn.Module, call: Any, mapped: int) -> wl.Chip:
    software = software.double().eval()
    chip = wl.map_model(software, IDEAL)
    assert len(chip.layers) == mapped
    _named(chip, software)
    with torch.no_grad():
        wanted: Tensor = call(software)
        torch.testing.assert_close(call(chip), wanted, rtol=1e-7, atol=1e-7)
        assert (call(wl.map_model(software.float(), REAL)) - wanted).abs().max() > 1e-6
    return chip


@pytest.mark.parametrize(
    ("name", "options", "mapped"),
    [
        ("resnet10t", {"channels": (8, 8, 16, 16), "stem_width": 8}, 16),
        ("vit_tiny_patch16_224", {"img_size": 32, "depth": 2, "embed_dim": 12, "num_heads": 3}, 10),
        ("convnext_atto", {"depths": (1, 1, 1, 1), "dims": (4, 8, 8, 16)}, 17),
    ],
)
def test_timm(name: str, options: dict[str, Any], mapped: int) -> None:
    timm = pytest.importorskip("timm", exc_type=ImportError)
    with torch.random.fork_rng(devices=[]):
        software, x = (
            timm.create_model(name, num_classes=5, **options),
            torch.rand(2, 3, 32, 32, dtype=torch.float64),
        )
    _check(software, lambda m: m(x.to(next(m.parameters()).dtype)), mapped)


def test_bert() -> None:
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=24,
    )
    ids, mask = torch.arange(10).view(2, 5), torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])
    software = transformers.BertForMaskedLM(config)
    chip = _check(software, lambda m: m(ids, attention_mask=mask).logits, 2 * 6 + 2)
    assert "bert.embeddings.word_embeddings" in dict(chip.digital_layers)
    assert {"bert.encoder.layer.0.attention.self.query", "cls.predictions.decoder"} <= set(
        chip.layers
    )


def test_vit() -> None:
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    config = transformers.ViTConfig(
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=24,
        image_size=16,
        patch_size=4,
    )
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    software = transformers.ViTForImageClassification(config)
    chip = _check(software, lambda m: m(x.to(next(m.parameters()).dtype)).logits, 2 * 6 + 2)
    assert any("cls_token" in why for why in dict(chip.digital_layers).values())


def test_gpt2() -> None:
    """Linear layers with weights (inputs, outputs), the last of which shares the embedding's."""
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    config = transformers.GPT2Config(vocab_size=50, n_embd=12, n_layer=2, n_head=3, n_positions=16)
    ids = torch.arange(10).view(2, 5)
    software = transformers.GPT2LMHeadModel(config)
    chip = _check(software, lambda m: m(ids).logits, 2 * 4 + 1)
    rows = {row.name: row for row in chip.report().layers}
    row = rows["transformer.h.0.attn.c_attn"]
    assert (row.kind, row.inputs, row.outputs) == ("Conv1D", 12, 36)
    trainable = wl.map_model(software.train(), REAL, trainable=True)
    assert trainable.model.lm_head.weight is trainable.model.transformer.wte.weight
