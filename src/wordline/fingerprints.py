"""Fingerprints of tensors: SHA-256 over names, types, shapes and bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

DIGITS = 16  # hexadecimal digits of a fingerprint that people read: 64 bits


def checksum(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Hash named tensors, in the order of their names; 64 hexadecimal digits.

    >>> one, same = torch.ones(2), torch.ones(4)[::2]
    >>> checksum([("w", one)]) == checksum([("w", same)])
    True
    >>> checksum([("w", one)]) == checksum([("v", one)])
    False
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().view(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def fingerprint(model: nn.Module) -> str:
    """Hash every parameter and buffer of a network; 16 hexadecimal digits.

    >>> fingerprint(nn.Identity())
    'e3b0c44298fc1c14'
    """
    return checksum([*model.named_parameters(), *model.named_buffers()])[:DIGITS]
