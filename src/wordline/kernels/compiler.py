"""Numba's `njit` with a cache on disk wherever any folder can be written.

numba keeps compiled code below `NUMBA_CACHE_DIR`, beside the source, or in the home folder, and
gives up where none of the three can be written: containers with `--user`, service accounts,
modules of a cluster. Here a folder of the user's own below the temporary one comes fourth; without
that nothing is kept from one process to the next. A warning says so once, when something compiles.

Code is loaded from there without what numba needs to compile: its tables of functions, and scipy's
linear algebra, which take half a second to import and to fill.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import pickle
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from llvmlite import binding  # type: ignore[import-untyped]
from numba import config, njit
from numba.core import caching, codegen, event
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

from .compile_notice import CompileNotice


def kernel(
    *, error_model: Literal["python", "numpy"] = "python", fastmath: bool | set[str] = False
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function at its first call; it runs without the interpreter's lock (`njit`)."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher: Any = njit(nogil=True, error_model=error_model, fastmath=fastmath)(function)
        if dispatcher is not function:  # numba is switched off by NUMBA_DISABLE_JIT
            dispatcher._cache = _TolerantCache(function)
        return dispatcher

    return decorate


def processor_features() -> frozenset[str]:
    """List the instruction sets that numba compiles for.

    None where LLVM does not know the processor. Not the processor's own list, as `NUMBA_CPU_NAME`,
    `NUMBA_CPU_FEATURES` and `NUMBA_ENABLE_AVX` may ask for less.
    """
    asked = config.CPU_FEATURES  # type: ignore[attr-defined]
    features = codegen.get_host_cpu_features() if asked is None else asked
    return frozenset(word[1:] for word in features.split(",") if word.startswith("+"))


class _TolerantCache(caching.NullCache):
    """A cache of one function for which a missing, damaged or unwritable folder is no error."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._files: Any
        try:
            self._files = _FileCache(function)
        except (RuntimeError, OSError):  # no folder of numba's list, or of the user's own locators
            self._files = caching.NullCache()

    @property
    def cache_path(self) -> str | None:
        """The folder, if there is one."""
        return self._files.cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = self._files.load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError):  # another user's, or cut off by a crash
            found = None
        if found is None and self.cache_path is None:
            _warn_once(
                "no folder can be written, so that every process compiles anew, for seconds to "
                "minutes"
            )
        elif found is None and isinstance(self._files._impl.locator, _TemporaryFolderLocator):
            _warn_once(
                f"neither the package's folder nor home can be written; it stays in {_own_folder()}"
            )
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            try:
                self._files.save_overload(sig, data)
            except (EOFError, pickle.UnpicklingError):
                self._files.flush()
                self._files.save_overload(sig, data)
        except OSError as error:
            _warn_once(
                f"{self.cache_path} cannot be written ({error.strerror}), so that every process "
                "compiles anew"
            )

    def flush(self) -> None:
        self._files.flush()


class _HomeLocator(caching.UserWideCacheLocator):
    """The home folder of a user who has one; without one numba would make a folder `~`."""

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> Self | None:
        absolute = os.path.isabs(cls(py_func, py_file).get_cache_path())
        return super().from_function(py_func, py_file) if absolute else None


class _TemporaryFolderLocator(caching.InTreeCacheLocator):
    """A folder that nobody else can write, as loading compiled code runs it."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = str(_own_folder() / self.get_suitable_cache_subpath(py_file))

    def ensure_cache_path(self) -> None:
        """Make it, and refuse with an `OSError` what another user made or may write."""
        folder = _own_folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        foreign = hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022)
        if foreign or not stat.S_ISDIR(found.st_mode):
            raise PermissionError(
                errno.EACCES, "is another user's, or others may write it", str(folder)
            )
        super().ensure_cache_path()

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> Self | None:
        try:
            return super().from_function(py_func, py_file)
        except OSError:  # there is no temporary folder at all
            return None


class _CacheImpl(caching.CompileResultCacheImpl):
    _locator_classes: ClassVar[Any] = (
        caching.UserProvidedCacheLocator,
        caching.InTreeCacheLocator,
        _HomeLocator,
        _TemporaryFolderLocator,
    )


class _FileCache(caching.FunctionCache):
    """Code compiled from other sources, or for registers of another width, is other code."""

    _impl_class = _CacheImpl

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        width = os.environ.get("WORDLINE_VECTOR_BITS")
        return (*super()._index_key(sig, codegen), width, _sources())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load without refreshing the context, which a compilation does for itself.

        Of all that a refresh registers, compiled code calls the runtime of arrays alone (and hashes
        of strings, which no kernel has).
        """
        _register_runtime()
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


@functools.cache
def _register_runtime() -> None:
    """Tell LLVM where numba's memory management is."""
    for name, address in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


@functools.cache
def _sources() -> str:
    """Digest of all kernels: numba itself notices only changes of the file a kernel stands in."""
    package = Path(__file__).parents[1]
    folders = package / "kernels", package / "circuits"
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _own_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"wordline-{user}"


@functools.cache
def _warn_once(problem: str) -> None:
    """Warn once a process, as the result is cached."""
    advice = "set NUMBA_CACHE_DIR to a folder that can be written"
    warnings.warn(f"compiled code: {problem}; {advice}", stacklevel=2)


event.register("numba:compile", CompileNotice(_TolerantCache))
