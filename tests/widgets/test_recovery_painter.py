"""The painter of the recovery screen: every size, every text, and what a person reads first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.domain.recovery import Recovery, TermKind, Verdict
from console.guard.sanitise import UNSAFE, safe
from console.state import RecoveryView
from tests.recovery.made import ROLLBACK, Made, after, contract_of, observed, running
from tests.widgets.samples import HOSTILE, LOOK
from widgets import recovery
from widgets.body import Body
from widgets.ink import STYLES

SIZES = ((1, 1), (10, 4), (28, 9), (46, 10), (76, 18), (116, 34), (196, 46))


def judged(minutes: float, made: Made | None = None) -> RecoveryView:
    from console.analysis.recovery import judge

    made = made or Made()
    contract = contract_of(made)
    return RecoveryView(contract, judge(contract, observed(made, after(minutes), (ROLLBACK,), (running("v41"),))))


def lines(body: Body) -> list[str]:
    return [line.text for row in body.all_rows for line in row.lines]


def views() -> dict[str, RecoveryView]:
    late = judged(60)
    return {
        "waiting": RecoveryView(says=safe("no verdict yet")),
        "draft": RecoveryView(contract_of(Made()), draft=True),
        "early": judged(3),
        "in between": judged(15),
        "recovered": late,
        "another incident": replace(late, says=safe("An incident began at 15:00")),
    }


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_line_fits_and_every_style_exists(width: int, height: int) -> None:
    for name, view in views().items():
        for row in recovery.paint(view, width, height, LOOK).all_rows:
            for line in row.lines:
                assert line.width <= max(width, 1) or width < 46, (name, line.text)
                assert {style for _, style in line.spans} <= set(STYLES)


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_text_stays_text(attack: str) -> None:
    view = judged(60)
    assert view.recovery is not None and view.contract is not None
    signals = tuple(
        replace(one, note=safe(attack), term=replace(one.term, name=safe(attack))) for one in view.recovery.signals
    )
    told: Recovery = replace(view.recovery, signals=signals, reason=safe(attack))
    painted = recovery.paint(replace(view, recovery=told, says=safe(attack)), 100, 30, LOOK)
    assert not UNSAFE.search("".join(lines(painted)))


def test_a_person_reads_verdict_reason_fix_and_each_signal_with_its_numbers() -> None:
    view = judged(60)
    text = "\n".join(lines(recovery.paint(view, 116, 34, LOOK)))
    assert "● RECOVERED" in text and "3 of 3" in text and "rollback" in text
    for heading in ("SIGNAL", "EXPECTED", "OBSERVED", "MARGIN", "SAMPLES", "VERDICT"):
        assert heading in text
    for one in view.recovery.signals if view.recovery is not None else ():
        assert one.term.name in text


def test_what_is_missing_and_how_long_stands_beside_each_signal() -> None:
    text = "\n".join(lines(recovery.paint(judged(15), 116, 34, LOOK)))
    assert "? not yet" in text and "holds for" in text and "~" in text and " more" in text


def test_what_is_known_of_all_signals_is_said_once() -> None:
    early = judged(3)
    assert early.recovery is not None and early.recovery.verdict is Verdict.INCONCLUSIVE
    text = "\n".join(lines(recovery.paint(early, 116, 34, LOOK)))
    assert text.count("judged from") == 0 and "on is judged" in text


def test_a_signal_that_only_must_not_be_worse_is_marked() -> None:
    rows = recovery.paint(judged(60), 116, 34, LOOK).rows
    latency = next(row for row in rows if "latency" in row.lines[0].text)
    assert " *" in latency.lines[0].text
    assert "latency_p95" in str(latency.value)


def test_what_must_only_not_be_worse_and_is_unclear_stands_last_and_does_not_alarm() -> None:
    rows = recovery.paint(judged(25), 116, 34, LOOK).rows
    last = rows[-1].lines[0].text
    assert " *" in last and "· unclear" in last


def test_the_copied_text_has_all_numbers() -> None:
    view = judged(60)
    rows = recovery.paint(view, 116, 34, LOOK).rows
    errors = next(
        row
        for row, one in zip(rows, view.recovery.signals if view.recovery else (), strict=True)
        if one.term.kind is TermKind.ERRORS
    )
    assert "observed" in errors.text and "expected" in errors.text and "margin" in errors.text
