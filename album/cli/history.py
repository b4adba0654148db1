"""``album history``: the changes that were made to people."""

import click

from album.cli import text
from album.cli.common import Session, echo_json, everywhere, opened

LIMIT = 20
COLUMNS = (
    text.Column("When"),
    text.Column("What", stretch=True),
    text.Column("State"),
)


@click.command(epilog="For example:  album history --limit 0")
@click.option("--limit", type=click.IntRange(min=0), help=f"0 means all.  [default: {LIMIT}]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
@click.pass_obj
def command(session: Session, limit: int | None, as_json: bool) -> None:
    """List the changes that were made to people, the last one first.

    `album undo` takes back the first that is not undone, `album redo` makes the last that is
    undone again.
    """
    from db.journal.journal import history

    most = LIMIT if limit is None else limit
    with opened(session) as library:
        rows = history(library, limit=most + 1 if most else None)
    chosen = rows[:most] if most else rows
    if as_json:
        events = [
            {
                "event": row.event_id,
                "at": row.at.isoformat(timespec="seconds"),
                "kind": row.kind,
                "summary": row.summary,
                "people": list(row.person_ids),
                "undone": row.undone,
            }
            for row in chosen
        ]
        echo_json({"format": 1, "history": events})
        return
    if not rows:
        click.echo("No change was made to this library yet.")
        return
    lines = (
        (
            row.at.astimezone().strftime("%Y-%m-%d %H:%M"),
            row.summary,
            "undone" if row.undone else "",
        )
        for row in chosen
    )
    click.echo("\n".join(text.table(COLUMNS, lines)))
    if len(chosen) < len(rows):
        click.echo("\n… and more (--limit 0 lists all).")
