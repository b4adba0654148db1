"""What every command sends, looks up and writes elsewhere: `python benchmarks/network.py`.

Runs the commands of `tests/network/commands.py` in the sandbox of `tests/network/sandbox.py`, as
root on Linux, and writes benchmarks/network.md. Photos with real faces are taken from $ALBUM_DATA
where that is set.
"""

import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from nets.runtime.ort import onnxruntime  # noqa: E402
from tests.network.commands import Step, controls, make_inputs, steps  # noqa: E402
from tests.network.watched import Seen, strays, watched, why_not  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
HEAD = """# What is sent

`python benchmarks/network.py`, {system}, Python {python}, ONNX Runtime {runtime}.

Each command ran once in a network namespace whose only way out leads to an interface at which every
packet is recorded, with a resolver that records every name, and with a layer over every folder of
the system that shows each file written. Packets are those that left the machine; loopback is not
counted. Files are those outside the library, the output, the program's cache and data folders; the
temporary folder has to be empty afterwards. What each command prints and writes for its user is
checked by other tests. `pytest -m network` checks all of this in CI.

Not counted is what the Linux kernel sends by itself over IPv6 (multicast listener reports, router
solicitations). `album train` stops here, since TensorFlow is not part of the installation.

| command | exit code | packets | names looked up | files elsewhere |
| --- | --- | --- | --- | --- |
"""
CONTROLS = """
The same for what has to be noticed (and for a socket that is given an address and sends nothing):

| control | exit code | packets | names looked up | files |
| --- | --- | --- | --- | --- |
"""


def counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{what} ({count})" for what, count in sorted(found.items())) or "0"


def row(title: str, done: Seen, files: list[str]) -> str:
    cells = (str(done.code), counted(done.packets), counted(done.names), ", ".join(files) or "0")
    return f"| {title} | {' | '.join(cells)} |\n"


def main() -> None:
    if why_not():
        sys.exit(why_not())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_inputs(folder)
        plan: list[Step] = list(steps(folder))
        report = watched(folder, plan)
        facts = (platform.system(), platform.python_version(), onnxruntime.__version__)
        text = HEAD.format(**dict(zip(("system", "python", "runtime"), facts, strict=True)))
        for step, done in zip(plan, report.seen, strict=True):
            text += row(f"`{step.title}`", done, strays(step, done, folder))
        made = controls(folder)
        text += CONTROLS
        for name, done in zip(made, watched(folder, list(made.values())).seen, strict=True):
            text += row(name, done, [path.replace(str(folder), "…") for path in done.files])
    if report.not_watched:
        text += f"\nFiles could not be watched in {', '.join(report.not_watched)}.\n"
    REPORT.write_text(text)


if __name__ == "__main__":
    main()
