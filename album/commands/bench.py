"""``album bench``: accuracy on labelled folders, beside the published figures."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from album.commands import text
from album.commands.common import echo_json, everywhere

TITLES = {
    "clusters_per_class": "clusters per person (K/C)",
    "ari": "adjusted Rand index",
    "ami": "adjusted mutual information",
    "bcubed_precision": "BCubed precision",
    "bcubed_recall": "BCubed recall",
    "bcubed_f": "BCubed F",
    "pair_precision": "precision of pairs",
    "pair_recall": "recall of pairs",
    "pair_f": "F of pairs",
    "mae_top2": "age: mean error, expectation of the top 2, years",
    "mae_top3": "age: mean error, top 3, years",
    "mae_all": "age: mean error, all 100, years",
    "rmse": "age: root mean square error, top 3, years",
    "adience": "age in the right Adience range",
    "gender": "gender right",
    "birth_mae": "birth year of a person: mean error, years",
    "birth_bias": "birth year: bias, years",
    "birth_covered": "birth year: truth inside the 80 % interval",
    "birth_width": "birth year: mean width of the interval, years",
}


F = TypeVar("F", bound=Callable[..., Any])


def _folder(name: str, what: str) -> Callable[[F], F]:
    kind = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.option(f"--{name}", type=kind, help=what)


@click.command(name="bench")
@_folder("lfw", "Labeled Faces in the Wild: a folder per person.")
@_folder("fgnet", "FG-NET, with labels.csv (file,person,age,birth_year).")
@_folder("utkface", "UTKFace, aligned and cropped.")
@click.option("--profile", default="default", type=click.Choice(["default", "paper"]))
@click.option("--embedder", type=click.Choice(["faceres", "resnet29", "fused"]))
@click.option("--attributes", type=click.Choice(["faceres", "faceres-deep"]))
@click.option("--clustering", default="default", type=click.Choice(["default", "paper"]))
@click.option("--cache", type=click.Path(path_type=Path), help="Keep what the nets say here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@everywhere
def command(
    lfw: Path | None, fgnet: Path | None, utkface: Path | None, as_json: bool, **options: Any
) -> None:
    """Measure accuracy on labelled folders, by the published protocols.

    Thresholds and corrections are those that ship; none is taken from the data that are scored.

    Example:  album bench --lfw ~/sets/lfw --fgnet ~/sets/fgnet
    """
    from album.bench.run import bench

    given = {"lfw": lfw, "fgnet": fgnet, "utkface": utkface}
    folders = {name: folder for name, folder in given.items() if folder}
    if not folders:
        raise click.UsageError("Give at least one folder, such as --lfw FOLDER.")
    bar: Any = click.progressbar(length=1, label="Measuring", file=sys.stderr)
    with bar as shown:

        def progress(done: int, total: int) -> None:
            shown.length = total
            shown.update(done - shown.pos)

        result = bench(folders, progress=progress, **options)
    if as_json:
        echo_json(result)
        return
    for name, rows in result.items():
        _print(name, rows)


def _print(name: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    measured, paper = rows["measured"], rows["paper"]
    counts = f"{text.count(int(measured['faces']), 'face')}, {int(measured['missed'])} not found"
    click.echo(f"\n{name}: {counts}")
    click.echo(f"  {'':52} {'here':>8} {'paper':>8}")
    for key, value in measured.items():
        if key not in ("faces", "missed"):
            told = f"{paper[key]:8.3f}" if key in paper else f"{text.NOTHING:>8}"
            click.echo(f"  {TITLES.get(key, key):52} {value:8.3f} {told}")
