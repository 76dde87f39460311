"""The merge of two blocks and its adjoint, in torch: the reference for the compiled one.

Two neighbouring blocks merge by the Redheffer star product of their hybrid matrices (Redheffer
1960), which is the Schur complement on the ports they share; recursive merging of this kind solves
boundary value problems in Martinsson (2013). With i the currents and v the voltages at the shared
ports, p the exterior port values and X their couplings to the shared ports,

    i = Y v + X_down^T p_down,    v = X_up^T p_up - Z i,    K = (1 + Y Z)^-1,

so that both are linear forms F^T in the exterior port values,

    F_up = X_up (K Y, K),    F_down = X_down (K^T, -Z K),    (i, v) = F^T (p_up, p_down),

and what a block answers is what it did without its neighbour, and what i or v add at its ports:

    H = [[H_up,up, 0], [0, H_down,down]] + (X_up i; X_down v)

K exists: for Y and Z positive semidefinite all eigenvalues of Y Z are real and not negative.

A block's matrix comes with its exterior ports first and its `width` shared ports last. All tensors
have one dimension in front, for as many pairs of blocks as there are.
"""

from __future__ import annotations

import torch
from torch import Tensor


def merge(upstream: Tensor, downstream: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Merge the hybrid matrices of two blocks into that of their union.

    Returned with it: F, the interface as forms in the exterior ports, `(merges, ports, 2 width)`.
    """
    x_up, x_down = upstream[:, :-width, -width:], downstream[:, :-width, -width:]
    minus_z, y = upstream[:, -width:, -width:], downstream[:, -width:, -width:]
    eye = torch.eye(width, dtype=y.dtype, device=y.device)
    k = _inverse(torch.baddbmm(eye, y, minus_z, alpha=-1))
    f_up = x_up @ torch.cat([k @ y, k], -1)
    f_down = x_down @ torch.cat([k.mT, minus_z @ k], -1)
    forms = torch.cat([f_up, f_down], -2)
    i, v = forms.mT.split(width, -2)
    h = torch.cat([x_up @ i, x_down @ v], -2)
    split = x_up.shape[-2]
    h[:, :split, :split].add_(upstream[:, :-width, :-width])
    h[:, split:, split:].add_(downstream[:, :-width, :-width])
    return (h + h.mT) / 2, forms


def merge_adjoint(bar: Tensor, forms: Tensor, split: int) -> tuple[Tensor, Tensor]:
    """Carry dL/dH of a merged block to its upstream and its downstream child.

    A congruence: bar_child = (1; f) bar (1; f)^T, with f = i or v the child's shared port values as
    driven by the ports of the merged block. `split`: exterior ports of the upstream block.
    """
    i, v = forms.chunk(2, -1)
    i_bar, v_bar = (forms.mT @ bar).chunk(2, -2)
    up = _bordered(bar[:, :split, :split], i_bar[..., :split], i_bar @ i)
    return up, _bordered(bar[:, split:, split:], v_bar[..., split:], v_bar @ v)


def _bordered(corner: Tensor, border: Tensor, inner: Tensor) -> Tensor:
    return torch.cat([torch.cat([corner, border.mT], -1), torch.cat([border, inner], -1)], -2)


def _inverse(a: Tensor) -> Tensor:
    """Invert without waiting to hear whether it was possible."""
    return a.reciprocal() if a.shape[-1] == 1 else torch.linalg.inv_ex(a)[0]
