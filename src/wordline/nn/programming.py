"""Matrices programmed onto crossbars, one sample for each stream of random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..mapping import Crossbar, ProgrammedMatrix, program_many
from .layers.matrix_view import MatrixView

# (layer name, its matrix, its crossbar, streams) -> one state for each stream
Program = Callable[[str, MatrixView, Crossbar, Sequence[int]], Sequence[ProgrammedMatrix]]


def program_on(
    matrix: Tensor, crossbar: Crossbar, streams: Sequence[int]
) -> tuple[ProgrammedMatrix, ...]:
    """Program matrices `(groups, K, C)` once for each stream of random numbers."""
    generators = [torch.Generator().manual_seed(stream) for stream in streams]
    return program_many(matrix, crossbar, generators)


def program_view(
    name: str, view: MatrixView, crossbar: Crossbar, streams: Sequence[int]
) -> tuple[ProgrammedMatrix, ...]:
    """Program the matrix of a layer, without a derivative by its weight."""
    with torch.no_grad():
        return program_on(view.product.to_matrix(view.weight), crossbar, streams)
