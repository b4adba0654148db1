"""The options of commands that read photos: which nets, on what, and how many at a time."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from album.models.engines import Choice
    from db.library import Library
    from nets.engine import Engine

F = TypeVar("F", bound=Callable[..., Any])

PARTS = ("profile", "detector", "embedder", "attributes")
JOBS = click.option(
    "--jobs",
    type=click.IntRange(min=0, max=256),
    default=os.cpu_count() or 1,
    show_default="one for each core",
    help="Photos that are read at the same time.",
)
MIN_FACE = click.option(
    "--min-face",
    type=click.FloatRange(min=12, max=1000),
    default=40,
    show_default=True,
    help="Smallest face to look for, in pixels of the photo, or of a large photo shrunk to 1,600.",
)
PROFILE = click.option(
    "--profile",
    type=click.Choice(["default", "paper", "fake"]),
    default="default",
    metavar="[default|paper]",
    help="Which nets to use; paper is one small net for everything, as published.",
)
DETECTOR = click.option(
    "--detector",
    type=click.Choice(["mtcnn", "retinaface", "facenet-pytorch", "fake"]),
    metavar="[mtcnn|retinaface|facenet-pytorch]",
    help="What finds faces; else what the library began with: retinaface where you have "
    "added it (album models), or mtcnn.",
)
EMBEDDER = click.option(
    "--embedder",
    type=click.Choice(["faceres", "resnet29", "fused", "fake"]),
    metavar="[faceres|resnet29|fused]",
    help="What tells people apart, instead of the one of the profile.",
)
ATTRIBUTES = click.option(
    "--attributes",
    type=click.Choice(["faceres", "faceres-deep", "onepass", "onepass-deep", "coral", "fake"]),
    metavar="[faceres|faceres-deep|onepass|onepass-deep|coral]",
    help="What tells age and gender; else what the library began with: onepass-deep in new ones, "
    "faceres-deep in older ones.",
)
DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "coreml", "openvino"]),
    default="auto",
    show_default=True,
    help="What the nets run on; auto takes CUDA where it is there.",
)
EMOTIONS = click.option(
    "--emotions/--no-emotions",
    default=None,
    help="Tell what faces express: of new ones [default], of those found before, too, or of none.",
)
OPTIONS = (JOBS, MIN_FACE, PROFILE, DETECTOR, EMBEDDER, ATTRIBUTES, EMOTIONS, DEVICE)


def every(context: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """Read one number, or two with a comma: frames, and frames while faces are seen."""
    parts = value.split(",")
    numbers = [int(part) for part in parts if part.strip().isdecimal()]
    if len(numbers) != len(parts) or len(parts) > 2 or not all(1 <= n <= 300 for n in numbers):
        raise click.BadParameter(f"{value!r} is no number from 1 to 300, nor two such as 5,3.")
    return numbers[0], numbers[-1]


CLIP_EVERY = click.option(
    "--clip-every",
    callback=every,
    default="5",
    show_default=True,
    metavar="N[,M]",
    help="Look at every Nth frame of a clip, and at every Mth while faces are seen.",
)
FILE_TIMEOUT = click.option(
    "--file-timeout",
    type=click.FloatRange(min=0),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="Give up a file that takes longer; clips get more by their length, 0 waits forever.",
)


def nets_options(command: F) -> F:
    """Add these options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def choice_of(library: "Library", options: dict[str, object]) -> "Choice":
    """Return which nets are used; say so where they are not those that ship, or other than before.

    Detector and head are remembered with the library.
    """
    from album.models.engines import Choice
    from album.models.selection import DETECTOR

    profile = str(options["profile"])
    detector = DETECTOR.choose(library, _asked(options, "detector"), profile)
    note_added_detector(detector)
    nets = {"detector": detector, "attributes": _head(library, options, profile)}
    chosen = {name: options[name] for name in (*PARTS, "min_face", "device")}
    emotions = options["emotions"] is not False
    return Choice(**{**chosen, **nets}, emotions=emotions)  # type: ignore[arg-type]


def _head(library: "Library", options: dict[str, object], profile: str) -> str:
    from album.models.selection import HEAD

    asked = _asked(options, "attributes")
    if asked and profile == "default" and (before := HEAD.replaced(library, asked)):
        click.echo(
            f"Ages and genders are estimated by {asked} from now on instead of {before}; for that, "
            "photos are read again. Names, people and corrections stay.",
            err=True,
        )
    return HEAD.choose(library, asked, profile)


def note_added_detector(detector: str) -> None:
    """Print which detector is used if it is one that the user has added."""
    from nets.runtime.addable import ADDABLE

    if detector in ADDABLE:
        click.echo(
            f"Faces are found by the model {detector} that you have added (album models list).",
            err=True,
        )


def _asked(options: dict[str, object], name: str) -> str | None:
    return str(options[name]) if options[name] else None


def engine_of(library: "Library", options: dict[str, object]) -> "Engine":
    """Put the nets together."""
    from album.models.engines import build

    return build(choice_of(library, options), threads=max(int(str(options["jobs"])), 1))
