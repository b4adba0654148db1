"""``python -m nets.convert [--packages DIR] [NAME…]``: build the ONNX files again."""

import argparse
import logging
from pathlib import Path

from nets.convert.manifest import WEIGHTS, convert
from nets.convert.recipes import recipes

log = logging.getLogger("nets.convert")


def main(arguments: list[str] | None = None) -> None:
    """Convert the nets that were named, or all of them."""
    known = recipes()
    parser = argparse.ArgumentParser(prog="python -m nets.convert", description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("packages"), metavar="DIR")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(known):
        parser.error(f"there is no net {', '.join(sorted(unknown))}")
    for name in options.names or known:
        sha256 = convert(name, known[name], packages=options.packages, weights=options.weights)
        log.info("%s  %s.onnx", sha256, name)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
