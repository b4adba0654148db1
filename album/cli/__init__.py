"""The command line, one module per command.

Each module ``album.cli.NAME`` holds a click command called ``command`` and is imported only
when that command runs, so that ``album --help`` starts at once.
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
