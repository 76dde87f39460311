"""Seeds of named streams of random numbers: one seed, many independent streams, nothing global."""

from __future__ import annotations

import hashlib


def stream_seed(*place: object) -> int:
    """Derive the 56-bit seed of the stream at a place, such as (chip seed, layer name).

    The first seven bytes, little-endian, of the SHA-256 of the parts joined by "/".

    >>> stream_seed(0, "conv1") == stream_seed("0/conv1")
    True
    >>> stream_seed(0, "conv1") == stream_seed(1, "conv1")
    False
    """
    text = "/".join(map(str, place))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "little")


def batch_seed(seed: int, start: int) -> int:
    """Derive the seed of the batch that begins at image `start`, or of epoch `start` of a training.

    >>> batch_seed(2, 50)
    2000056
    """
    return 1_000_003 * seed + start
