"""Dot products of many input vectors with array columns, each sum rounded by an ADC.

    total = sum over reads r, slices k and row tiles t of
            significance_r c_k limit code(share_rt @ W_kt / limit)

Plain torch writes every partial product to memory several times; these kernels convert a sum before
it leaves the registers, on processors of every kind.
"""

from .adc_kernel import InputVectors, available, convert, subtract_saturated
from .packing import BitPlanes, PackedColumns, Quantiser, Reach, pack_columns

__all__ = [
    "BitPlanes",
    "InputVectors",
    "PackedColumns",
    "Quantiser",
    "Reach",
    "available",
    "convert",
    "pack_columns",
    "subtract_saturated",
]
