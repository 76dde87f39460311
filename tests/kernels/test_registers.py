"""Which registers compiled code is written for, and that every width can be asked for."""

import os
import subprocess
import sys

import pytest

from wordline.kernels import registers


@pytest.mark.parametrize(
    ("features", "bits"),
    [({"avx512f", "avx", "sse2"}, 512), ({"avx", "sse2"}, 256), ({"neon"}, 128), (set(), 128)],
)
def test_the_widest_registers_of_the_processor(monkeypatch, features, bits):
    monkeypatch.delenv("WORDLINE_VECTOR_BITS", raising=False)
    monkeypatch.setattr(registers, "processor_features", lambda: frozenset(features))
    assert registers.vector_bits() == bits


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_a_width_can_be_forced(monkeypatch, bits):
    monkeypatch.setenv("WORDLINE_VECTOR_BITS", str(bits))
    assert registers.vector_bits() == bits


@pytest.mark.parametrize("asked", ["", "64", "wide"])
def test_other_widths_are_refused(monkeypatch, asked):
    monkeypatch.setenv("WORDLINE_VECTOR_BITS", asked)
    with pytest.raises(ValueError, match="`WORDLINE_VECTOR_BITS` must be one of"):
        registers.vector_bits()


@pytest.mark.parametrize(
    ("machine", "bits", "count"),
    [("x86_64", 512, 32), ("x86_64", 256, 16), ("AMD64", 128, 16), ("aarch64", 128, 32)],
)
def test_registers_are_counted(monkeypatch, machine, bits, count):
    monkeypatch.setattr(registers.platform, "machine", lambda: machine)
    assert registers.register_count(bits) == count


def test_the_width_is_read_when_the_package_is_imported():
    code = "from wordline.kernels.registers import *; print(VECTOR_BYTES, REGISTERS)"
    environment = os.environ | {"WORDLINE_VECTOR_BITS": "512"}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout.split() == ["64", "32"]
