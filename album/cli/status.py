"""``album status``: what the library holds, and what could not be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import click

from album.cli import text
from album.cli.common import Session, echo_json, everywhere, opened
from album.cli.remedies import about_failures
from album.dates.sources import is_trusted
from album.errors import shown
from album.models.contracts import NetsUsed, nets_used
from album.people.records import path_record
from db.photos.files import failures
from db.photos.status import date_counts, status
from db.rows import FailureRow, Status

LIMIT = 20
KINDS = {
    "analysis": "photos analysed",
    "detector": "faces detected",
    "identity": "faces described",
    "attributes": "ages and genders",
    "emotion": "emotions",
}


@click.command(epilog="For example:  album status --all")
@click.option("--all", "everything", is_flag=True, help=f"List more than {LIMIT} failures.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with every failure.")
@everywhere
@click.pass_obj
def command(session: Session, everything: bool, as_json: bool) -> None:
    """Show what the library holds, where it lies, and which files could not be read."""
    with opened(session) as library:
        counts, failed = status(library), failures(library)
        dates, names = date_counts(library), _names(nets_used(library))
    undated = sum(n for source, precision, n in dates if not is_trusted(source, precision))
    if as_json:
        echo_json(_record(counts, failed, undated))
        return
    for line in _lines(counts, undated, names):
        click.echo(line)
    for line in _failed(failed, None if everything else LIMIT):
        click.echo(line)


def _record(counts: Status, failed: Sequence[FailureRow], undated: int) -> dict[str, object]:
    listed = [
        {**path_record(row.path), "stage": row.stage, "reason": shown(row.reason)} for row in failed
    ]
    return {
        "format": 1,
        **asdict(counts),
        **path_record(counts.path),
        "photos_without_trusted_date": undated,
        "failed": listed,
    }


def _names(nets: NetsUsed | None) -> dict[str, str]:
    """Return the names of the nets that faces were last grouped with, by their contracts."""
    if nets is None:
        return {}
    return {
        nets.identity_contract: f" by {nets.embedder}",
        nets.attributes_contract: f" by {nets.attributes}",
    }


def _lines(counts: Status, undated: int, names: Mapping[str, str]) -> Iterator[str]:
    clips = f", {text.count(counts.clips, 'clip')}" if counts.clips else ""
    gone = f", {text.number(counts.gone_files)} gone" if counts.gone_files else ""
    yield f"Library   {text.path_text(counts.path)}"
    yield f"          {text.size(counts.size)}, format {counts.schema_version}"
    yield f"Files     {text.number(counts.present_files)} present{gone}"
    yield f"Photos    {text.number(counts.photos)}{clips}"
    if moving := [
        *([f"{text.number(counts.live_photos)} Live Photos"] if counts.live_photos else []),
        *([f"{text.number(counts.motion_photos)} motion photos"] if counts.motion_photos else []),
    ]:
        yield f"          {' and '.join(moving)} among them"
    if counts.duplicates:
        yield f"          {text.number(counts.duplicates)} nearly repeat another"
    yield f"          {text.number(undated)} without a date that is to be trusted"
    yield f"Faces     {text.number(counts.faces)}"
    shown = counts.people - counts.passers_by
    passing = text.count(counts.passers_by, "passer-by", "passers-by")
    yield f"People    {text.number(shown)} ({text.number(counts.named)} named), and {passing}"
    for i, one in enumerate(counts.contracts):
        title = "Models" if i == 0 else ""
        what = f"{text.number(one.count)} {KINDS.get(one.kind, one.kind)}"
        yield f"{title:<10}{one.contract[:12]}  {what}{names.get(one.contract, '')}"


def _failed(failed: Sequence[FailureRow], limit: int | None) -> Iterator[str]:
    if not failed:
        yield "Failures  none"
        return
    yield ""
    yield click.style(f"{text.count(len(failed), 'file')} could not be read:", bold=True)
    for row in failed[:limit]:
        yield f"  {text.path_text(row.path)}"
        yield f"    {text.path_text(row.reason)}"
    if limit is not None and len(failed) > limit:
        yield f"  … and {text.number(len(failed) - limit)} more (album status --all)."
    yield from about_failures(row.stage for row in failed)
    yield "What was mended is read again by itself; `album index --retry` reads all of them again."
