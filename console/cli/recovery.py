"""`incident recovery`: what recovered means, written before the fix, and whether it holds."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli.case_session import book_of, into_case, told
from console.cli.options import Request, at_option, common, request, span_option, wants_colour, write_json
from console.cli.outcome import Exit, say
from console.config.effective import state_folder
from console.domain.instant import Instant, clock_text
from console.domain.recovery import HOLD_LEAST_S, HOLD_MOST_S, Contract, Fix, Proof, Recovery, Verdict

if TYPE_CHECKING:
    from console.analysis.contract import NothingToRecover
    from console.domain.diagnosis import Diagnosis
    from console.domain.observations import Observations

EXITS = {
    Verdict.RECOVERED: Exit.DONE,
    Verdict.NOT_RECOVERED: Exit.INCIDENT,
    Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Verdict.NO_DATA: Exit.INCONCLUSIVE,
}
case_option = click.option("--case", metavar="ID", help="Also write it into this case, and read its contract there.")


@click.group("recovery")
def command() -> None:
    """Write down what recovered means, and check whether it holds."""


@command.command("contract")
@common
@click.option("--hold", metavar="SPAN", help="How long everything must hold; default: as configured, else 15m.")
@click.option(
    "--error-margin",
    type=click.FloatRange(min=0, max=1, min_open=True),
    metavar="RATIO",
    help="How far error ratios may stay above the baseline; default: as configured, else 0.001 or half of the baseline.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write it to FILE.")
@case_option
def contract_command(
    hold: str | None, error_margin: float | None, out: Path | None, case: str | None, **options: Any
) -> int:
    """Diagnose, and write down what must be back: signals, levels, margins, hold time. To be done before the fix.

    \b
    Exit code: 0 written · 1 nothing is wrong that could come back · 3 inconclusive · 4 every needed source is down.
    """
    from console.analysis.contract import NothingToRecover, with_reproduction, write_contract
    from console.analysis.diagnose import diagnose

    asked = request(**options)
    table = asked.loaded.config.recovery
    hold_s = span_option("--hold", hold if hold is not None else table.hold)
    margin = error_margin if error_margin is not None else table.error_margin
    if not HOLD_LEAST_S <= hold_s <= HOLD_MOST_S:
        raise click.BadParameter(
            f"{hold}: it must be at least {HOLD_LEAST_S:g} s and at most a day", param_hint="--hold"
        )
    seen = asyncio.run(_observe(asked, hold_s))
    diagnosis = diagnose(seen, services=asked.services, generated_at=time.time())
    try:
        contract = write_contract(seen, diagnosis, hold_s, margin)
    except NothingToRecover as error:
        return _nothing(diagnosis, error)
    if case is not None and _proofs(asked, case, asked.at):
        contract = with_reproduction(contract)
    _keep(asked, contract, out, case)
    _show_contract(asked, contract)
    return Exit.DONE


def _nothing(diagnosis: Diagnosis, error: NothingToRecover) -> int:
    from console.analysis.verdict import all_down
    from console.domain.diagnosis import State

    say(f"no contract is written: {error}")
    if diagnosis.state is State.INCONCLUSIVE:
        return Exit.SOURCES_DOWN if all_down(diagnosis.sources) else Exit.INCONCLUSIVE
    return Exit.INCIDENT


async def _observe(asked: Request, hold_s: float) -> Observations:
    """What a diagnosis is made from, in the steps that will be judged."""
    from console.observe import gather, open_sources
    from console.recover import step_for

    sources = open_sources(asked.loaded)
    try:
        return await gather(sources, asked.window, asked.at, step_for(hold_s), live=not asked.at_given)
    finally:
        await sources.close()


def _keep(asked: Request, contract: Contract, out: Path | None, case: str | None) -> None:
    from console.case.entries import contract as entry
    from console.recover import keep_contract, write_synced
    from console.report.recovery_json import contract_json

    path = keep_contract(state_folder(asked.loaded), contract)
    if out is not None:
        write_synced(out, contract)
    say(f"written to {out if out is not None else path}")
    into_case(asked.loaded, case, entry(contract_json(contract), occurred_at=contract.at))


def _show_contract(asked: Request, contract: Contract) -> None:
    if asked.as_json:
        from console.report.recovery_json import contract_json

        write_json(contract_json(contract))
        return
    from console.report.recovery_text import contract_text

    click.echo(contract_text(contract, asked.zone), nl=False)


@command.command("check")
@common
@click.option(
    "--contract",
    "contract_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The contract; default: that of --case, else the newest one.",
)
@click.option(
    "--fixed-at", metavar="TIME", help="When the fix was in place; default: the newest change since the contract."
)
@case_option
def check_command(contract_path: Path | None, fixed_at: str | None, case: str | None, **options: Any) -> int:
    """Say whether the contract holds: recovered, not recovered, inconclusive (what is missing, how long), or no data.

    \b
    Without a contract, one is made from what was known just before the newest change.
    Exit code: 0 recovered · 1 not recovered · 3 inconclusive or no data · 4 every needed source is down.
    """
    asked = request(**options)
    at = min(asked.at, asked.window.end)
    contract = _contract(asked, contract_path, case, at)
    if contract is not None and contract.at > at:
        raise click.UsageError(
            f"the contract was written at {clock_text(contract.at, asked.zone)}, after the knowledge time {clock_text(at, asked.zone)}"
        )
    when = fixed_at if fixed_at is not None else options["since"]
    fix = _fix(when, asked, at)
    proofs = _proofs(asked, case, at) if case is not None else ()
    recovery = asyncio.run(_check(asked, _narrowed(contract, asked.services), fix, at, proofs))
    if case is not None:
        from console.case.entries import recovery as entry
        from console.report.recovery_json import recovery_json

        into_case(asked.loaded, case, entry(recovery_json(recovery), occurred_at=recovery.at))
    _show(asked, recovery)
    return exit_code(recovery)


def exit_code(recovery: Recovery) -> int:
    """The exit code that goes with a verdict."""
    from console.analysis.verdict import all_down

    unknown = recovery.verdict in (Verdict.INCONCLUSIVE, Verdict.NO_DATA)
    return Exit.SOURCES_DOWN if unknown and all_down(recovery.sources) else EXITS[recovery.verdict]


def _contract(asked: Request, path: Path | None, case: str | None, at: Instant) -> Contract | None:
    """The contract of the file, else of the case, else the newest of the state folder.

    Raises:
        click.UsageError: It cannot be understood.
    """
    from console.config.errors import ConfigError
    from console.recover import load_contract, newest_contract
    from console.report.recovery_json import BadContract, contract_of

    try:
        if path is not None:
            return load_contract(path)
        if case is not None:
            recorded = told(lambda: book_of(asked.loaded, case).read(at))().contract
            if recorded is not None:
                return contract_of(dict(recorded))
            say("the case holds no contract; the newest of this machine is used, if there is one")
    except BadContract as error:
        raise click.UsageError(str(error)) from None
    try:
        return newest_contract(state_folder(asked.loaded), at)
    except ConfigError:  # without a folder for state there is no contract in it
        return None


def _fix(text: str | None, asked: Request, at: Instant) -> Fix | None:
    from console.recover import told_fix

    if text is None:
        return None
    when = at_option("--fixed-at", text, at, asked.zone)
    if when > at:
        raise click.BadParameter(f"{text} lies after the knowledge time", param_hint="--fixed-at")
    return told_fix(when)


def _narrowed(contract: Contract | None, services: tuple[str, ...]) -> Contract | None:
    """Only the signals of the services that were asked for."""
    from dataclasses import replace

    if contract is None or not services:
        return contract
    kept = tuple(term for term in contract.terms if term.service in services)
    if not any(term.critical for term in kept):
        raise click.UsageError(
            f"the contract is not about {', '.join(services)}, but about {', '.join(contract.services)}"
        )
    return replace(contract, terms=kept)


def _proofs(asked: Request, case: str, at: Instant) -> tuple[Proof, ...]:
    """What the reproduction of the case had shown by then."""
    from console.case.proofs import proofs_of

    return proofs_of(told(lambda: book_of(asked.loaded, case).read(at))())


async def _check(
    asked: Request, contract: Contract | None, fix: Fix | None, at: Instant, proofs: tuple[Proof, ...]
) -> Recovery:
    from console.observe import open_sources
    from console.recover import check, observe

    sources = open_sources(asked.loaded)
    try:
        seen = await observe(sources, contract, at, live=not asked.at_given)
        return await check(sources, seen, contract, asked.zone, fix, proofs)
    finally:
        await sources.close()


def _show(asked: Request, recovery: Recovery) -> None:
    if asked.as_json:
        from console.report.recovery_json import recovery_json

        write_json(recovery_json(recovery))
        return
    from console.report.recovery_text import human_text, plain_text

    if asked.plain:
        click.echo(plain_text(recovery, asked.zone), nl=False)
    else:
        click.echo(human_text(recovery, asked.zone, _style if wants_colour() else None), nl=False)


def _style(text: str, colour: str) -> str:
    return click.style(text, fg=colour, bold=True)


@command.command("canary")
@common
@click.option("--canary", required=True, metavar="NAME", help="The service name that the canary's series carry.")
@click.option("--control", required=True, metavar="NAME", help="That of instances of the old version, started with it.")
@click.option("--every", metavar="SPAN", default="5m", show_default=True, help="Time between two evaluations.")
@click.option("--old-control", is_flag=True, help="The control has run for long: told as a weakness.")
@click.option("--case", metavar="ID", help="Also write the verdict into this case.")
def canary_command(canary: str, control: str, every: str, old_control: bool, case: str | None, **options: Any) -> int:
    """Compare a canary with its control since --since, when both had settled.

    \b
    Exit code: 0 it does as well · 1 stop it · 3 inconclusive or no data · 4 every needed source is down.
    """
    from console.analysis.canary import judge_canary

    asked = request(**options)
    every_s = span_option("--every", every)
    if not math.isfinite(every_s) or every_s <= 0:
        raise click.BadParameter(f"{every} is no time at all", param_hint="--every")
    seen = asyncio.run(_observe(asked, 3 * every_s))
    recovery = judge_canary(seen, canary, control, asked.window.start, every_s, not old_control)
    if case is not None:
        from console.case.entries import canary as entry
        from console.report.recovery_json import recovery_json

        into_case(asked.loaded, case, entry(recovery_json(recovery), (canary, control), occurred_at=recovery.at))
    _show(asked, recovery)
    return exit_code(recovery)
