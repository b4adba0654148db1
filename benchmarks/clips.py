"""Times `album index` on a full HD clip with three faces, and counts people in real clips.

    python benchmarks/clips.py [--seconds 30] [--rounds 3]

The clip is made here: faces of LFW, placed and moved on a landscape photo, encoded as H.264. Writes
benchmarks/clips.md. The data are looked for in $ALBUM_DATA.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from album.models.added import models_folder

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("ALBUM_DATA") or ROOT.parent / "shared" / "data")
SIZE = 1920, 1080
RATE = 30
PEOPLE = "Serena_Williams", "Alan_Greenspan", "Tony_Blair"
LANDSCAPE = "media/recurser_exif-orientation-examples/Landscape_1.jpg"
BY_EYE = {
    "biden.mp4": "1",
    "obama.mp4": "1",
    "one-by-one-person-detection.mp4": "nobody shows the face; six people from behind",
    "short_hamilton_clip.mp4": "5 for two seconds or so, and a profile in close-up for three",
    "trump.mp4": "3, two of them out of focus",
}
"""People that a person sees in each clip."""


def make_clip(path: Path, *, seconds: int) -> None:
    """Three people who move about; each looks different every four seconds."""
    import av

    photos = [sorted((DATA / "lfw_dev" / who).glob("*.jpg")) for who in PEOPLE]
    looks = [[faded(Image.open(one)) for one in of[:8]] for of in photos]
    back = Image.open(DATA / LANDSCAPE).convert("RGB").resize(SIZE)
    rng = np.random.default_rng(0)
    grain = [rng.integers(-5, 6, (SIZE[1], SIZE[0], 1), np.int16) for _ in range(4)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "21"}
        for number in range(seconds * RATE):
            t, picture = number / RATE, back.copy()
            for i, look in enumerate(looks):
                x = 180 + i * 580 + 90 * np.sin(0.9 * t + i)
                y = 300 + 120 * np.sin(0.6 * t + 2 * i)
                face, mask = look[int(t / 4) % len(look)]
                picture.paste(face, (int(x), int(y)), mask)
            noisy = np.clip(np.asarray(picture, np.int16) + grain[number % 4], 0, 255)
            frame = av.VideoFrame.from_ndarray(noisy.astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def faded(photo: Image.Image, side: int = 420) -> tuple[Image.Image, Image.Image]:
    """A photo of LFW without its surroundings, in which other faces may be; and its mask."""
    photo = photo.convert("RGB").crop((50, 40, 200, 210)).resize((side * 150 // 170, side))
    y, x = np.mgrid[-1 : 1 : photo.height * 1j, -1 : 1 : photo.width * 1j]
    mask = np.clip((1 - np.hypot(x, y)) * 8, 0, 1)
    return photo, Image.fromarray((255 * mask).astype(np.uint8))


def index(folder: Path, *options: str) -> dict:
    """Run `album index` on a folder in a process of its own; return what it says and costs."""
    with tempfile.TemporaryDirectory() as place:
        library = ["--library", str(Path(place) / "library.db")]
        command = [sys.executable, "-m", "album", *library, "index", "--json", *options]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [*command, str(folder)], capture_output=True, text=True, check=True, cwd=ROOT
        )
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 1024
    return {"wall": wall, "cpu": cpu, "peak": peak, **said}


def speed(folder: Path, seconds: int, rounds: int) -> list[str]:
    lines = [
        "| frames looked at | a second | people | wall, s | times real time | processor, s | "
        "times real time if two cores were free | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, words in (
        ("every 5th (default)", ("--clip-every", "5")),
        ("every 5th, 3rd while faces are seen", ("--clip-every", "5,3")),
        ("every 5th, RetinaFace", ("--clip-every", "5", "--detector", "retinaface")),
    ):
        if "retinaface" in words and not (models_folder() / "retinaface.pth").is_file():
            continue
        runs = [index(folder, *words) for _ in range(rounds)]
        wall, cpu = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu"))
        said = runs[0]
        lines.append(
            f"| {name} | {said['frames'] / seconds:.1f} | {said['faces']} | {wall:.1f} | "
            f"{seconds / wall:.1f} | {cpu:.1f} | **{2 * seconds / cpu:.1f}** | "
            f"{max(run['peak'] for run in runs):.0f} |"
        )
        print(lines[-1], flush=True)
    return lines


def real(folder: Path) -> list[str]:
    from album.analysis.clips.collector import read_clip
    from album.media.clips.frames import DEFAULT
    from nets.engine import load_engine

    engine = load_engine(threads=2)
    lines = [
        "| clip | seconds | frames looked at | people found | seen | people by eye | "
        "processor seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted(folder.glob("*.mp4")):
        started = time.process_time()
        clip = read_clip(path, engine, DEFAULT, view=1600, threads=2)
        cpu = time.process_time() - started
        seen = [
            ", ".join(
                f"{one.start_ms / 1000:.1f}–{one.end_ms / 1000:.1f}"
                for one in clip.sightings
                if one.row == row
            )
            for row in range(len(clip.faces))
        ]
        length = (clip.duration_ms or 0) / 1000
        lines.append(
            f"| {path.name} | {length:.0f} | {clip.frames} | {len(clip.faces)} | "
            f"{'; '.join(seen)} | {BY_EYE.get(path.name, '')} | {cpu:.1f} |"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_clip(Path(folder) / "clip.mp4", seconds=args.seconds)
        times = speed(Path(folder), args.seconds, args.rounds)
    text = [
        "# Clips",
        "",
        f"Written by `benchmarks/clips.py`. {os.cpu_count()} cores, load "
        f"{os.getloadavg()[1]:.1f} over the last five minutes.",
        "",
        f"## A full HD clip of {args.seconds} seconds with three faces, {RATE} frames a second",
        "",
        f"`album index`, start-up, storing and grouping included; medians of {args.rounds} runs. "
        "On a busy machine believe the processor times.",
        "",
        *times,
        "",
        "## Real clips",
        "",
        *real(DATA / "clips"),
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
