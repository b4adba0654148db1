"""``album bench``: accuracy on labelled folders, beside the published figures."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from album.cli import text
from album.cli.common import echo_json, everywhere
from album.cli.progress import counting

TITLES = {
    "clusters_per_class": "clusters per person (K/C)",
    "ari": "adjusted Rand index",
    "ami": "adjusted mutual information",
    "bcubed_precision": "BCubed precision",
    "bcubed_recall": "BCubed recall",
    "bcubed_f": "BCubed F",
    "bcubed_f_resnet50": "BCubed F with the ResNet-50 of the paper",
    "pair_precision": "precision of pairs",
    "pair_recall": "recall of pairs",
    "pair_f": "F of pairs",
    "mae_top2": "age: mean error, expectation of the top 2, years",
    "mae_top3": "age: mean error, top 3, years",
    "mae_all": "age: mean error, all 100, years",
    "rmse": "age: root mean square error, top 3, years",
    "adience": "age in the right Adience range",
    "age_range": "age in the right one of 9 ranges",
    "age_range_near": "age in the right range or the next",
    "gender": "gender right",
    "birth_mae": "birth year of a person: mean error, years",
    "birth_bias": "birth year: bias, years",
    "birth_covered": "birth year: truth inside the 80 % interval",
    "birth_width": "birth year: mean width of the interval, years",
    "photos": "photos with faces",
    "passers_by": "of them passers-by",
    "largest": "faces of the largest person",
    "alone": "people of one face",
    "violations": "pairs of one person in one photo (must be 0)",
    "detector_precision": "precision at the default threshold",
    "pictures": "pictures",
    "ap_easy": "average precision, easy split",
    "ap_medium": "average precision, medium split",
    "ap_hard": "average precision, hard split",
}
PARTS = {
    "ap": "average precision",
    "recall": "recall at the default threshold",
}
SOURCES = {
    "wider": "  Published: RetinaFace with ResNet-50 (S2) on the official splits, not by height.",
    "lfw": "  Published: S1 on the 596 people of LFW who are also in YTF.",
}


F = TypeVar("F", bound=Callable[..., Any])


def _folder(name: str, what: str) -> Callable[[F], F]:
    kind = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.option(f"--{name}", type=kind, help=what)


@click.command(name="bench")
@_folder("lfw", "Labeled Faces in the Wild: a folder per person.")
@_folder("fgnet", "FG-NET, with labels.csv (file,person,age,birth_year).")
@_folder("utkface", "UTKFace, aligned and cropped; of heads trained on it, the fifth not seen.")
@_folder("fairface", "FairFace, with fairface_label_val.csv.")
@_folder("wider", "WIDER FACE, with wider_face_val_bbx_gt.txt or boxes.json.")
@_folder("photos", "Any photos, without labels: who is twice in one photo?")
@click.option(
    "--profile",
    default="default",
    type=click.Choice(["default", "paper", "fake"]),
    metavar="[default|paper]",
)
@click.option("--detector", type=click.Choice(["mtcnn", "retinaface"]))
@click.option("--embedder", type=click.Choice(["faceres", "resnet29", "fused"]))
@click.option(
    "--attributes",
    type=click.Choice(["faceres", "faceres-deep", "onepass", "onepass-deep", "coral"]),
)
@click.option("--clustering", default="default", type=click.Choice(["default", "paper"]))
@click.option(
    "--view",
    default=1600,
    show_default=True,
    type=click.IntRange(min=100),
    help="Longest side of the pictures of WIDER that faces are looked for in.",
)
@click.option("--cache", type=click.Path(path_type=Path), help="Keep what the nets say here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@everywhere
def command(as_json: bool, **options: Any) -> None:
    """Measure accuracy on labelled folders, by the published protocols.

    Thresholds and corrections are those that ship; none is taken from the data that are scored.

    Example:  album bench --lfw ~/sets/lfw --fgnet ~/sets/fgnet
    """
    from album.evaluation.run import SETS, bench

    given = {name: options.pop(name) for name in SETS}
    parts = {name: options.pop(name) for name in ("detector", "embedder", "attributes")}
    folders = {name: folder for name, folder in given.items() if folder}
    if not folders:
        raise click.UsageError("Give at least one folder, such as --lfw FOLDER.")
    with counting("Measuring", "face") as progress:
        result = bench(folders, parts=parts, progress=progress, **options)
    if as_json:
        echo_json(result)
        return
    for name, rows in result.items():
        _print(name, rows)


def _print(name: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    measured, paper = rows["measured"], rows["paper"]
    missed = "files not read" if name in ("photos", "wider") else "not found"
    faces = text.count(int(measured["faces"]), "face")
    click.echo(f"\n{name}: {faces}, {int(measured['missed'])} {missed}")
    keys = [key for key in dict.fromkeys((*measured, *paper)) if key not in ("faces", "missed")]
    lines = [(_title(key), _value(measured.get(key)), _value(paper.get(key))) for key in keys]
    columns = [text.Column(""), text.Column("here", right=True)]
    if paper:
        columns.append(text.Column("published", right=True))
    for line in text.table(columns, [line[: len(columns)] for line in lines]):
        click.echo(f"  {line}")
    if name in SOURCES:
        click.echo(SOURCES[name])


def _title(key: str) -> str:
    part, _, height = key.rpartition("_")
    if part in PARTS and height.isdigit():
        return f"{PARTS[part]}, faces of {height} px or more"
    return TITLES.get(key, key)


def _value(value: float | None) -> str:
    if value is None:
        return text.NOTHING
    return text.number(value) if isinstance(value, int) else f"{value:.3f}"
