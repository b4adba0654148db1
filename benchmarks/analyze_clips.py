"""Times `album analyze` on real clips at 720p: looking at every 5th frame, drawing on every frame.

    python -m benchmarks.analyze_clips [--rounds 3]

Clips of another size are brought to 720 lines first, which is not timed. Writes
benchmarks/analyze_clips.md. The data are looked for in $ALBUM_DATA.
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

import av

from album.models.added import models_folder

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("ALBUM_DATA") or ROOT.parent / "shared" / "data")
LINES = 720


def at_720p(source: Path, target: Path) -> None:
    """Write a clip with 720 lines; one that has them is copied as it is."""
    with av.open(str(source)) as before:
        stream = before.streams.video[0]
        if stream.height == LINES:
            target.write_bytes(source.read_bytes())
            return
        width = 2 * round(stream.width * LINES / stream.height / 2)
        with av.open(str(target), "w") as out:
            picture = out.add_stream("libx264", rate=stream.average_rate)
            picture.width, picture.height, picture.pix_fmt = width, LINES, "yuv420p"
            picture.options = {"preset": "veryfast", "crf": "21"}
            for number, frame in enumerate(before.decode(stream)):
                larger = frame.reformat(width, LINES, "yuv420p")
                larger.pts, larger.time_base = number, 1 / stream.average_rate
                out.mux(picture.encode(larger))
            out.mux(picture.encode(None))


def seconds_of(path: Path) -> float:
    """Return the length of a clip."""
    with av.open(str(path)) as container:
        return (container.duration or 0) / 1e6


def analyze(source: Path, *options: str) -> dict[str, float]:
    """Run the command in a process of its own; return what it says and costs."""
    with tempfile.TemporaryDirectory() as place:
        words = ["analyze", str(source), str(Path(place) / "out"), "--json", *options]
        library = ["--library", str(Path(place) / "none.db")]
        command = [sys.executable, "-m", "album", *library, *words]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "peak": after.ru_maxrss / 1024, **json.loads(done.stdout)}


def row(name: str, source: Path, seconds: float, rounds: int, *options: str) -> str:
    """Measure one clip or folder; return a line of the table."""
    runs = [analyze(source, *options) for _ in range(rounds)]
    wall, cpu = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu"))
    line = (
        f"| {name} | {seconds:.1f} | {runs[0]['faces']} | {wall:.1f} | {seconds / wall:.1f} | "
        f"{cpu:.1f} | **{2 * seconds / cpu:.1f}** | {max(run['peak'] for run in runs):.0f} |"
    )
    print(line, flush=True)
    return line


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    detectors = ["mtcnn"]
    if (models_folder() / "retinaface.pth").is_file():
        detectors.append("retinaface")
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for source in sorted((DATA / "clips").glob("*.mp4")):
            at_720p(source, folder / source.name)
        clips = sorted(folder.glob("*.mp4"))
        lengths = {clip: seconds_of(clip) for clip in clips}
        for clip, seconds in lengths.items():
            lines.append(row(clip.name, clip, seconds, rounds, "--detector", "mtcnn"))
        for name in detectors:
            told = f"all of them, {name}"
            total = sum(lengths.values())
            lines.append(row(told, folder, total, rounds, "--detector", name))
    text = [
        "# `album analyze` on clips",
        "",
        f"Written by `python -m benchmarks.analyze_clips`. {os.cpu_count()} cores, load "
        f"{os.getloadavg()[1]:.1f} over the last five minutes; medians of {rounds} runs.",
        "",
        f"Clips with {LINES} lines: faces looked for in every 5th frame, described, followed, "
        "drawn on every frame, encoded as H.264. Start-up is included, about two seconds of "
        "processor time, which is much of the short ones. On a busy machine believe the processor "
        "times.",
        "",
        "| clip | seconds | people | wall, s | times real time | processor, s | "
        "times real time if two cores were free | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *lines,
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
