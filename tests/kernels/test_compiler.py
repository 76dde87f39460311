"""Compiled code: where it is kept, and what is said where it cannot be."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
from numba import config

from wordline.kernels import compiler

SOURCE = Path(__file__).parents[2] / "src"


def add(x, y):
    return x + y


@pytest.fixture(autouse=True)
def _nothing_said_yet():
    compiler._warn_once.cache_clear()
    yield
    compiler._warn_once.cache_clear()


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """No folder of numba's own can be written by anybody: each would lie below a file."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "file" / "cache"))
    there = (compiler.caching.UserProvidedCacheLocator, compiler._TemporaryFolderLocator)
    monkeypatch.setattr(compiler._CacheImpl, "_locator_classes", there)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_temporary_folder_comes_after_numbas_own_and_is_the_users_alone(unwritable) -> None:
    folder = unwritable / f"wordline-{os.getuid()}"
    with pytest.warns(UserWarning, match=f"stays in {folder}; set NUMBA_CACHE_DIR") as said:
        assert (compiler.kernel()(add)(1, 2), compiler.kernel()(add)(1.0, 2.0)) == (3, 3.0)
    assert len(said) == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.rglob("*.nbc"))) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiler.kernel()(add)(1, 2) == 3  # from there, without a word


@pytest.mark.parametrize("trap", ["open to others", "a link", "a file", "no temporary folder"])
def test_a_folder_that_others_could_write_is_not_trusted(
    unwritable, monkeypatch, trap: str
) -> None:
    folder = unwritable / f"wordline-{os.getuid()}"
    if trap == "open to others":
        folder.mkdir()
        folder.chmod(0o777)
    elif trap == "a link":
        (unwritable / "elsewhere").mkdir()
        folder.symlink_to(unwritable / "elsewhere")
    elif trap == "a file":
        folder.touch()
    else:
        monkeypatch.setattr(
            tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("none"))
        )
    compiled = compiler.kernel()(add)
    with pytest.warns(
        UserWarning, match="no folder can be written, so that every process compiles anew"
    ) as said:
        assert (compiled(1, 2), compiled(1.0, 2.0)) == (3, 3.0)
    assert len(said) == 1
    assert compiled._cache.cache_path is None
    assert not list(unwritable.rglob("*.nb?"))


def test_a_full_disk_and_damaged_files_compile_anew(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    assert compiler.kernel()(add)(1, 2) == 3
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(index.read_bytes()[:1])  # cut off
    assert compiler.kernel()(add)(1, 2) == 3
    for data in tmp_path.rglob("*.nbc"):
        data.write_bytes(b"")
    assert compiler.kernel()(add)(1, 2) == 3

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compiler._FileCache, "save_overload", full)
    with pytest.warns(UserWarning, match=r"cannot be written \(No space left on device\)"):
        assert compiler.kernel()(add)(1.5, 2) == 3.5
    compiled = compiler.kernel()(add)
    compiled._cache.flush()
    assert all(pickle.loads(index.read_bytes()) for index in tmp_path.rglob("*.nbi"))


def test_a_home_that_does_not_exist_is_no_folder_here(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "~")  # what Python makes of no HOME and no entry for the user
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert compiler._HomeLocator.from_function(add, __file__) is None
    assert list(tmp_path.iterdir()) == []


def test_features_are_those_that_numba_compiles_for(monkeypatch) -> None:
    monkeypatch.setattr(config, "CPU_FEATURES", "+avx2,-avx512f,+fma")
    assert compiler.processor_features() == {"avx2", "fma"}
    monkeypatch.setattr(config, "CPU_FEATURES", "")
    assert compiler.processor_features() == frozenset()
    monkeypatch.setattr(config, "CPU_FEATURES", None)

    def unknown():
        raise RuntimeError("LLVM does not know this processor")

    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", unknown)
    assert compiler.processor_features() == frozenset()


def test_cached_code_loads_without_what_only_compiling_needs(tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "import numpy as np\n"
        "from wordline.kernels import kernel\n"
        "@kernel()\n"
        "def negated(x):\n"
        "    if x.ndim != 1:\n"
        "        raise ValueError('one dimension')\n"
        "    y = np.empty(x.size)\n"
        "    for i in range(x.size):\n"
        "        y[i] = -abs(x[i]) ** 0.5\n"
        "    return y, 'text', x.size\n"
        "print(negated(np.array([4.0, 9.0])), 'numba.np.npyimpl' in sys.modules)\n"
        "@kernel()\n"
        "def twice(x):\n"
        "    return negated(x)[0] * 2\n"
        "if sys.argv[1:]:\n"
        "    print(twice(np.array([4.0])))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NUMBA_CACHE_DIR": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [sys.executable, str(program), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run() == "(array([-2., -3.]), 'text', 2) True\n"
    assert run() == "(array([-2., -3.]), 'text', 2) False\n"
    assert run("and compile another") == "(array([-2., -3.]), 'text', 2) False\n[-4.]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "there",
    [{"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_NAME": "k7000", "NUMBA_CPU_FEATURES": ""}],
    ids=str,
)
def test_a_processor_that_llvm_does_not_know_computes_the_same(there, tmp_path) -> None:
    code = (
        "import torch, wordline as wl\n"
        "w = wl.effective_conductance(torch.full((1, 1, 1), 1e-3, dtype=torch.float64), "
        "wl.Wires(driver_ohm=500, sense_ohm=1500))\n"
        "print(w.item())"
    )
    environment = {
        **os.environ,
        **there,
        "PYTHONPATH": str(SOURCE),
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert float(run.stdout) == pytest.approx(1 / 3000, rel=1e-12)  # 1 / (500 + 1000 + 1500)
