"""Shapes in signatures: `jaxtyping` names, checked by `beartype` while the tests run.

Axis names used throughout: `rows` = word lines = inputs, `cols` = bit lines = outputs, `n c h w` =
a batch of images, `classes` = logits, `*tiles` = any leading batch of arrays.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Siemens = Float[Tensor, "*tiles rows cols"]  # conductances of one array, or of a batch of arrays
Matrix = Float[Tensor, "rows cols"]
Images = Float[Tensor, "n ..."]
Labels = Int[Tensor, " n"]
Logits = Float[Tensor, "n classes"]
PerSample = Float[Tensor, " n"]
Mask = Bool[Tensor, " n"]

__all__ = ["Images", "Labels", "Logits", "Mask", "Matrix", "PerSample", "Siemens"]
