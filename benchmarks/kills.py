"""A hundred commands killed (SIGKILL) at random moments, and all looked at after each.

    ALBUM_DATA=... python benchmarks/kills.py [--kills 100] [--seed 1] [--real 24]

Needs the extra `test`; `--real` of the kills are of an album of photos of $ALBUM_DATA/lfw_dev and
$ALBUM_DATA/album_g20 with the default nets, the others of a drawn album with the fake engine.
Writes benchmarks/kills.md.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from tests.album.killing import COMMANDS, Album, Killed, drawn  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
HEAD = """# Killed at any moment

`python benchmarks/kills.py`: an album lives through many kills (SIGKILL) of `album`, at random
moments from the first thing that a command writes. {drawn} of {kills} are of a drawn album with the
fake engine, {real} of photos of LFW and of groups of people with the default nets (seed {seed},
{minutes:.0f} minutes). *Writing*: the command had begun to write and had not ended. *Left behind*:
kills after which temporary files lay about, which the next command of any kind has to delete.

After each kill, and again after `album status` and the same command once more, all of this is
checked: `PRAGMA integrity_check` and `foreign_key_check`, nobody twice in a photo that is not
exempt, every name there and no other, every pixel of every photo as it was, no temporary file
anywhere, and that the command ends as it should.

| nets | command | kills | writing | left behind | faults |
| --- | --- | --- | --- | --- | --- |
"""
REAL_COMMANDS = tuple(one for one in COMMANDS if one != "import")


def real(folder: Path, number: int) -> None:
    """Add photos of LFW, a few of each of some people, and one of a group."""
    data = Path(os.environ["ALBUM_DATA"])
    people = sorted(path for path in (data / "lfw_dev").iterdir() if len(list(path.iterdir())) > 3)
    folder.mkdir(parents=True, exist_ok=True)
    for person in people[3 * number % len(people) :][:3]:
        for path in sorted(person.iterdir())[:4]:
            shutil.copyfile(path, folder / f"{number:03}-{path.name}")
    groups = sorted((data / "album_g20").glob("*.jpg"))
    shutil.copyfile(groups[number % len(groups)], folder / f"{number:03}-group.jpg")


def kills(album: Album, commands: tuple[str, ...], count: int) -> Iterator[Killed]:
    for i in range(count):
        killed = album.kill(commands[i % len(commands)])
        print(album.profile, i, killed, flush=True)
        yield killed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--real", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began, rows, faults = time.monotonic(), [], []
    sets = (
        ("fake", drawn, COMMANDS, options.kills - options.real),
        ("default", real, REAL_COMMANDS, options.real),
    )
    with tempfile.TemporaryDirectory() as folder:
        for profile, more, commands, count in sets:
            if not count:
                continue
            chance = random.Random(f"{options.seed} {profile}")
            album = Album(Path(folder) / profile, chance, profile=profile, more=more)
            done = list(kills(album, commands, count))
            faults += [f"{profile}, {one.command}: {fault}" for one in done for fault in one.faults]
            rows += [_row(profile, command, done) for command in commands]
    head = HEAD.format(
        kills=options.kills,
        drawn=options.kills - options.real,
        real=options.real,
        seed=options.seed,
        minutes=(time.monotonic() - began) / 60,
    )
    told = "".join(f"- {fault}\n" for fault in faults)
    REPORT.write_text(head + "\n".join(rows) + "\n" + (f"\n{told}" if told else ""))


def _row(profile: str, command: str, done: list[Killed]) -> str:
    mine = [one for one in done if one.command == command]
    writing = sum(one.writing for one in mine)
    left = sum(one.leftovers > 0 for one in mine)
    return (
        f"| {profile} | {command} | {len(mine)} | {writing} | {left} | "
        f"{sum(len(one.faults) for one in mine)} |"
    )


if __name__ == "__main__":
    main()
