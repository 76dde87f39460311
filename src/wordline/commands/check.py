"""`check`: does this machine compute what it should?"""

from __future__ import annotations

from ..runs.selfcheck import render_checks, selfcheck


def check(json: bool = False) -> None:
    """Compare the solver, the gradients and the attacks with independent answers, on this machine."""
    results = selfcheck()
    print("\n".join(r.to_json() for r in results) if json else render_checks(results))
    if not all(r.passed for r in results):
        raise SystemExit(1)
