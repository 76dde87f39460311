"""Machine code by numba and LLVM: blocks of matrices, and integer sums as a converter codes them.

- `compiler`: the decorator `kernel`, with a cache on disk that survives read-only installations;
- `simd`: emission of vector instructions, one lane for each independent problem;
- `algebra`: small matrices held in registers; `dense`, `dense_emission`: matrices in memory;
- `buffer_pool`, `threads`: aligned memory, and work shared between threads;
- `reads`: dot products of many vectors with the columns of arrays, each sum rounded by an ADC.
"""

from .compiler import kernel, processor_features

__all__ = ["kernel", "processor_features"]
