"""The command line: one module per command, with its options, its tables and its sentences.

Only this package and `album.web` name commands or options; everything below raises typed errors. No
command computes anything itself: it parses, calls one function of `album`, and prints.
"""

import sys
from collections.abc import Sequence

STOPPED = "Stopped. What was finished is kept; run the same command to go on."


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit; see `album.cli.app.main`."""
    try:
        # Inside the `try`, because Ctrl-C may come while the program is still being loaded.
        from album.cli.app import main as run

        run(args)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{STOPPED}\n")
        sys.exit(130)
