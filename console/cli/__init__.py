"""The command line. One module per command, imported only when that command runs, so that `incident --help` stays cheap."""

from __future__ import annotations

import gc
import importlib
import os
import shlex
import sys
from typing import Any

import click

COMPLETION = "_INCIDENT_COMPLETE"
"""Variable by which a shell asks what could be typed next."""
COMMANDS: dict[str, str] = {
    "run": "opens the console (the default command)",
    "demo": "starts a small live system with a fault in it, and opens the console on it",
    "diagnose": "one diagnosis, no screen",
    "logs": "filtered log lines",
    "patterns": "log patterns of a window against its baseline",
    "changes": "the change timeline",
    "health": "probes every dependency once",
    "repro": "makes a failure happen again, safely: import, run, minimise, compare, verify, export",
    "case": "the incident's record: new, list, show, note, hypothesis, state, update, handoff, verify, close",
    "replay": "opens the console on what was recorded in a case",
    "report": "the root-cause and follow-up report of a case: Markdown, HTML or JSON",
    "fix": "from a suspect deploy to a branch that mends it: suspects, branch, verify, handover, undo",
    "recovery": "what recovered means, written before the fix, and whether it holds: contract, check, canary",
    "doctor": "checks terminal, clock, permissions and every source, and says how to mend what is wrong",
    "config": "writes, validates or shows the configuration",
    "schema": "prints the JSON Schema of a document that this program writes",
}
"""Every command that exists, with the line that `--help` shows; the module is `console.cli.<name>`, its command `command`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        gc.disable()  # nothing is garbage while all is new, and looking for some takes time
        try:
            command = importlib.import_module(f"console.cli.{cmd_name}").command
        finally:
            gc.enable()
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message} {_nearest(args[0])}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _nearest(word: str) -> str:
    import difflib  # only on this error path

    close = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else "`incident --help` lists the commands."


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(package_name="incident-console", prog_name="incident")
@click.option("--config", "config_path", metavar="FILE", help="As for `incident run`.")
@click.option("--theme", metavar="NAME", help="As for `incident run`.")
@click.pass_context
def incident(ctx: click.Context, config_path: str | None, theme: str | None) -> int:
    """Diagnoses live production incidents from evidence, in the terminal. Without a command it opens the console."""
    given = [*(("--config", config_path) if config_path else ()), *(("--theme", theme) if theme else ())]
    if ctx.invoked_subcommand is None:
        from console.cli.run import command  # imports the screen only when it is wanted

        return _invoked(command, "incident", given)
    if given:
        behind = shlex.join(("incident", ctx.invoked_subcommand, *given))
        raise click.UsageError(f"put options behind the command: {behind}", ctx)
    return 0


def main(argv: list[str] | None = None) -> None:
    """Entry point of the `incident` command; every failure a user can cause ends in one sentence and an exit code."""
    from console.cli.outcome import run_guarded

    sys.exit(run_guarded(lambda: _run(argv)))


def _run(argv: list[str] | None) -> int:
    """What `incident.main` does, but for its own idea of what a closed pipe, an interrupt and an error mean."""
    instruction = os.environ.get(COMPLETION)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(incident, {}, "incident", COMPLETION, instruction)
    return _invoked(incident, "incident", sys.argv[1:] if argv is None else argv)


def _invoked(command: click.Command, name: str, arguments: list[str]) -> int:
    with command.make_context(name, list(arguments)) as context:
        result: Any = command.invoke(context)
    return result if isinstance(result, int) else 0
