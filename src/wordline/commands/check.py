"""The command `check`: a self-check of this machine."""

from __future__ import annotations


def check(json: bool = False) -> None:
    """Check solver, gradients and attacks on this machine.

    Each is compared with an independent answer.
    """
    from ..records import render_checks
    from ..runs import selfcheck

    results = selfcheck()
    print("\n".join(r.to_json() for r in results) if json else render_checks(results))
    if not all(r.passed for r in results):
        raise SystemExit(1)
