"""Cutting a matrix into arrays of a fixed size, and putting it together again."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def split(matrix: Tensor, tile: tuple[int, int], *, fill: float) -> Tensor:
    """`(..., K, C)` -> `(..., row_tiles, col_tiles, rows, cols)`; the last tiles are padded with `fill`.

    >>> import torch
    >>> split(torch.ones(3, 5), (2, 4), fill=0.0).shape
    torch.Size([2, 2, 2, 4])
    """
    k, c = matrix.shape[-2:]
    rows, cols = tile
    row_tiles, col_tiles = tile_counts((k, c), tile)
    padded = functional.pad(matrix, (0, col_tiles * cols - c, 0, row_tiles * rows - k), value=fill)
    return padded.unflatten(-1, (col_tiles, cols)).unflatten(-3, (row_tiles, rows)).transpose(-3, -2).contiguous()


def join(tiles: Tensor, shape: tuple[int, int]) -> Tensor:
    """The inverse of `split`: drops the padding and returns `(..., *shape)`.

    >>> import torch
    >>> m = torch.arange(15.0).view(3, 5)
    >>> torch.equal(join(split(m, (2, 4), fill=0.0), (3, 5)), m)
    True
    """
    whole = tiles.transpose(-3, -2).flatten(-2).flatten(-3, -2)
    return whole[..., : shape[0], : shape[1]].contiguous()


def tile_counts(shape: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """How many tiles a matrix needs down and across."""
    return -(-shape[0] // tile[0]), -(-shape[1] // tile[1])
