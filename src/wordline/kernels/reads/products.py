"""Multiply-adds of whole numbers, several rows at once in each 32-bit lane, and exact.

A word of 32 bits holds digits of one input vector, or devices of one column: of four rows in bytes,
or of two rows in 16 bits. A processor multiplies and adds them in one or two instructions; where it
has none, LLVM makes the same sums of plain multiplications. Vectors wider than its registers are
cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped]

Features = Collection[str]
# (builder, features, total, devices, digits) -> total + devices * digits, all in words
Product = Callable[[Any, Features, Any, Any, Any], Any]


class _Instruction(NamedTuple):
    """One instruction on registers of `bits`; elements of so many bits in, and out."""

    name: str
    bits: int
    needs: frozenset[str]
    inputs: tuple[int, ...]
    output: int


def _variants(inputs: tuple[int, ...], output: int, **names: str) -> list[_Instruction]:
    """List the widths of an instruction, the widest first: bits -> "name feature feature"."""
    out = []
    for bits, text in names.items():
        name, *needs = text.split()
        out.append(_Instruction(f"llvm.{name}", int(bits[1:]), frozenset(needs), inputs, output))
    return out


def _vnni(operation: str) -> list[_Instruction]:
    name, words = f"x86.avx512.{operation}", (32, 32, 32)
    wide = _variants(words, 32, b512=f"{name}.512 avx512vnni", b256=f"{name}.256 avxvnni")
    wide += _variants(words, 32, b256=f"{name}.256 avx512vnni avx512vl")
    wide += _variants(words, 32, b128=f"{name}.128 avxvnni")
    return wide + _variants(words, 32, b128=f"{name}.128 avx512vnni avx512vl")


# total + four products of an unsigned byte and a byte below 128
_FOURS = [
    *_vnni("vpdpbusd"),
    *_variants((32, 8, 8), 32, b128="aarch64.neon.udot.v4i32.v16i8 dotprod"),
]
# total + two products of signed 16 bits
_TWOS_ADDED = _vnni("vpdpwssd")
# two products of signed 16 bits
_TWOS = _variants(
    (16, 16), 32, b512="x86.avx512.pmaddw.d.512 avx512bw", b256="x86.avx2.pmadd.wd avx2",
    b128="x86.sse2.pmadd.wd sse2",
)  # fmt: skip
# two products of an unsigned and a signed byte in 16 bits, which must hold them
_NARROW = _variants(
    (8, 8), 16, b512="x86.avx512.pmaddubs.w.512 avx512bw", b256="x86.avx2.pmadd.ub.sw avx2",
    b128="x86.ssse3.pmadd.ub.sw.128 ssse3",
)  # fmt: skip


def has_fours(features: Features) -> bool:
    """Tell whether the processor multiplies four bytes by four and adds them up in 32 bits."""
    return any(known.needs <= set(features) for known in _FOURS)


def has_narrow(features: Features) -> bool:
    """Tell whether the processor multiplies two bytes by two and adds them up in 16 bits."""
    return any(known.needs <= set(features) for known in _NARROW)


def add_fours(builder: Any, features: Features, total: Any, devices: Any, digits: Any) -> Any:
    """Add four products of bytes to each word: devices up to 255, digits up to 127."""
    found = _call(builder, features, _FOURS, total, devices, digits)
    if found is None:
        found = total
        for n in range(4):
            w, u = (_field(builder, word, 8, n, signed=False) for word in (devices, digits))
            found = builder.add(found, builder.mul(w, u))
    return found


def add_narrow(builder: Any, features: Features, total: Any, devices: Any, digits: Any) -> Any:
    """Add products of bytes, rows 0 and 1 in the low half of each word and 2 and 3 in the high.

    Either half holds 16 bits with a sign, which no sum may exceed.
    """
    products = _call(builder, features, _NARROW, devices, digits)
    halves = products.type
    added = builder.add(builder.bitcast(total, halves), products)
    return builder.bitcast(added, total.type)


def add_twos(builder: Any, features: Features, total: Any, devices: Any, digits: Any) -> Any:
    """Add two products of 16 bits with a sign to each word."""
    found = _call(builder, features, _TWOS_ADDED, total, devices, digits)
    if found is None:
        found = builder.add(total, multiply_twos(builder, features, devices, digits))
    return found


def multiply_twos(builder: Any, features: Features, a: Any, b: Any) -> Any:
    """Add up the two products of 16 bits with a sign in each word."""
    found = _call(builder, features, _TWOS, a, b)
    if found is None:
        of = [[_field(builder, word, 16, n, signed=True) for word in (a, b)] for n in (0, 1)]
        found = builder.add(*(builder.mul(*pair) for pair in of))
    return found


def _call(builder: Any, features: Features, variants: list[_Instruction], *words: Any) -> Any:
    """Emit the widest form that the processor has, piece by piece; None without any."""
    bits = 32 * words[0].type.count
    for form in variants:
        if form.bits > bits or not form.needs <= set(features):
            continue
        lanes = form.bits // 32
        kinds = [ir.VectorType(ir.IntType(n), form.bits // n) for n in form.inputs]
        result = ir.VectorType(ir.IntType(form.output), form.bits // form.output)
        function = builder.module.globals.get(form.name) or ir.Function(
            builder.module, ir.FunctionType(result, kinds), form.name
        )
        pieces = []
        for first in range(0, words[0].type.count, lanes):
            parts = [_part(builder, word, first, lanes) for word in words]
            given = [builder.bitcast(x, kind) for x, kind in zip(parts, kinds, strict=True)]
            pieces.append(builder.call(function, given))
        while len(pieces) > 1:
            pairs = zip(pieces[::2], pieces[1::2], strict=True)
            pieces = [_shuffle(builder, a, b, range(2 * a.type.count)) for a, b in pairs]
        return pieces[0]
    return None


def _part(builder: Any, vector: Any, first: int, lanes: int) -> Any:
    if vector.type.count == lanes:
        return vector
    return _shuffle(builder, vector, vector, range(first, first + lanes))


def _shuffle(builder: Any, a: Any, b: Any, order: Collection[int]) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order))
    return builder.shuffle_vector(a, b, mask)


def _field(builder: Any, words: Any, bits: int, n: int, *, signed: bool) -> Any:
    """Extract bits n * bits ... of every word as a whole number of 32 bits."""
    shifts = 32 - bits * (n + 1), 32 - bits
    up, down = (ir.Constant(words.type, [by] * words.type.count) for by in shifts)
    left = builder.shl(words, up)
    return builder.ashr(left, down) if signed else builder.lshr(left, down)
