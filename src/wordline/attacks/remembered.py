"""A model that is asked for each image once, by searches that come back to the same images."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from ..typing import Images, Logits
from .objective import Model

NUMBERS: Final = 2**24  # pixels and logits that are kept at once: 64 MB


@final
class Remembered:
    """The logits of a deterministic model; an image that was asked for before is not computed.

    Images (float32, all of one shape) are looked up by a hash and then compared bit by bit, so no
    image is taken for another. When `numbers` are kept, everything is forgotten and learnt again.

    >>> asked = []
    >>> def model(images):
    ...     asked.append(len(images))
    ...     return images.flatten(1)
    >>> once = Remembered(model)
    >>> first, again = once(torch.eye(2)), once(1 - torch.eye(2)[:1])
    >>> first.tolist(), again.tolist(), asked
    ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0]], [2])
    """

    def __init__(self, model: Model, numbers: int = NUMBERS) -> None:
        self._model, self._numbers = model, numbers
        self._places: dict[int, int] = {}  # of a hash: the row of the two tables
        self._bits, self._logits, self._used = torch.empty(0, 0), torch.empty(0, 0), 0

    def __call__(self, images: Images) -> Logits:
        bits = images.detach().flatten(1).contiguous().view(torch.int32)
        keys = _hashes(bits)
        places = torch.tensor([self._places.get(key, 0) for key in keys], device=bits.device)
        fresh = torch.ones(len(keys), dtype=torch.bool, device=bits.device)
        if self._used:
            fresh = (self._bits[places] != bits).any(1)
        if not fresh.any():
            return self._logits[places]
        answers = self._model(images[fresh])
        logits = answers.new_empty(len(images), answers.shape[1])
        logits[fresh] = answers
        if not fresh.all():
            logits[~fresh] = self._logits[places[~fresh]]
        self._learn([keys[row] for row in fresh.nonzero()[:, 0].tolist()], bits[fresh], answers)
        return logits

    def _learn(self, keys: list[int], bits: Tensor, logits: Tensor) -> None:
        end = self._used + len(keys)
        if end > len(self._bits):  # no room: start again
            rows = max(self._numbers // (bits.shape[1] + logits.shape[1]), len(keys))
            self._bits, self._logits = (x.new_empty(rows, x.shape[1]) for x in (bits, logits))
            self._places, self._used, end = {}, 0, len(keys)
        rows_used = range(self._used, end)
        self._bits[self._used : end], self._logits[self._used : end] = bits, logits
        self._places.update(zip(keys, rows_used, strict=True))
        self._used = end


def _hashes(bits: Tensor) -> list[int]:
    """Hash each row: its sum modulo 2^64 with fixed, random, odd weights."""
    generator = torch.Generator().manual_seed(0)
    weights = 2 * torch.randint(-(2**62), 2**62, bits.shape[1:], generator=generator) + 1
    found: list[int] = (bits * weights.to(bits.device)).sum(1).tolist()
    return found
