"""``album train``: train the heads for age and gender on labelled faces."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from album.commands.common import echo_json, everywhere

if TYPE_CHECKING:
    from album.bench.datasets import Faces
    from album.training import Known


@click.command(epilog="For example:  album train coral UTKFace --judge FG-NET --out heads")
@click.argument("head", type=click.Choice(["onepass", "coral"]))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--judge",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="FG-NET with labels.csv: judged on, never trained on.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("heads"), show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Keep what the frozen nets say here.  [default: OUT/features]",
)
@click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@everywhere
def command(
    head: str, data: Path, judge: Path | None, out: Path, cache: Path | None, epochs: int, seed: int
) -> None:
    """Train a head on UTKFace (files named age_gender_race_date.jpg), on top of the frozen nets.

    A fifth of the files, chosen by their names, is never trained on; the head is judged by it. It
    needs `pip install 'album-people[train]'`. Prints the metrics as JSON, which lie beside the
    ONNX file, too.
    """
    # Imported late: training needs what the program itself does without.
    from album.training import VIEWS, read_sets, train, write
    from nets.train.heads import Settings

    _require_keras()
    several, single = read_sets(data, judge)
    keep = cache or out / "features"
    labelled = _features(several, "centre", VIEWS, keep)
    others = None if single is None else _features(single, "largest", 1, keep)
    done = train(head, labelled, Settings(epochs=epochs, seed=seed), others)
    path = write(done, out)
    echo_json({"format": 1, "head": head, "file": str(path), **done.metrics})


def _require_keras() -> None:
    from importlib.util import find_spec

    if not (find_spec("keras") and find_spec("tensorflow") and find_spec("onnx")):
        raise click.UsageError(
            "Training needs keras, tensorflow and onnx: pip install 'album-people[train]'"
        )


def _features(faces: "Faces", choose: str, views: int, cache: Path) -> "Known":
    from album.training import known

    total = len(faces.paths)
    for step in known(faces, choose=choose, views=views, cache=cache):
        if not isinstance(step, int):
            return step
        click.echo(f"Looked at {step} of {total} pictures.", err=True)
    raise AssertionError("no result")
