"""``album forget``: people, photos, or everything."""

from collections.abc import Iterable, Iterator, Sequence

import click

from album.cli import text
from album.cli.common import FAILED, Session, echo_json, everywhere
from album.edits.forget import (
    Doomed,
    Forgotten,
    backups,
    chosen_people,
    chosen_photos,
    doomed,
    forget_library,
    forget_people,
    forget_photos,
)
from album.people.labels import person_label
from db.journal.forgetting import Loss, people_loss, photos_loss
from db.library import Library

WHICH = (
    "Say what to forget: people (album forget Ana), photos (album forget --photo a.jpg), or the "
    "whole library (album forget --everything)."
)


@click.command(epilog="For example:  album forget Ana  or  album forget --photo old/*.jpg")
@click.argument("what", nargs=-1, metavar="[PERSON|PATH]...")
@click.option("--photo", is_flag=True, help="Forget photos: files, or folders with all below.")
@click.option("--everything", is_flag=True, help="Delete the library with its backups.")
@click.option("--completely", is_flag=True, help="Do not even remember what must not come back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Say what was forgotten as JSON.")
@everywhere
@click.pass_context
def command(
    context: click.Context,
    /,
    what: tuple[str, ...],
    photo: bool,
    everything: bool,
    completely: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget people, by id or by name; or photos; or everything. No photo is touched.

    Faces, vectors, ages and names are wiped out of the library file, backups of it are deleted,
    and so are the changes in the journal that speak of them. `album undo` does not bring them back.

    Of a person, only the places of the faces are remembered, so that they are not found there
    again; of a photo, only a digest of its content, so that it is not indexed again. With
    --completely nothing is remembered, and the next analysis may find them anew.
    """
    if everything == bool(what) or (everything and (photo or completely)):
        raise click.UsageError(WHICH)
    path = context.ensure_object(Session).path
    if everything:
        found = doomed(path)
        confirm(context, _everything(found), yes=yes, quiet=as_json)
        forget_library(found)
        _report_deleted(found, as_json)
        return
    with Library.open(path, create=False) as library:
        plan = _photos if photo else _people
        confirm(context, plan(library, what, completely), yes=yes, quiet=as_json)
        forget = forget_photos if photo else forget_people
        done = forget(library, what, completely=completely)
    report(done, as_json=as_json)


def _everything(found: Doomed) -> Iterator[str]:
    held = ""
    if found.status is not None:
        photos = text.count(found.status.photos, "photo")
        faces = text.count(found.status.faces, "face")
        names = text.count(found.status.named, "name")
        held = f" of {photos}, with {faces} and {names}"
    yield f"The library{held}:"
    if found.server:
        yield f"  all tables in {text.safe(found.server)}"
    for path in found.files:
        if path.exists():
            yield f"  {text.path_text(path)}  ({text.size(path.stat().st_size)})"
    yield "The photos stay as they are. Names that you gave can't be brought back."


def _people(library: Library, who: Sequence[str], completely: bool) -> Iterator[str]:
    people = chosen_people(library, who)
    for person in people:
        photos = text.count(person.photos, "photo")
        number = f"{person_label(person.id)}, " if person.name else ""
        yield text.safe(f"{person.label} ({number}in {photos})")
    loss = people_loss(library, [person.id for person in people])
    yield (
        f"Will be forgotten: {counts(loss)}, with vectors, ages and names, and the changes in the "
        "journal that speak of them."
    )
    yield from consequences(library)
    if completely:
        yield "Nothing is remembered: when photos are analysed again, the faces may be found anew."


def _photos(library: Library, paths: Sequence[str], completely: bool) -> Iterator[str]:
    known, contents = chosen_photos(library, paths, completely=completely)
    loss = photos_loss(library, known)
    copies = f" in {text.count(loss.files, 'file')}" if loss.files > loss.photos else ""
    if known:
        yield f"Will be forgotten: {counts(loss)}{copies}. The files stay where they are."
    if contents:
        yield f"May be indexed again: {text.count(len(contents), 'photo')} forgotten before."
    yield from consequences(library)
    if completely:
        yield "Nothing is remembered: `album index` may read the photos again."


def consequences(library: Library) -> Iterator[str]:
    """Say what else is lost, and what is not."""
    if count := len(backups(library.path)):
        them = text.count(count, "backup") + " of the library"
        yield f"Will be deleted, because the same is in there: {them}."
    yield "This can't be undone. Exports, and names written into photos, stay as they are."


def counts(loss: Loss | Forgotten) -> str:
    """Say how much is lost: 1 person, 2 faces and 3 photos."""
    parts = [
        text.count(loss.people, "person", "people") if loss.people else "",
        text.count(loss.photos, "photo") if loss.photos or not loss.people else "",
        text.count(loss.faces, "face"),
    ]
    *first, last = [part for part in parts if part]
    return f"{', '.join(first)} and {last}" if first else last


def confirm(context: click.Context, lines: Iterable[str], *, yes: bool, quiet: bool) -> None:
    """Say what will happen and ask; leave where the answer is no, or nobody answers."""
    for line in lines:
        click.echo(line, err=quiet)
    if not (yes or _confirmed(err=quiet)):
        click.echo("Nothing was deleted.", err=True)
        context.exit(FAILED)


def _confirmed(*, err: bool) -> bool:
    try:
        return click.confirm("Delete it?", err=err)
    except click.Abort:  # no terminal to ask on, or Ctrl-C
        click.echo(err=True)
        return False


def report(done: Forgotten, *, as_json: bool) -> None:
    """Say what was forgotten."""
    if as_json:
        echo_json(record(done))
        return
    click.echo(f"Forgotten: {counts(done)}.")
    if done.backups:
        click.echo(f"Deleted: {text.count(len(done.backups), 'backup')} of the library.")


def record(done: Forgotten | Loss) -> dict[str, object]:
    """Return what was forgotten as JSON has it."""
    numbers = {key: getattr(done, key) for key in ("people", "faces", "photos", "files")}
    return {"format": 1, **numbers, "backups": len(getattr(done, "backups", ()))}


def _report_deleted(found: Doomed, as_json: bool) -> None:
    if as_json:
        files = [text.path_text(path) for path in found.files or (found.server,)]
        echo_json({"format": 1, "deleted": files})
    else:
        click.echo("Deleted.")
