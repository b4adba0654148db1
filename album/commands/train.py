"""``album train``: train the heads for age and gender on labelled faces."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from album.commands.common import echo_json, everywhere

if TYPE_CHECKING:
    from nets.train.features import Features

T = TypeVar("T")


@click.command(epilog="For example:  album train coral UTKFace --judge FG-NET --out heads")
@click.argument("head", type=click.Choice(["onepass", "coral"]))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--judge",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="FG-NET with labels.csv: judged on, never trained on.",
)
@click.option(
    "--unlabelled",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="A folder with more faces, to learn from what faceres-deep says of them.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("heads"), show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Keep what the frozen nets say here.  [default: OUT/features]",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Before the blocks are trained, too.")
@click.option("--tuning", type=click.IntRange(min=0), help="Epochs in which they are.")
@click.option("--seed", type=int, default=1, show_default=True)
@everywhere
def command(
    head: str,
    data: Path,
    judge: Path | None,
    unlabelled: tuple[Path, ...],
    out: Path,
    cache: Path | None,
    **settings: int | None,
) -> None:
    """Train a head on UTKFace (files named age_gender_race_date.jpg), on top of the frozen nets.

    A fifth of the files, chosen by their names, is never trained on; the head is judged by it. It
    needs `pip install 'album-people[train]'`, and 200 kB of disk for each face. Prints what the
    manifest of the weights says of the head, which lies beside the ONNX file, too.
    """
    # Imported late: training needs what the program itself does without.
    from album.training import VIEWS, known, read_sets, train, write_head
    from nets.train.heads import SETTINGS

    _require_keras()
    several, single = read_sets(data, judge)
    keep = cache or out / "features"
    labelled = _last(known(several, choose="centre", views=VIEWS, cache=keep), several.paths)
    others = None
    if single is not None:
        others = _last(known(single, choose="largest", cache=keep), single.paths)
    more = [_unlabelled(folder, keep) for folder in unlabelled]
    given = {name: value for name, value in settings.items() if value is not None}
    done = train(head, labelled, replace(SETTINGS[head], **given), others, more)
    path = write_head(done, out)
    entry = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    echo_json({"format": 1, "head": head, "file": str(path), "entry": entry})


def _require_keras() -> None:
    from importlib.util import find_spec

    if not (find_spec("keras") and find_spec("tensorflow") and find_spec("onnx")):
        raise click.UsageError(
            "Training needs keras, tensorflow and onnx: pip install 'album-people[train]'"
        )


def _unlabelled(folder: Path, cache: Path) -> "Features":
    from album.training import described, read_pictures

    paths = read_pictures(folder)
    return _last(described(paths, choose="all", views=[1] * len(paths), cache=cache), paths)


def _last(steps: Iterator[int | T], paths: Sequence[Path]) -> T:
    """Tell how far a computation is, and return its result."""
    for step in steps:
        if not isinstance(step, int):
            return step
        click.echo(f"Looked at {step} of {len(paths)} pictures.", err=True)
    raise AssertionError("no result")
