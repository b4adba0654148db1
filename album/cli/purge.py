"""``album purge``: forget the photos that are not on the disk any more."""

from collections.abc import Iterator

import click

from album.cli import text
from album.cli.common import Session, echo_json, everywhere, opened
from album.cli.forget import confirm, consequences, counts, record, report
from album.edits.forget import purge
from db.journal.forgetting import Loss, cleaning_due, gone_loss
from db.library import Library


@click.command(epilog="For example:  album purge --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Say what was forgotten as JSON.")
@everywhere
@click.pass_context
def command(context: click.Context, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Forget photos whose files are gone, and paths that are; what comes back is indexed again.

    A file counts as gone when `album index` has looked into its folder and did not find it. People
    whom you have named stay, even without a photo.
    """
    session = context.ensure_object(Session)
    if dry_run:
        with opened(session) as library:
            loss = gone_loss(library)
        if as_json:
            echo_json(record(loss) | {"dry_run": True})
        else:
            click.echo(f"Would be forgotten: {_what(loss)}." if loss.files or loss.photos else NONE)
        return
    with Library.open(session.path, create=False) as library:
        loss = gone_loss(library)
        empty = not (loss.files or loss.photos)
        if empty and not cleaning_due(library):
            click.echo(NONE, err=as_json)
            if as_json:
                echo_json(record(loss))
            return
        if not empty:
            confirm(context, _lines(library, loss), yes=yes, quiet=as_json)
        done = purge(library)
    if empty and not as_json:
        click.echo("Wiped out what was left of things forgotten before.")
    else:
        report(done, as_json=as_json)


NONE = "Nothing to purge: every photo of the library is on the disk."


def _what(loss: Loss) -> str:
    return f"{counts(loss)}, and {text.count(loss.files, 'path')}"


def _lines(library: Library, loss: Loss) -> Iterator[str]:
    yield f"Will be forgotten, because the files are gone: {_what(loss)}."
    yield from consequences(library)
