"""Broken files by the thousand: made from one small file of each format, read in a process apart.

Used by the tests of this folder and by ``benchmarks/mutations.py``. The reader is a process of its
own with a bound on its memory; where it dies or stops answering, that counts against the file that
it was at, and another takes its place.
"""

import json
import random
import resource
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.album.drawn_clips import Placed, still, write
from tests.album.media_files import encoded, exif, quarters, small_files
from tests.album.raw_files import CAMERAS, dng

ROOT = Path(__file__).parents[2]
HANG_S = 60.0
"""A reader that says nothing for this long hangs."""
ADDRESS_SPACE = 4 << 30
"""Bytes that the reader may map, its libraries and the stacks of its threads included."""
RESTART = 400
"""Files after which a reader is replaced, so that its peak of memory says something."""
HUGE = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1", b"\1\0\0\0")


@dataclass(frozen=True)
class Case:
    """One broken file: which file it is made from, and how."""

    name: str
    seed: int


@dataclass(frozen=True)
class Result:
    """What became of it: 'read', 'skipped', the stage of a failure, 'crash' or 'hang'."""

    case: Case
    outcome: str
    reason: str
    seconds: float
    megabytes: float


def originals(folder: Path) -> dict[str, bytes]:
    """One small file of each format that is read, clips and raw photos included."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (48, 64, 3), np.uint8)
    image, noisy = quarters(), Image.fromarray(noise)
    wide = Image.fromarray(rng.integers(0, 65535, (48, 64), np.uint16))
    frames = [quarters(64, 48), noisy]
    return {
        **small_files(),
        "cmyk.jpg": encoded(noisy.convert("CMYK"), "JPEG"),
        "grey16.png": encoded(wide, "PNG"),
        "moving.png": encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "moving.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "moving.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "pair.mpo": encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]),
        "grey16.tiff": encoded(wide, "TIFF"),
        "deflate.tiff": encoded(noisy, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tiff": encoded(noisy, "TIFF", compression="jpeg"),
        "fax.tiff": encoded(image.convert("1"), "TIFF", compression="group4"),
        "palette.bmp": encoded(image.quantize(16), "BMP"),
        "turned.heic": encoded(noisy, "HEIC", exif=exif(orientation=8)),
        **{name: make() for name, make in CAMERAS.items()},
        "developed.dng": dng(thumbnail=True),
        **_clips(folder),
    }


def _clips(folder: Path) -> dict[str, bytes]:
    """Clips of a second with a drawn face, in the containers and codecs that people have."""
    made = {}
    frames = [still(Placed(1, left=40 + n, top=20), size=(160, 120)) for n in range(20)]
    wanted = {"clip.mp4": "mpeg4", "h264.mp4": "libx264", "clip.mov": "mpeg4", "clip.mkv": "mpeg4"}
    wanted |= {
        "clip.avi": "mpeg4",
        "mjpeg.avi": "mjpeg",
        "clip.webm": "libvpx",
        "clip.mpg": "mpeg2video",
    }
    wanted |= {"clip.mts": "mpeg2video", "clip.flv": "flv"}
    for name, codec in wanted.items():
        path = folder / name
        try:
            made[name] = write(path, frames, codec=codec, created=None).read_bytes()
        except Exception:  # an encoder that this build of FFmpeg lacks
            continue
        finally:
            path.unlink(missing_ok=True)
    return made


def mutated(data: bytes, rng: random.Random, others: Iterable[bytes]) -> bytes:
    """Break a file as disks, cards, networks and hostile people do; mostly once, at times more."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if len(changed) > 8:
            _break(changed, rng, list(others))
    return bytes(changed)


def _break(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    at = _place(data, rng)
    size = rng.choice((1, 4, 16, 64, 512, 4096))
    match rng.randrange(8):
        case 0:
            for _ in range(rng.randint(1, 16)):
                data[_place(data, rng)] ^= 1 << rng.randrange(8)
        case 1:
            del data[rng.randrange(len(data)) :]
        case 2:  # the beginning of another format
            other = rng.choice(others)
            data[:size] = other[:size]
        case 3:
            del data[at : at + size]
        case 4:
            data[at:at] = data[at : at + size]
        case 5:  # what may be a size or an offset
            data[at : at + 4] = rng.choice((*HUGE, struct.pack(">I", rng.randrange(len(data)))))
        case 6:
            data[at : at + size] = bytes([rng.choice((0, 255))]) * min(size, len(data) - at)
        case _:  # two pieces change places
            there = _place(data, rng)
            first, second = data[at : at + size], data[there : there + size]
            data[at : at + len(first)], data[there : there + len(second)] = first, second


def _place(data: bytearray, rng: random.Random) -> int:
    """Choose a place, mostly near the start or the end, where the structure is."""
    near = min(len(data), rng.choice((32, 128, 1024, 1 << 30)))
    at = rng.randrange(near)
    return len(data) - 1 - at if rng.random() < 0.25 else at


def cases(names: Iterable[str], count: int, seed: int = 0) -> list[Case]:
    """Return `count` cases, spread evenly over the originals."""
    names = list(names)
    return [Case(names[n % len(names)], seed * 1_000_000 + n) for n in range(count)]


class _Reader:
    """A process that reads files, one by one."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.album.mutations", str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=ROOT, text=True,
        )  # fmt: skip

    def read(self, case: Case) -> Result:
        assert self.process.stdin and self.process.stdout
        started = time.perf_counter()
        self.process.stdin.write(f"{case.name} {case.seed}\n")
        self.process.stdin.flush()
        answered, _, _ = select.select([self.process.stdout], [], [], HANG_S)
        line = self.process.stdout.readline() if answered else ""
        if line:
            return Result(case, *json.loads(line))
        self.process.kill()
        code = self.process.wait()
        what = ("crash", f"signal {-code}") if answered else ("hang", f"{HANG_S:.0f} seconds")
        return Result(case, *what, time.perf_counter() - started, 0.0)

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(HANG_S)
        self.process.stdout.close()


def run(wanted: Iterable[Case]) -> Iterator[Result]:
    """Read every case; what kills the reader is told like everything else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in originals(folder).items():
            (folder / file).write_bytes(data)
        reader, done = _Reader(folder), 0
        try:
            for case in wanted:
                result = reader.read(case)
                yield result
                done += 1
                if result.outcome in ("crash", "hang") or done % RESTART == 0:
                    reader.close()
                    reader = _Reader(folder)
        finally:
            reader.close()


def _peak() -> float:
    """Return the most memory that this process had, in MB; without what it was started from."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(folder: Path) -> None:
    """Read what is named on standard input, as a worker of `album index` does; the reader's end."""
    from album.analysis.analyse import Analyser, Failed, Skipped, Task
    from album.files.scan import Found
    from album.media.clips.frames import DEFAULT
    from nets.engine import load_engine

    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    scratch = Path(tempfile.mkdtemp(dir=folder))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    engine = load_engine(profile="fake")
    for line in sys.stdin:
        name, seed = line.split()
        path = scratch / name
        path.write_bytes(mutated(kept[name], random.Random(f"{name} {seed}"), kept.values()))
        analyser = Analyser(engine, set(), clips=DEFAULT, threads=1)
        started = time.perf_counter()
        outcome = analyser(Task(Found(str(path), 1, 1)))
        seconds = time.perf_counter() - started
        what, reason = "read", ""
        if isinstance(outcome, Failed):
            what, reason = outcome.stage, outcome.reason
        elif isinstance(outcome, Skipped):
            what = "skipped"
        path.unlink()
        print(json.dumps([what, reason, seconds, _peak()]), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
