"""``album analyze``: copies of photos and clips with age, gender and emotion drawn on them."""

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.common import (
    PATH,
    SOME_FILES_FAILED,
    Session,
    echo_json,
    echo_traces,
    everywhere,
    opened,
)
from album.cli.nets_options import (
    ATTRIBUTES,
    CLIP_EVERY,
    DETECTOR,
    DEVICE,
    FILE_TIMEOUT,
    MIN_FACE,
    PROFILE,
)
from album.cli.progress import display
from album.cli.remedies import about_failures
from album.errors import shown
from album.events import ClipDone, FileSkipped, PhotoDone, PhotoFailed

if TYPE_CHECKING:
    from db.library import Library
    from nets.engine import Engine

LSTM = "coral-lstm"
AGE_MODELS: Mapping[str, str | None] = {"softmax": None, "coral": "coral", LSTM: "coral"}
"""What tells age and gender behind each kind of age model; None: what the profile has."""


@click.command(epilog="For example:  album analyze ~/Photos/2019 annotated")
@click.argument("root", type=PATH, metavar="IN")
@click.argument("out", type=PATH, metavar="OUT")
@DETECTOR
@click.option(
    "--age-model",
    type=click.Choice(list(AGE_MODELS)),
    help="How ages are told: softmax over 100 ages (default), coral, by ranks, or coral-lstm, in "
    "clips by ranks from 20 frames together.",
)
@ATTRIBUTES
@PROFILE
@DEVICE
@MIN_FACE
@click.option(
    "--jobs",
    type=click.IntRange(min=1, max=256),
    default=os.cpu_count() or 1,
    show_default="one for each core",
    help="Photos at the same time.",
)
@click.option(
    "--quality",
    type=click.IntRange(min=1, max=100),
    default=92,
    show_default=True,
    help="Of JPEG copies.",
)
@click.option("--no-clips", is_flag=True, help="Leave clips out.")
@CLIP_EVERY
@FILE_TIMEOUT
@click.option("--force", is_flag=True, help="Make again what is up to date.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end.")
@everywhere
@click.pass_context
def command(context: click.Context, /, root: Path, out: Path, **options: Any) -> None:
    """Draw age, gender and emotion of every face in IN on copies in OUT.

    IN is a photo, a clip or a folder, searched to any depth. Beside each copy lie a .txt and a
    .json with boxes, landmarks and all numbers; docs/analyze.md describes them. People whom the
    library has names for are named. Originals are never changed, and only what is new or changed
    is done again. The exit code is 3 when some files could not be read.
    """
    if options["age_model"] and options["attributes"]:
        raise click.UsageError("--age-model and --attributes say the same; give one of them.")
    session = context.ensure_object(Session)
    done, failures = _run(session, root, out, options)
    echo_traces(session, failures)
    if options["as_json"]:
        listed = [{"path": shown(one.path), "reason": one.reason} for one in failures]
        echo_json({"format": 1, **done, "failures": listed})
    else:
        for line in _summary(done, failures, out):
            click.echo(line)
    if failures:
        context.exit(SOME_FILES_FAILED)


def _run(
    session: Session, root: Path, out: Path, options: dict[str, Any]
) -> tuple[Counter[str], list[PhotoFailed]]:
    from album.export.annotated.run import AnalyzeOptions, analyze
    from album.media.clips.frames import Sampling

    every, every_seen = options["clip_every"]
    how = AnalyzeOptions(
        jobs=options["jobs"],
        force=options["force"],
        quality=options["quality"],
        clips=None if options["no_clips"] else Sampling(every, every_seen, 0),
        file_timeout=options["file_timeout"],
    )
    names = ("photos", "clips", "faces", "unchanged", "clips_left_out", "live")
    done: Counter[str] = Counter(dict.fromkeys(names, 0))
    failures: list[PhotoFailed] = []
    with ExitStack() as stack:
        library = stack.enter_context(opened(session)) if session.has_library else None
        engine = _engine(library, options)
        bar = stack.enter_context(display())
        events = stack.enter_context(closing(analyze(library, engine, root, out, how)))  # type: ignore[type-var]
        for event in events:
            bar.add(event)
            _count(event, done, failures)
    return done, failures


def _engine(library: "Library | None", options: dict[str, Any]) -> "Engine":
    """Put the nets together: those of `album index`, and one that tells emotions."""
    from album.cli.nets_options import note_added_detector
    from album.models.added import models_folder
    from album.models.selection import DETECTOR, HEAD
    from nets.engine import load_engine, with_emotions, with_sequence_ages

    profile, device = options["profile"], options["device"]
    head = options["attributes"] or AGE_MODELS.get(options["age_model"])
    detector = DETECTOR.preview(library, options["detector"], profile)
    note_added_detector(detector)
    engine = load_engine(
        profile=profile,
        detector=detector,
        attributes=HEAD.preview(library, head, profile),
        min_face=options["min_face"],
        device=device,
        models=models_folder(),
    )
    if options["age_model"] == LSTM:
        engine = with_sequence_ages(engine, device=device)
    return with_emotions(engine, device=device)


def _count(event: object, done: Counter[str], failures: list[PhotoFailed]) -> None:
    match event:
        case PhotoFailed():
            failures.append(event)
        case PhotoDone(known=True):
            done["unchanged"] += 1
        case PhotoDone(faces=faces):
            done.update(photos=1, faces=faces)
        case ClipDone(path=path, faces=faces, problem=problem):
            done.update(clips=1, faces=faces)
            if problem:
                failures.append(PhotoFailed(path, problem))
        case FileSkipped(kind="clip"):
            done["clips_left_out"] += 1
        case FileSkipped(kind="live"):
            done["live"] += 1


def _summary(done: Counter[str], failures: list[PhotoFailed], out: Path) -> list[str]:
    made = [text.count(done["photos"], "photo")] if done["photos"] or not done["clips"] else []
    if done["clips"]:
        made.append(text.count(done["clips"], "clip"))
    lines = [
        f"{' and '.join(made)} with {text.count(done['faces'], 'face')} written "
        f"to {text.path_text(out)}, {text.number(done['unchanged'])} unchanged."
    ]
    if done["clips_left_out"]:
        lines.append(f"{text.count(done['clips_left_out'], 'clip')} left out.")
    if done["live"]:
        lines.append(f"{text.count(done['live'], 'clip')} of Live Photos left out.")
    if failures:
        lines.append(f"{text.count(len(failures), 'file')} could not be used:")
    lines += [f"  {text.path_text(one.path)}: {text.path_text(one.reason)}" for one in failures]
    lines += about_failures(one.code for one in failures)
    return lines
