"""``album import-tags``: names and faces that other programs have written into the photos."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from album.cli import text
from album.cli.common import PATH, SOME_FILES_FAILED, Session, echo_json, everywhere
from album.cli.progress import display
from album.errors import shown
from album.people.labels import person_label

if TYPE_CHECKING:
    from album.events import ImportReport, IndexReport, TagConflict
    from album.tags.importing.run import ImportOptions
    from db.journal.journal import Change
    from db.library import Library
    from nets.engine import Engine

SHOWN = 5


@click.command("import-tags", epilog="For example:  album import-tags ~/Photos --dry-run")
@click.argument("paths", nargs=-1, type=PATH, metavar="[PATH…]")
@click.option(
    "--jobs",
    type=click.IntRange(min=1, max=256),
    default=os.cpu_count() or 1,
    show_default="one for each core",
    help="Photos that are read at the same time.",
)
@click.option("--no-group", is_flag=True, help="Don't let other faces join those with names.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[Path, ...],
    jobs: int,
    no_group: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring in names that other programs have written into the photos, or beside them.

    Face regions in XMP are read as digiKam, Lightroom, Picasa and Windows write them, from a
    sidecar or else from the photo. PATHs are photos and folders that have been indexed; without
    any, all are read. What you have said yourself is never overruled, and album undo takes all of
    it back. docs/import-tags.md has the rules.
    """
    from album.tags.importing.run import ImportOptions

    session = context.ensure_object(Session)
    options = ImportOptions(jobs, dry_run)
    report, change, grouped = run(session, paths, options, group=not (no_group or dry_run))
    if as_json:
        echo_json(record(report, change, dry_run=dry_run))
    else:
        for line in summary(report, change, dry_run=dry_run):
            click.echo(line)
        if grouped is not None and grouped.reassigned:
            click.echo(f"{text.count(grouped.reassigned, 'face')} changed person by that.")
    if report.failures:
        context.exit(SOME_FILES_FAILED)


def run(
    session: Session, paths: tuple[Path, ...], options: "ImportOptions", *, group: bool
) -> "tuple[ImportReport, Change | None, IndexReport | None]":
    """Import and group, showing progress."""
    # Imported late: the nets are not needed to refuse a wrong option.
    from album.events import IndexReport, TagsImported
    from album.grouping.run import group_if_due
    from album.tags.importing.run import import_tags, photos_in
    from db.library import Library

    report, change, grouped = None, None, None
    with Library.open(session.path, create=False) as library, display() as shown_progress:
        engine = engine_of(library)
        photos = photos_in(library, paths, strict=True)
        with closing(import_tags(library, engine, photos, options)) as events:  # type: ignore[type-var]
            for event in events:
                shown_progress.add(event)
                if isinstance(event, TagsImported):
                    report, change = event.report, event.change
        if group and change is not None and change.event_id:
            grouped = IndexReport()
            for grouping in group_if_due(library, engine, "default"):
                shown_progress.add(grouping)
                grouped.add(grouping)
    assert report is not None
    return report, change, grouped


def engine_of(library: "Library") -> "Engine":
    """Return the nets by which a library is grouped, or the default ones."""
    from album.models.added import models_folder
    from album.models.contracts import nets_used
    from album.models.selection import DETECTOR
    from db.settings import get_setting
    from nets.engine import load_engine

    used, models = nets_used(library), models_folder()
    detector = get_setting(library, DETECTOR.setting)
    if used is None:
        return load_engine(detector=detector, models=models)
    detector = "fake" if used.embedder == "fake" else detector
    return load_engine(
        detector=detector, embedder=used.embedder, attributes=used.attributes, models=models
    )


