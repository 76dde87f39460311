"""Tiling: a matrix cut into arrays of a fixed size, and put together again."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def split(matrix: Tensor, tile: tuple[int, int], *, fill: float) -> Tensor:
    """Cut `(..., K, C)` into `(..., row_tiles, col_tiles, rows, cols)`; pad with `fill`.

    >>> import torch
    >>> split(torch.ones(3, 5), (2, 4), fill=0.0).shape
    torch.Size([2, 2, 2, 4])
    """
    k, c = matrix.shape[-2:]
    rows, cols = tile
    row_tiles, col_tiles = tile_counts((k, c), tile)
    padding = (0, col_tiles * cols - c, 0, row_tiles * rows - k)
    padded = functional.pad(matrix, padding, value=fill)
    tiles = padded.unflatten(-1, (col_tiles, cols)).unflatten(-3, (row_tiles, rows))
    return tiles.transpose(-3, -2).contiguous()


def join(tiles: Tensor, shape: tuple[int, int]) -> Tensor:
    """Apply the inverse of `split`: drop the padding and return `(..., *shape)`.

    >>> import torch
    >>> m = torch.arange(15.0).view(3, 5)
    >>> torch.equal(join(split(m, (2, 4), fill=0.0), (3, 5)), m)
    True
    """
    padded = tiles.transpose(-3, -2).flatten(-2).flatten(-3, -2)
    return padded[..., : shape[0], : shape[1]].contiguous()


def tile_counts(shape: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """Return the numbers of tiles that a matrix needs down and across."""
    return -(-shape[0] // tile[0]), -(-shape[1] // tile[1])
