"""The command line: the functions of `commands` by name; bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import sys

COMMANDS = ("quickstart", "train", "show", "map", "evaluate", "check")


def main() -> None:
    """Run one command."""
    import tyro

    from . import commands

    table = {name: getattr(commands, "map_" if name == "map" else name) for name in COMMANDS}
    try:
        tyro.extras.subcommand_cli_from_dict(
            table, prog="wordline", description="Trained networks on memristive crossbars: accuracy and robustness.",
        )  # fmt: skip
    except (ValueError, TypeError, ImportError, OSError) as error:
        print(f"wordline: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("wordline: interrupted; finished cells and epochs are kept, the same command goes on", file=sys.stderr)
        raise SystemExit(130) from None
