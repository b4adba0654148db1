"""Start `tests.network.sandbox` in namespaces of its own, and read what it reports."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.network.commands import Step

ROOT = Path(__file__).parents[2]
UNSHARE = ("unshare", "--net", "--mount", "--propagation", "private")
OWN = ("cache", "config", "data", "state")
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""Variables that the commands get from here; nothing else may make them behave better."""


@dataclass(frozen=True)
class Seen:
    """What a command did.

    Attributes
    ----------
    code : int or None
        Exit code; None where it did not end.
    output : str
    packets : mapping of str to int
        Those that left for somewhere else, by what they are, and how many.
    names : mapping of str to int
        Names that were looked up.
    files : tuple of str
        Paths that are other than before.
    pages : mapping of str to int
        Status of what was asked of its server.
    """

    code: int | None
    output: str
    packets: Mapping[str, int]
    names: Mapping[str, int]
    files: tuple[str, ...]
    pages: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """What all commands did, and the folders of the system in which changes can't be seen here."""

    seen: list[Seen]
    not_watched: list[str]


@functools.cache
def why_not() -> str:
    """Return why nothing can be watched here; empty where it can."""
    if sys.platform != "linux" or os.getuid() != 0:
        return "watching the network takes root on Linux"
    missing = [tool for tool in ("unshare", "ip", "mount") if shutil.which(tool) is None]
    if missing:
        return f"watching the network takes {' and '.join(missing)}"
    probe = "ip link set lo up && ip link add ext0 type veth peer name ext1"
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", probe], capture_output=True, text=True, check=False
    )
    return f"a network can't be made here ({done.stderr.strip()})" if done.returncode else ""


def watched(folder: Path, steps: Sequence[Step]) -> Report:
    """Run commands in the sandbox, one after the other.

    Parameters
    ----------
    folder : Path
        With what the commands work on. What they write is gone afterwards.
    steps : sequence of Step
    """
    for name in ("home", "tmp", "library", "out", "layers", *OWN):
        (folder / name).mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        **{f"XDG_{one.upper()}_HOME": str(folder / one) for one in OWN},
        "ALBUM_LIBRARY": str(folder / "library" / "album.db"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    plan = {
        "folder": str(folder),
        "layers": str(folder / "layers"),
        "environment": environment,
        "steps": [_as_json(step) for step in steps],
    }
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.network.sandbox"],
        cwd=ROOT, input=json.dumps(plan), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    report = json.loads(done.stdout)
    seen = [Seen(**one | {"files": tuple(one["files"])}) for one in report["steps"]]
    return Report(seen, report["not_watched"])


def _as_json(step: Step) -> dict[str, object]:
    return {
        "words": step.words,
        "pages": step.pages,
        "beside": step.beside,
        "environment": dict(step.environment),
    } | ({"until": step.until} if step.until else {})


def strays(step: Step, seen: Seen, folder: Path) -> list[str]:
    """Return what was written where the command should write nothing."""
    places = ("library", "cache/album-people", "data/album-people", *step.writes)
    allowed = [str(folder / place) for place in places]
    return [
        path
        for path in seen.files
        if path not in (str(folder / "cache"), str(folder / "data"))
        and not any(path == one or path.startswith(f"{one}/") for one in allowed)
    ]
