"""The ``album`` group: finds the command, and turns errors into one sentence and an exit code."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import album
from album.cli import STOPPED
from album.cli.common import FAILED, INTERRUPTED, LIBRARY, READER_GONE, Session

SECTIONS = {
    "Find people": {
        "index": "Find the faces in photos and group them into people.",
        "watch": "Index folders, and then what comes into them.",
        "people": "List the people that were found.",
        "show": "Show one person: every photo, with age at the time.",
        "find": "Print the paths of photos, by who is in them, when, and how old.",
        "dates": "Show what dates go by and why; set them by hand.",
        "status": "Show what the library holds, and which files could not be read.",
    },
    "Put people right": {
        "suggest": "Ask what is worth knowing: are these two the same person?",
        "name": "Give a person a name.",
        "merge": "Make several people one.",
        "split": "Make some faces of a person somebody else.",
        "move": "Say whose a face is.",
        "reject": "Say that a face is not the person's.",
        "set": "Say what is known: birth date, gender, the face to show.",
        "hide": "Leave a person out of lists.",
        "unhide": "Show a hidden person again.",
        "same-person-twice": "Allow a person twice in a photo: a collage, a mirror.",
        "regroup": "Group all faces anew, within what you have said.",
        "import-tags": "Bring in names that other programs have written into the photos.",
        "undo": "Take the last change back.",
        "redo": "Make the change again that was taken back last.",
        "history": "List the changes that were made.",
    },
    "Use and end": {
        "serve": "Show the album in a browser.",
        "analyze": "Draw age, gender and emotion on copies of photos.",
        "export": "Write people and faces: tables, folders, web pages, pictures to print.",
        "library": "Copy a library to another place, or to or from a server.",
        "forget": "Forget people or photos without a trace, or delete the whole library.",
        "purge": "Forget photos whose files are gone.",
        "models": "List, add and remove nets that are not shipped.",
        "batch": "Index and group many libraries on one cluster.",
        "worker": "Read photos for an index that runs on another machine.",
        "bench": "Measure accuracy on labelled folders, by the published protocols.",
        "train": "Train the heads for age and gender on labelled faces.",
    },
}
COMMANDS = {name: about for section in SECTIONS.values() for name, about in section.items()}
MODULES = {name: f"album.cli.{name.replace('-', '_')}" for name in COMMANDS}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a first use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(MODULES[cmd_name]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), about) for name, about in commands.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Everything stays on this machine. Start with:  album index ~/Photos",
)
@click.option(
    "--library",
    envvar="ALBUM_LIBRARY",
    type=LIBRARY,
    metavar="PATH",
    help="The library file, or postgresql+psycopg://USER@HOST/DATABASE.  "
    "[default: in your data folder; env: ALBUM_LIBRARY]",
)
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks.")
@click.version_option(album.__version__, prog_name="album")
@click.pass_context
def group(ctx: click.Context, library: Path | str | None, verbose: bool) -> None:
    """Find every person in your photos, and tell each one's gender and birth year."""
    # Imported late, so that `album --help` starts at once.
    from album.files.temporary import sweep

    session = ctx.ensure_object(Session)
    session.library, session.verbose = library, verbose
    sweep()


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 failed, 2 wrong usage, or a file or folder that is not there, 3 done but
    for files that could not be read, 130 interrupted, 141 the reader of the output has left.
    """
    session = Session()
    try:
        code = group.main(args, prog_name="album", standalone_mode=False, obj=session)
    except click.exceptions.Abort as error:
        _leave_interrupted(now=isinstance(error.__cause__, KeyboardInterrupt))
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        code = _leave_reader_gone()
    except Exception as error:
        if _is_interrupt(error):
            _leave_interrupted(now=True)
        code = report(error, verbose=session.verbose)
    sys.exit(code if isinstance(code, int) else 0)


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind an error: what is imported meanwhile may wrap it."""
    seen: list[BaseException] = []  # causes may form a circle
    while error is not None and not any(error is one for one in seen):
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.append(error)
        error = error.__cause__
    return False


def _leave_interrupted(*, now: bool) -> None:
    click.echo(STOPPED, err=True)
    if now:
        # All that needs closing is closed; only threads busy with a photo may be left, and waiting
        # for those is not what Ctrl-C means.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)
    sys.exit(INTERRUPTED)


def _leave_reader_gone() -> int:
    """Say nothing more: whoever read our output, `head` say, has seen enough."""
    # What is left in the buffer would raise once more when Python flushes it at its end.
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - os.devnull is no path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return READER_GONE


def report(error: Exception, *, verbose: bool) -> int:
    """Print an error as one sentence, with a traceback where it was asked for.

    Returns
    -------
    int
        The exit code.
    """
    # Imported late: there is mostly no error.
    from album.cli.remedies import sentence
    from album.cli.text import safe

    if verbose:
        import traceback

        traceback.print_exception(error)

    click.echo(f"album: {safe(' '.join(sentence(error).split()))}", err=True)
    return int(getattr(error, "exit_code", FAILED))
