"""``album train``: train the nets for age and gender on labelled faces."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from album.cli.common import echo_json, everywhere

if TYPE_CHECKING:
    from nets.train.features import Features

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@click.group(epilog="For example:  album train coral UTKFace --judge FG-NET --out heads")
def command() -> None:
    """Train nets for age and gender on labelled faces.

    It needs `pip install 'album-people[train]'`. A fifth of the faces, chosen by the names of
    files or people, is never trained on; by it each net is judged. docs/training.md tells more.
    """


def _common(function: F) -> F:
    """Add the options that all kinds of training have."""
    options = (
        click.option(
            "--judge", type=FOLDER, help="FG-NET with labels.csv: judged on, never trained on."
        ),
        click.option(
            "--out", type=click.Path(path_type=Path), default=Path("heads"), show_default=True
        ),
        click.option(
            "--cache",
            type=click.Path(path_type=Path),
            help="Keep what frozen nets and detectors say here.  [default: OUT/features]",
        ),
        click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True),
        click.option("--seed", type=int, default=1, show_default=True),
    )
    for option in reversed(options):
        function = option(function)
    return everywhere(function)


def _head_command(name: str, about: str) -> None:
    @command.command(
        name=name,
        help=f"""Train the head `{name}` on UTKFace, on top of the frozen nets: {about}.

        Files are named age_gender_race_date.jpg. Takes 200 kB of disk for each face. Prints what
        the manifest of the weights says of the head, which lies beside the ONNX file, too.
        """,
        epilog=f"For example:  album train {name} UTKFace --judge FG-NET --out heads",
    )
    @click.argument("data", type=FOLDER)
    @click.option(
        "--unlabelled",
        type=FOLDER,
        multiple=True,
        help="A folder with more faces, to learn from what faceres-deep says of them.",
    )
    @click.option(
        "--blocks",
        is_flag=True,
        help="Give it blocks of its own, which go on from what faceres sees half way.",
    )
    @click.option(
        "--views",
        type=click.IntRange(min=1),
        default=2,
        show_default=True,
        help="Each labelled face once as it is and the other times changed.",
    )
    @click.option(
        "--tuning",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Epochs in which the head's blocks are trained, too.",
    )
    @_common
    def head(
        data: Path,
        judge: Path | None,
        unlabelled: tuple[Path, ...],
        out: Path,
        cache: Path | None,
        **given: Any,
    ) -> None:
        keep = cache or out / "features"
        entry = _trained(name, (data, judge, unlabelled), given, out=out, cache=keep)
        echo_json({"format": 1, "head": name, "file": str(out / f"{name}.onnx"), "entry": entry})


def _trained(
    name: str,
    sets: tuple[Path, Path | None, Sequence[Path]],
    given: dict[str, Any],
    *,
    out: Path,
    cache: Path,
) -> Any:
    """Train a head and return its entry for the manifest."""
    # Imported late: training needs what the program itself does without.
    from album.training.heads import known, paired, read_pictures, read_sets, train, write_head
    from nets.train.heads import SETTINGS

    _require_keras()
    data, judge, unlabelled = sets
    several, single = read_sets(data, judge)
    views, blocks = given.pop("views"), given.pop("blocks") or SETTINGS[name].blocks
    how = replace(SETTINGS[name], blocks=blocks, **given)
    maps = how.blocks
    labelled = _last(
        known(several, choose="centre", views=views, cache=cache, maps=maps),
        several.paths,
    )
    others = None
    if single is not None:
        others = _last(known(single, choose="largest", cache=cache, maps=maps), single.paths)
    pictures = [read_pictures(folder) for folder in unlabelled]
    more = [_unlabelled(paths, cache, maps=maps) for paths in pictures]
    whole = [path for paths in pictures for path in paths]
    pairs = paired(several, whole, cache) if maps else None
    done = train(name, labelled, how, others, more, pairs)
    folders = [(data, several.paths), *zip(unlabelled, pictures, strict=True)]
    files = {folder.name: len(paths) for folder, paths in folders}
    judged = {} if judge is None else {"judged_on_other_set": judge.name}
    done = replace(done, metrics={**done.metrics, "files": files, **judged})
    path = write_head(done, out)
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


_head_command("onepass", "100 classes of age, and gender")
_head_command("onepass-deep", "100 classes of age, and gender, with blocks of its own")
_head_command("coral", "99 ranks of age, and gender")


@command.command(epilog="For example:  album train net IMDB-Wiki Adience --judge FG-NET --out net")
@click.argument("data", type=FOLDER, nargs=-1, required=True)
@click.option(
    "--start",
    default="faceres",
    show_default=True,
    help="What to begin with: faceres, faceres-deep, or an ONNX file that this command has made.",
)
@click.option("--keep-heads", is_flag=True, help="Begin with its heads, not with random ones.")
@click.option(
    "--fine-tune",
    type=click.IntRange(min=0),
    default=0,
    metavar="EPOCHS",
    help="Then train all layers. Ages become better, and people are told apart worse.",
)
@click.option("--rate", type=click.FloatRange(min=0), default=1e-3, show_default=True)
@click.option("--fine-tune-rate", type=click.FloatRange(min=0), default=1e-5, show_default=True)
@click.option("--batch", type=click.IntRange(min=1), default=128, show_default=True)
@click.option(
    "--views",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Each face once as it is and the other times changed, for the heads.",
)
@_common
def net(
    data: tuple[Path, ...],
    judge: Path | None,
    out: Path,
    cache: Path | None,
    start: str,
    **options: Any,
) -> None:
    """Train the heads of the multi-output MobileNet, batches of age and gender in turn.

    DATA are folders of VGGFace2, IMDB-Wiki, Adience, UTKFace or FairFace, as they are given out;
    each is known by its lists. What is stopped goes on when called again. Writes the net as ONNX,
    its metrics as JSON, checkpoints, and curves for TensorBoard (OUT/logs).
    """
    _require_keras()
    # Imported late: training needs what the program itself does without.
    from album.training.heads import Trained, write
    from album.training.net import Folders, NetSettings, TrainedNet, train_net

    how = NetSettings(start=_start(start), **options)
    sets, judged = _sets(data, judge)
    for step in train_net(sets, how, Folders(out, cache or out / "features"), judge=judged):
        if isinstance(step, TrainedNet):
            path = write(Trained("net", step.model, step.metrics), out)
            echo_json({"format": 1, "file": str(path), **step.metrics})
        else:
            numbers = " ".join(f"{name} {value:.3f}" for name, value in step.said.items())
            click.echo(f"{step.stage}: {step.done} of {step.total} {numbers}".rstrip(), err=True)


@command.command(epilog="For example:  album train coral-lstm UTKFace --judge FG-NET --out heads")
@click.argument("data", type=FOLDER)
@click.option(
    "--clips",
    type=click.IntRange(min=1),
    help="Make clips of so many faces to train on, a tenth as many to judge.  [default: all]",
)
@click.option("--hidden", type=click.IntRange(min=1), default=96, show_default=True)
@_common
def coral_lstm(
    data: Path,
    judge: Path | None,
    out: Path,
    cache: Path | None,
    clips: int | None,
    **options: int,
) -> None:
    """Train CORAL over two LSTM layers, which tells ages from 20 frames of a track, on UTKFace.

    Clips are made of stills: nobody's age is known in clips at hand. The net is judged against the
    mean, the median and the three likeliest ages of single frames, on the same frames.
    """
    _require_keras()
    # Imported late: training needs what the program itself does without.
    from album.training.heads import VIEWS, known, read_sets
    from album.training.tracks import Most, made_clips, train_tracks
    from nets.train.lstm import LstmSettings

    several, single = read_sets(data, judge)
    keep = cache or out / "features"
    stills = _last(known(several, choose="centre", views=VIEWS, cache=keep), several.paths)
    few = None if clips is None else max(1, clips // 10)
    for step in made_clips(several, single, Most(clips, few, few, few), cache=keep):
        if isinstance(step, tuple):
            click.echo(f"Clips of {step[0]}: {step[1]}", err=True)
    done = train_tracks(stills, step, LstmSettings(**options))  # type: ignore[arg-type]
    echo_json({"format": 1, "file": str(done.write(out)), **done.entry})


def _sets(data: tuple[Path, ...], judge: Path | None) -> Any:
    from album.evaluation.datasets import read_fgnet
    from album.evaluation.labelled import LabelledSet
    from album.evaluation.training_sets import READERS, layout_of

    sets = [READERS[layout_of(root)](root) for root in data]
    if judge is None:
        return sets, None
    faces = read_fgnet(judge)
    names = [str(person) for person in faces.people]
    return sets, LabelledSet("fgnet", faces, "largest", None, names)


def _start(name: str) -> Path:
    from nets.runtime.models import WEIGHTS

    path = WEIGHTS / f"{name}.onnx" if name in ("faceres", "faceres-deep") else Path(name)
    if not path.is_file():
        raise click.UsageError(f"--start: {name} is neither faceres, faceres-deep nor a file.")
    return path


def _require_keras() -> None:
    from importlib.util import find_spec

    if not (find_spec("keras") and find_spec("tensorflow") and find_spec("onnx")):
        raise click.UsageError(
            "Training needs keras, tensorflow and onnx: pip install 'album-people[train]'"
        )


def _unlabelled(paths: Sequence[Path], cache: Path, *, maps: bool) -> "Features":
    from album.training.heads import described

    views = [1] * len(paths)
    steps = described(paths, choose="all", views=views, cache=cache, maps=maps)
    return _last(steps, paths)


def _last(steps: Iterator[int | T], paths: Sequence[Path]) -> T:
    """Tell how far a computation is, and return its result."""
    for step in steps:
        if not isinstance(step, int):
            return step
        click.echo(f"Looked at {step} of {len(paths)} pictures.", err=True)
    raise AssertionError("no result")
