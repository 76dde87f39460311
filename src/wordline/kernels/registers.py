"""The vector registers that compiled code is written for: how wide, and how many.

512 bits and 32 registers where the processor has AVX-512; 256 and 16 with AVX; else 128, of which
ARM's NEON has 32 and x86 has 16. `WORDLINE_VECTOR_BITS` = 128, 256 or 512 forces a width, so that
every path can be tested on every machine: LLVM splits vectors that are too wide for the processor.
`NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` take instructions away, as everywhere in numba.
"""

from __future__ import annotations

import os
import platform

from .compiler import processor_features

WIDTHS = (128, 256, 512)
_VARIABLE = "WORDLINE_VECTOR_BITS"


def vector_bits() -> int:
    """Read the width from the environment, or take the widest that the processor has.

    - raises `ValueError` for a width that is not 128, 256 or 512.
    """
    forced = os.environ.get(_VARIABLE)
    if forced is None:
        features = processor_features()
        return 512 if "avx512f" in features else 256 if "avx" in features else 128
    if forced not in map(str, WIDTHS):
        raise ValueError(
            f"`{_VARIABLE}` must be one of {WIDTHS}, got {forced!r}; unset it to choose"
        )
    return int(forced)


def register_count(bits: int) -> int:
    """Count the registers of a width: 32 with AVX-512 and on ARM, else 16."""
    return 32 if bits == 512 or platform.machine().lower() in ("arm64", "aarch64") else 16


VECTOR_BYTES = vector_bits() // 8
REGISTERS = register_count(8 * VECTOR_BYTES)