def record(report: "ImportReport", change: "Change | None", *, dry_run: bool) -> dict[str, Any]:
    """Return what was done as JSON has it; docs/import-tags.md describes the keys."""
    from album.people.records import path_record

    failures = [{**path_record(path), "reason": shown(reason)} for path, reason in report.failures]
    return {
        "format": 1,
        "dry_run": dry_run,
        "event": (change.event_id or None) if change else None,
        "photos": report.photos,
        "tagged": report.tagged,
        "regions": report.regions,
        "names": report.names,
        "known": report.known,
        "followed": report.followed,
        "new_faces": report.founded,
        "people": report.people,
        "people_named": report.named,
        "people_new": report.new,
        "twice": report.twice,
        "overruled": report.overruled,
        "conflicts": [
            {
                **path_record(one.path),
                "face_id": one.face_id,
                "tag": one.tag,
                "person_id": one.person_id or None,
                "name": one.name,
            }
            for one in report.conflicts
        ],
        "doubled": report.doubled,
        "hints": report.hints,
        "cropped": [path_record(path) for path in report.cropped],
        "notes": report.notes,
        "failures": failures,
    }


def summary(report: "ImportReport", change: "Change | None", *, dry_run: bool) -> Iterator[str]:
    """Say in a few lines what was done."""
    regions = text.count(report.regions, "region")
    photos = text.count(report.photos, "photo")
    if not report.tagged:
        yield f"No tags about people in {photos}."
    else:
        yield f"{text.number(report.tagged)} of {photos} with tags about people, {regions}."
    would = "would get" if dry_run else "got"
    if report.names:
        people = text.count(len(report.people), "person", "people")
        known = [
            (report.named, "found before"),
            (report.new, "new"),
        ]
        parts = ", ".join(f"{text.number(n)} {what}" for n, what in known if n)
        more = f" ({parts})" if parts else ""
        yield f"{text.count(report.names, 'face')} {would} the names of {people}{more}."
    for number, sentence in _counts(report, dry_run=dry_run):
        if number:
            yield sentence
    for lines, unit, title in (
        (
            [_conflict_text(one) for one in report.conflicts],
            "tag",
            "against what you have said, which stays; where a tag is right, "
            "`album move FACE PERSON` says so:",
        ),
        (
            [text.path_text(path) for path in report.cropped],
            "photo",
            "of another shape than their regions were drawn in, so that these are left out:",
        ),
        (
            [text.safe(reason) for _, reason in report.failures],
            "photo",
            "whose tags could not be read:",
        ),
        (
            [text.safe(note) for note in report.notes],
            "photo",
            "with a name that can't be one here:",
        ),
    ):
        if lines:
            yield f"{text.count(len(lines), unit)} {title}"
            yield from (f"  {line}" for line in lines[:SHOWN])
            if len(lines) > SHOWN:
                yield f"  … and {text.number(len(lines) - SHOWN)} more (--json lists all)"
    if change is not None and change.event_id:
        yield "`album undo` takes it back."
    elif report.tagged and not dry_run:
        yield "Nothing was changed: the library says so already."


def _conflict_text(one: "TagConflict") -> str:
    who = person_label(one.person_id, one.name) if one.person_id else "nobody"
    path, face = text.path_text(one.path), one.face_id
    return f"{path}: {text.safe(one.tag)} for face {face}, which is {text.safe(who)}'s"


def _counts(report: "ImportReport", *, dry_run: bool) -> Iterator[tuple[int, str]]:
    count = text.count
    yield report.followed, f"{count(report.followed, 'face')} of the same groups follow."
    verb = "are to be looked at" if dry_run else "were added"
    yield report.founded, f"{count(report.founded, 'face')} that only tags know of {verb}."
    yield report.known, f"{count(report.known, 'tag')} said what is known already."
    yield (
        report.doubled,
        f"{count(report.doubled, 'tag')} named somebody twice in a photo, where no face is.",
    )
    yield report.twice, f"In {count(report.twice, 'photo')} somebody is twice, by two tags."
    yield (
        report.hints,
        f"Of {count(report.hints, 'photo')} names without a place were kept as hints.",
    )
