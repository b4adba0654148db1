"""``album models``: nets that are not shipped, added by the user."""

import click

from album.cli.common import echo_json, everywhere
from album.errors import shown


@click.group(epilog="For example:  album models add retinaface mobilenet0.25_Final.pth")
def command() -> None:
    """List, add and remove models that the program can use and does not ship."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@everywhere
def list_command(as_json: bool) -> None:
    """List the models that can be added."""
    from album.models.added import list_models, models_folder

    found = list_models()
    if as_json:
        records = [
            {
                "name": one.model.name,
                "installed": one.path is not None,
                "sha256": one.model.sha256,
                "bytes": one.model.bytes,
                "licence": one.model.licence,
                "source": one.model.source,
                "training": one.model.training,
            }
            for one in found
        ]
        echo_json({"format": 1, "folder": shown(models_folder()), "models": records})
        return
    for one in found:
        state = "installed" if one.path else "not installed"
        click.echo(f"{one.model.name}  {state}")
        click.echo(f"  {one.model.about}.")
        click.echo(f"  {one.model.licence}; trained on {one.model.training}.")
        click.echo(f"  {shown(one.path) if one.path else one.model.source}")


@command.command("add")
@click.argument("name")
@click.argument("source", metavar="FILE|URL", required=False)
@everywhere
def add_command(name: str, source: str | None) -> None:
    """Add the model NAME from a file, or from an address that you give.

    The file is taken only if it is the published one. Nothing is fetched from anywhere unless an
    address is given; docs/network.md lists all commands that can be given one.
    """
    from album.models.added import ModelRefused, add_model
    from nets.runtime.addable import ADDABLE

    if source is None and name in ADDABLE:
        model = ADDABLE[name]
        raise ModelRefused(
            f"Say where {name} is: its file, or an address. It was published at {model.source}."
        )
    path = add_model(name, source or "")
    click.echo(f"Added {name}: {shown(path)}")
    click.echo("New libraries are indexed with it; for others say `album index --detector` once.")


@command.command("remove")
@click.argument("name")
@everywhere
def remove_command(name: str) -> None:
    """Remove the model NAME again; what was found with it stays."""
    from album.models.added import remove_model

    path = remove_model(name)
    click.echo(f"Removed {shown(path)}." if path else f"{name} was not installed.")
