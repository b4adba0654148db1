"""``album analyze``: copies of photos with age, gender and emotion drawn on them."""

import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click

from album.commands import text
from album.commands.common import (
    PATH,
    SOME_FILES_FAILED,
    Session,
    echo_json,
    everywhere,
    opened,
)
from album.commands.progress import progress
from album.errors import shown
from album.events import FileSkipped, PhotoDone, PhotoFailed


@click.command(epilog="For example:  album analyze ~/Photos/2019 annotated")
@click.argument("root", type=PATH, metavar="IN")
@click.argument("out", type=PATH, metavar="OUT")
@click.option(
    "--detector",
    type=click.Choice(["mtcnn", "retinaface", "facenet-pytorch", "fake"]),
    metavar="[mtcnn|retinaface|facenet-pytorch]",
    help="What finds faces; retinaface after you have added it (album models).",
)
@click.option(
    "--attributes",
    type=click.Choice(["faceres", "faceres-deep", "fake"]),
    metavar="[faceres|faceres-deep]",
    help="What tells age and gender.",
)
@click.option(
    "--profile",
    type=click.Choice(["default", "paper", "fake"]),
    default="default",
    metavar="[default|paper]",
    help="Which nets to use where the options above don't say.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "coreml", "openvino"]),
    default="auto",
    show_default=True,
    help="What the nets run on.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1, max=256),
    default=os.cpu_count() or 1,
    show_default="one for each core",
    help="Photos at the same time.",
)
@click.option(
    "--min-face",
    type=click.FloatRange(min=12, max=1000),
    default=40,
    show_default=True,
    help="Smallest face to look for, in pixels of the photo, or of a large photo shrunk to 1,600.",
)
@click.option(
    "--quality",
    type=click.IntRange(min=1, max=100),
    default=92,
    show_default=True,
    help="Of JPEG copies.",
)
@click.option("--force", is_flag=True, help="Make again what is up to date.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end.")
@everywhere
@click.pass_context
def command(context: click.Context, /, root: Path, out: Path, **options: object) -> None:
    """Draw age, gender and emotion of every face in IN on copies in OUT.

    IN is a photo or a folder, searched to any depth. Beside each copy lie a .txt and a .json with
    boxes, landmarks and all numbers; docs/analyze.md describes them. People whom the library has
    names for are named. Originals are never changed, and only what is new or changed is done
    again. The exit code is 3 when some files could not be read.
    """
    done, failures = _run(context.ensure_object(Session), root, out, options)
    if options["as_json"]:
        listed = [{"path": shown(one.path), "reason": one.reason} for one in failures]
        echo_json({"format": 1, **done, "failures": listed})
    else:
        for line in _summary(done, failures, out):
            click.echo(line)
    if failures:
        context.exit(SOME_FILES_FAILED)


def _run(
    session: Session, root: Path, out: Path, options: dict[str, object]
) -> tuple[Counter[str], list[PhotoFailed]]:
    from album.analysis.photos import AnalyzeOptions, analyze
    from album.models import models_folder
    from nets.engine import load_engine, with_emotions

    names = ("profile", "detector", "attributes", "min_face", "device")
    engine = load_engine(
        **{name: options[name] for name in names},  # type: ignore[arg-type]
        models=models_folder(),
    )
    engine = with_emotions(engine, device=str(options["device"]))
    quality = int(str(options["quality"]))
    how = AnalyzeOptions(int(str(options["jobs"])), bool(options["force"]), quality)
    done: Counter[str] = Counter({"photos": 0, "faces": 0, "unchanged": 0, "clips_left_out": 0})
    failures = []
    with ExitStack() as stack:
        library = stack.enter_context(opened(session)) if session.has_library else None
        bar = stack.enter_context(progress())
        for event in analyze(library, engine, root, out, how):
            bar.add(event)
            match event:
                case PhotoFailed():
                    failures.append(event)
                case PhotoDone(known=True):
                    done["unchanged"] += 1
                case PhotoDone(faces=faces):
                    done.update(photos=1, faces=faces)
                case FileSkipped(kind="clip"):
                    done["clips_left_out"] += 1
    return done, failures


def _summary(done: Counter[str], failures: list[PhotoFailed], out: Path) -> list[str]:
    lines = [
        f"{text.count(done['photos'], 'photo')} with {text.count(done['faces'], 'face')} written "
        f"to {text.path_text(out)}, {text.number(done['unchanged'])} unchanged."
    ]
    if done["clips_left_out"]:
        lines.append(f"{text.count(done['clips_left_out'], 'clip')} left out.")
    if failures:
        lines.append(f"{text.count(len(failures), 'file')} could not be used:")
    lines += [f"  {text.path_text(one.path)}: {text.path_text(one.reason)}" for one in failures]
    return lines
