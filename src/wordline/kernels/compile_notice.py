"""One line on standard error when machine code is compiled for longer than a second.

It goes to the logger `wordline`, so that Python prints it where nobody has set up logging, and
`logging.getLogger("wordline").setLevel("ERROR")` silences it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from numba.core.event import Event, Listener

DELAY = 1.0  # seconds


class CompileNotice(Listener):
    """A listener to numba's compiler that speaks once a process, of kernels with a `kind` of cache.

    The time runs from the start of the outermost kernel, which compiles all that it calls.
    """

    def __init__(self, kind: type, delay: float = DELAY) -> None:
        self._kind, self._delay = kind, delay
        self._outermost = threading.local()
        self._said, self._lock = False, threading.Lock()

    def on_start(self, event: Event) -> None:
        """Start the clock of this thread if it does not run and there is something left to say."""
        cache = event.data["dispatcher"]._cache
        if self._said or not isinstance(cache, self._kind) or self._compiled() is not None:
            return
        clock = threading.Timer(self._delay, self._say, [cache])
        clock.daemon = True
        self._outermost.kernel, self._outermost.clock = event.data, clock
        clock.start()

    def on_end(self, event: Event) -> None:
        """Stop the clock where the outermost kernel ends, compiled or not."""
        if self._compiled() is event.data:
            self._outermost.clock.cancel()
            self._outermost.kernel = None

    def _compiled(self) -> Any:
        return getattr(self._outermost, "kernel", None)

    def _say(self, cache: Any) -> None:
        with self._lock:
            said, self._said = self._said, True
        if not said:
            kept = f"; it is kept in {cache.cache_path}" if cache.cache_path else ""
            logging.getLogger("wordline").warning(
                "wordline: compiling for this processor, which takes seconds%s", kept
            )
