"""Which layers stay digital, and why: nothing with parameters is passed over in silence."""

from __future__ import annotations

from torch import nn

from .lowering import RULES

BY_DESIGN = "digital by design"
NORMALISATIONS = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.LocalResponseNorm,
    nn.PReLU,
)
TABLES = (nn.Embedding, nn.EmbeddingBag)


def reason_to_skip(layer: nn.Module) -> str | None:
    """Why a layer with parameters of its own stays digital; None for a mere container."""
    if isinstance(layer, NORMALISATIONS):
        return f"{BY_DESIGN}: {type(layer).__name__} scales and shifts single channels"
    if isinstance(layer, TABLES):
        return f"{BY_DESIGN}: {type(layer).__name__} looks up rows of its weights"
    if computes_on_its_own(layer):
        if layer._forward_hooks or layer._forward_pre_hooks:
            return f"{type(layer).__name__} has forward hooks, which may change what it computes"
        return f"{type(layer).__name__} multiplies by its weights itself, in a way of its own"
    own = [name for name, _ in layer.named_parameters(recurse=False)]
    if not own:
        return None
    return f"{type(layer).__name__} uses its parameters ({', '.join(own)}) in a way that is not a known product"


def computes_on_its_own(layer: nn.Module) -> bool:
    """True where the layer reads the weights of its parts instead of calling them: nothing inside may be replaced."""
    return isinstance(layer, (nn.RNNBase, nn.RNNCellBase, *RULES))
