"""Where a provider is at fault: no branch, but why, what stops the harm, and a ticket that names failing requests and no secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from console.domain.diagnosis import Evidence, Standing, Suspect
from console.domain.instant import Window
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText
from console.domain.topology import DependencyState, Health
from console.fix.provider import MOST_REQUESTS, ProviderView, provider_of
from console.guard.sanitise import UNSAFE, safe
from console.live.desk import Desk
from console.screens.base import ConsoleScreen
from console.screens.mending import fix_of
from console.screens.places import FixOf
from console.screens.provider import ProviderScreen
from console.state import ConsoleState, UpstreamRow
from tests.tui.fakes import NOW, System, line, until
from tests.tui.test_case_screen import Clock, desk
from tests.tui.test_console import diagnosed, screen_text
from tests.widgets.samples import HOSTILE
from widgets import provider
from widgets.body import Look

STATE = DependencyState("cardpay", "third_party", Health.DOWN, 0.75, 4.86, "own outbound calls", NOW)
SUSPECT = Suspect(
    1, "third_party", "cardpay", None, None, 0.9, Standing.LEADING, SafeText("cardpay"),
    (
        Evidence(SafeText("calls to it fail"), "fact", True, "payments"),
        Evidence(SafeText("its probe is green"), "fact", False, "probes"),
    ), None,
)  # fmt: skip


def record(number: int, message: str = "timeout after 3000 ms calling cardpay", status: int | None = None) -> LogRecord:
    return line(message, NOW - 60 + number, operation="", status=status, trace_id=f"{number:032x}")


def view(records: list[LogRecord], name: str = "cardpay") -> ProviderView:
    return provider_of(name, None, STATE, SafeText("0 of 11 changes can explain this"), records, ("fail over",))


def test_the_ticket_says_how_many_calls_fail_and_names_the_newest_requests_once() -> None:
    twice = [record(number) for number in range(20)] + [record(19, "the same again")]
    fields = dict(view(twice).fields)
    assert fields["symptom"] == "75 % of our calls to cardpay fail, 95 % of them end within 4.9 s"
    ids = fields["requests"].split("; ")
    assert len(ids) == MOST_REQUESTS and ids[0].startswith(f"{19:032x} (")
    assert "the same again" in ids[0] and len({one[:32] for one in ids}) == MOST_REQUESTS


def test_what_is_no_failing_request_is_not_named() -> None:
    calm = record(1)
    records = [record(2, status=504), record(3, "x").__class__(NOW, Level.ERROR, "a", SafeText("no trace"))]
    records.append(line("slow", NOW, level=Level.WARN, status=None, trace_id="f" * 32))
    assert dict(view(records).fields)["requests"] == "none are known"
    assert f"{1:032x}" in dict(view([*records, calm]).fields)["requests"]


def test_no_secret_leaves_in_a_ticket() -> None:
    told = dict(view([record(1, "refused: Authorization: Bearer abcdefghijklmnop0123456789")]).fields)
    assert "abcdefghijklmnop" not in told["requests"]


@pytest.mark.parametrize("width", [20, 60, 118])
def test_whatever_it_is_called_no_line_is_wider_than_its_pane(width: int) -> None:
    name = safe(" ".join(HOSTILE) + " 円円円 " + "x" * 200)
    whole = replace(view([record(1, name)], name), claims=(name,), against=(name,), ticket=name)
    for painted in (provider.paint(whole, width, 40, Look()), provider.paint(None, width, 40, Look())):
        for row in painted.all_rows:
            for one in row.lines:
                assert one.width <= width
                assert not UNSAFE.search(one.text)


def test_a_provider_leads_there_from_suspect_and_upstream() -> None:
    there = FixOf("cardpay", "", 0.0, provider=True)
    state = ConsoleState(NOW, Window(NOW - 1800, NOW))
    assert fix_of(SUSPECT, state) == there
    assert fix_of(UpstreamRow(STATE, 1.0), state) == there
    own = UpstreamRow(replace(STATE, kind="database"), 1.0)
    assert isinstance(fix_of(own, state), str)


async def test_the_ticket_is_shown_and_kept_in_the_case_as_a_draft(tmp_path: Path) -> None:
    system = System()
    system.logs.written = [record(number, "timeout after 3000 ms calling orders-db") for number in range(3)]
    app = system.app()
    app.session.desk = Desk(tmp_path / "cases", "alice", ZoneInfo("UTC"), Clock())
    async with app.run_test(size=(120, 40)) as pilot:
        await diagnosed(app, pilot)
        screen = app.console_screen()
        assert screen is not None
        screen.post_message(ConsoleScreen.Open(FixOf("orders-db", "", 0.0, provider=True)))
        await until(lambda: isinstance(app.screen, ProviderScreen) and "To orders-db: since" in screen_text(app))
        text = screen_text(app)
        assert f"{2:032x}" in text and "a ticket with request ids" in text
        await pilot.press("X")
        await until(lambda: "no case is open" in screen_text(app))
        await desk(app).new("orders fail", {}, [])
        await pilot.press("X")
        await until(lambda: "kept as a draft" in screen_text(app))
        case = desk(app).case
        assert case is not None
        (message,) = case.updates
        assert message.data["template"] == "provider" and message.data["sent_at"] is None
