"""The report of a case: complete, honest about what is missing, and every fact linked to its evidence."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import jsonschema
import pytest

from console.case import entries
from console.case.book import Blocked, Book
from console.case.events import Draft
from console.case.gates import Wish
from console.case.model import CaseState, HypothesisState, Outcome
from console.domain.instant import Window, rfc3339
from console.domain.recovery import Contract, Term, TermKind
from console.guard.sanitise import safe
from console.report.case_html import html_of
from console.report.case_json import case_json, case_schema
from console.report.case_markdown import anchor, markdown_of
from console.report.case_report import report_of
from console.report.case_report_json import report_json
from console.report.document import Chart, Mark, Report
from console.report.recovery_json import contract_json
from console.report.svg import svg_of
from tests.case.conftest import START, Clock

HOSTILE = (
    '<script>alert(1)</script> [x](https://evil.example) "onload=" **b** |a| `c` <img src=x onerror=y> \x1b]52;c;x\x07'
)
WHY = "the customer accepts the risk"
EXTERNAL = re.compile(r"(?:src|href|action|data|poster)\s*=\s*[\"'](?!#)", re.IGNORECASE)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    return tmp_path / "cases"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bare(cases: Path, clock: Clock) -> Book:
    """A case of which only the title is known."""
    return Book.new(cases, "Something is wrong", "alice", {}, clock)


@pytest.fixture
def full(cases: Path, clock: Clock) -> Book:
    """A P1 from detection to closing, by the book but for one override."""
    began = START - 600
    book = Book.new(
        cases,
        "Orders fail",
        "alice",
        {"severity": "P1", "services": ["checkout"], "detection": "alert", "summary": "A deploy broke payments."},
        clock,
    )
    book.role("ic", "ann")
    book.write(
        Draft(
            "impact",
            "impact",
            {
                "statement": "a third of all orders fail",
                "users_pct": 33,
                "data_risk": "none",
                "lingering": "none",
                "impact_started_at": rfc3339(began),
            },
        )
    )
    points = [(began - 600 + 15 * n, None if n == 7 else 0.002 if n < 40 else 0.3) for n in range(80)]
    book.write(
        entries.evidence(
            "checkout: error_rate 30 % against 0.2 % before",
            kind="metric",
            source="prod",
            query="rate(errors[1m])",
            window=Window(began - 600, began + 600),
            points=points,
            unit="ratio",
            samples=5120,
            by="console",
        )
    )
    book.write(
        entries.evidence(
            "timeout acquiring connection",
            kind="log",
            source="app",
            query="incident logs timeout",
            excerpt=f"line one\n{HOSTILE}",
            completeness="PARTIAL",
        )
    )
    book.write(entries.snapshot({
        "state": "incident", "summary": "errors", "onset": rfc3339(began), "baseline": [{"start": rfc3339(began - 3600), "end": rfc3339(began), "why": "just before"}],
        "changes": [{"id": "deploy/prod/7", "kind": "deploy", "service": "checkout", "at": rfc3339(began - 60), "standing": "leading", "reason": "just before the onset"}],
        "suspects": [], "sources": [{"name": "app", "state": "ok"}, {"name": "loki", "state": "failed", "detail": "no answer within 30 s"}],
    }, began + 300))  # fmt: skip
    book.hypothesis("the pool is exhausted", {"mechanism": "because connections are not given back"}, ["E2"])
    book.predict("H1", "max(pool_in_use, checkout) >= 20 over 5m", {})
    book.hypothesis("the database is slow", {})
    book.predict("H2", "max(latency_p95, orders-db) > 1s over 5m", {})
    book.predict("H2", "max(cpu, orders-db) > 90% over 5m", {"must_hold": False})
    book.result("H1", "P1", Outcome.HOLDS, {"value": 20, "samples": 9, "control": "fails"}, "20")
    book.result("H2", "P2", Outcome.INCONCLUSIVE, {"samples": 0}, "no data")
    book.result("H2", "P1", Outcome.FAILS, {"value": 0.012, "samples": 9}, "12 ms")
    book.write(
        entries.repro({"reproduced": True, "failures": 10, "tries": 10, "interval": [0.69, 1.0]}, "POST /orders")
    )
    book.write(entries.evidence("the request fails with v7 and passes with v6", kind="repro", source="staging"))
    book.turn("H1", HypothesisState.CONFIRMED, "fails with v7 and passes with v6", ["E3"])
    book.move(Wish(CaseState.INVESTIGATING))
    book.move(Wish(CaseState.MITIGATING))
    book.mitigation("rolled back to v6", {"kind": "rollback", "result": "errors fell to 0.2 %"}, clock.now + 60)
    book.write(
        entries.fix({"branch": "fix/pool", "outcome": "worked"}, "fix/pool gives connections back after an error")
    )
    book.write(entries.contract({"signals": [{"name": "error_rate of checkout", "level": 0.002}], "hold_s": 1200}))
    book.move(Wish(CaseState.MONITORING))
    fields = {
        "ended_at": "14:30",
        "duration": "30 min",
        "data_effect": "none",
        "customer_action": "nothing",
        "review_planned": "yes",
    }
    book.message("resolved", fields, sent=True, next_due=None)
    book.write(
        entries.recovery(
            {
                "verdict": "inconclusive",
                "reason": "too little traffic",
                "signals": [
                    {
                        "name": "error_rate",
                        "baseline": 0.002,
                        "observed": 0.003,
                        "margin": 0.001,
                        "verdict": "inconclusive",
                        "samples": 12,
                        "needed": 60,
                    }
                ],
            }
        )
    )
    with pytest.raises(Blocked):
        book.move(Wish(CaseState.RESOLVED))
    book.move(Wish(CaseState.RESOLVED, WHY))
    for part, text in (
        ("trigger", "the deploy of v7"),
        ("factor", "the pool has no alert"),
        ("factor", "the client swallows errors"),
        ("went_well", "the rollback took a minute"),
        ("went_badly", "the alert came late"),
        ("lucky", "it was at noon"),
        ("response", "the roles were clear"),
        ("recurrence", "it did not happen before"),
        ("detection", "the alert waits ten minutes"),
    ):
        book.write(Draft("review", text, {"part": part}))
    book.write(Draft("review", "post-mortem: Reviewed", {"status": "Reviewed", "owner": "ann"}))
    book.action_item(
        "Add an alert on pool use",
        {"type": "detect", "owner": "ann", "due": "2026-12-04", "done_when": "it fires in the drill"},
    )
    book.action_item(
        "Give connections back in a finally block", {"type": "prevent", "owner": "bob", "due": "2026-12-01"}
    )
    book.close(Wish(CaseState.CLOSED))
    return book


def made(book: Book, clock: Clock) -> Report:
    return report_of(book.read(), clock.now)


def section(report: Report, name: str) -> str:
    found = next(one for one in report.sections if one.id == name)
    return markdown_of(Report(report.case_id, "t", 0.0, (found,)))


@pytest.mark.parametrize("which", ["full", "bare"])
def test_every_sentence_of_fact_links_to_evidence_that_is_there(
    which: str, request: pytest.FixtureRequest, clock: Clock
) -> None:
    report = made(request.getfixturevalue(which), clock)
    anchors = report.anchors()
    facts = [(where, one) for where, one in report.sentences() if one.kind in ("fact", "inference")]
    assert facts
    for where, one in facts:
        assert one.refs, (where, one.text)
        assert set(one.refs) <= anchors, (where, one.text, one.refs)


def test_the_full_report_misses_nothing_but_what_nobody_wrote(full: Book, clock: Clock) -> None:
    assert made(full, clock).missing() == ["Missing: identified: a moment is not known."]


@pytest.mark.parametrize(
    "part",
    [
        "root cause",
        "impact statement",
        "impact in numbers",
        "description of the fix",
        "verification plan",
        "mitigation",
        "trigger",
        "contributing factors",
        "recovery verdict",
        "reproduction",
        "follow-ups",
        "external text",
        "hypotheses",
        "before the trigger",
        "snapshot",
        "went well",
        "went badly",
        "luck",
        "happened before",
        "response itself",
        "incident commander",
        "owns the post-mortem",
        "detected sooner",
    ],
)
def test_a_part_that_is_missing_is_printed_as_missing(bare: Book, clock: Clock, part: str) -> None:
    report = made(bare, clock)
    assert any(part in text for text in report.missing()), report.missing()
    assert all(f'<span class="missing">{text[:8]}' in html_of(report) for text in report.missing())


def test_the_root_cause_names_hypothesis_mechanism_and_intervention(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "root-cause")
    for part in (
        "cause is confirmed",
        "pool is exhausted",
        "not given back",
        "fails with v7 and passes with v6",
        "#e3",
        "#e2",
    ):
        assert part in told


def test_the_verification_plan_says_which_stretch_the_ledger_is_asked_about(
    full: Book, bare: Book, clock: Clock
) -> None:
    told = section(made(full, clock), "verification")
    assert "no longer holds" in told and "asks it as at the mitigation (" in told and "and then now." in told
    bare.hypothesis("the pool", {})
    bare.predict("H1", "max(pool_in_use, checkout) >= 20 over 5m", {})
    bare.result("H1", "P1", Outcome.HOLDS, {"control": "fails"}, "20")
    assert "asks it now." in section(made(bare, clock), "verification")


def test_a_supported_hypothesis_is_only_a_suspected_cause(bare: Book, clock: Clock) -> None:
    bare.hypothesis("the pool", {})
    bare.predict("H1", "max(pool_in_use, checkout) >= 20 over 5m", {})
    bare.result("H1", "P1", Outcome.HOLDS, {"control": "fails"}, "20")
    told = section(made(bare, clock), "root-cause")
    assert "suspected cause, supported and not confirmed" in told and "(inference)" in told


def test_without_a_hypothesis_the_leading_suspect_stands_as_inference(bare: Book, clock: Clock) -> None:
    bare.write(
        entries.snapshot(
            {
                "state": "incident",
                "suspects": [
                    {
                        "standing": "leading",
                        "kind": "deploy",
                        "subject": "v7",
                        "summary": "just before",
                        "evidence": [
                            {"claim": "errors rose", "kind": "fact", "supports": True},
                            {"claim": "memory is flat", "kind": "fact", "supports": False},
                        ],
                    }
                ],
            },
            clock.now,
        )
    )
    told = section(made(bare, clock), "root-cause")
    assert (
        "Missing" in told
        and "Leading suspect: deploy v7" in told
        and "For it: errors rose" in told
        and "Against it: memory is flat" in told
    )


def test_impact_has_numbers_how_they_were_measured_and_a_chart(full: Book, clock: Clock) -> None:
    report = made(full, clock)
    told = section(report, "impact")
    for part in ("a third of all orders fail", "33 %", "measured by prod, 5120 samples", "at most 30 %"):
        assert part in told
    assert sum(isinstance(block, Chart) for one in report.sections for block in one.blocks) == 1


def test_the_timeline_begins_before_the_trigger(full: Book, clock: Clock) -> None:
    rows = [line for line in section(made(full, clock), "timeline").splitlines() if line.startswith("| 20")]
    assert "baseline" in rows[0] and "deploy/prod/7" in rows[1] and "impact begins" in rows[2]
    times = [row.split(" | ")[0] for row in rows]
    assert times == sorted(times)


def test_what_was_written_down_later_says_so(bare: Book, clock: Clock) -> None:
    bare.note("the cache was cleared", occurred_at=clock.now - 900)
    assert "written down at" in section(made(bare, clock), "timeline")


def test_refuted_hypotheses_stand_in_the_report(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "hypotheses")
    assert "| H2 | refuted | the database is slow" in told and "fails" in told


def test_resolution_is_split_into_temporary_and_permanent(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "fix")
    assert told.index("Temporary") < told.index("rolled back to v6") < told.index("Permanent") < told.index("fix/pool")


def test_a_fix_that_was_verified_names_the_files_that_it_changes(full: Book, clock: Clock) -> None:
    files = [{"path": "pool.py", "added": 2, "removed": 1}, {"path": "logo.png", "added": None, "removed": None}]
    full.write(entries.verified({"state": "FIXED", "reason": "4 clean passes", "files": files}, "fix/pool at 12ab"))
    told = markdown_of(made(full, clock))
    assert "it changes pool.py (+2 −1), logo.png" in told


def test_figures_of_the_recovery_stand_with_their_units(full: Book, clock: Clock) -> None:
    signals = [
        {
            "name": "error rate",
            "kind": "errors",
            "unit": "ratio",
            "baseline": 0.00127,
            "observed": 0.002,
            "margin": 0.03,
        },
        {"name": "traffic", "kind": "traffic", "unit": "1/s", "baseline": 16.0, "observed": 17.1, "margin": 4.8},
        {"name": "latency p95", "kind": "value", "unit": "s", "baseline": 0.434, "observed": 0.43, "margin": 0.043},
    ]
    full.write(entries.recovery({"verdict": "recovered", "signals": signals}))
    told = markdown_of(made(full, clock))
    assert "| error rate | 0.127 % | 0.2 % | \\+ 3 % |" in told
    assert "| traffic | 16/s | 17.1/s | 11.2/s to 22.4/s |" in told
    assert "| latency p95 | 434 ms | 430 ms | \\+ 43 ms |" in told


def test_the_verification_plan_says_what_each_signal_of_the_contract_must_show(full: Book, clock: Clock) -> None:
    terms = (
        Term(
            safe("error rate"),
            TermKind.ERRORS,
            "",
            None,
            "e",
            "ratio",
            True,
            absolute=0.03,
            baseline=0.002,
            requests=9e4,
        ),
        Term(safe("version"), TermKind.VERSION, "", None, "v", "", True),
    )
    contract = Contract(clock.now, clock.now - 60, safe("orders fail"), Window(0.0, 60.0), 900.0, terms)
    full.write(entries.contract(contract_json(contract)))
    told = markdown_of(made(full, clock))
    assert "error rate must be back: at most 0.2 % + 3 %" in told
    assert "version: the fix runs everywhere, and nothing restarts, held for 900 s" in told


def test_the_override_and_its_reason_are_shown_where_recovery_is(full: Book, clock: Clock) -> None:
    report = made(full, clock)
    assert WHY in section(report, "recovery") and "inconclusive" in section(report, "recovery")
    assert "SG5" in section(report, "overrides") and WHY in section(report, "overrides")
    for text in (markdown_of(report), html_of(report), json.dumps(report_json(report, full.read()))):
        assert WHY in text


def test_what_could_not_be_seen_is_told(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "unseen")
    for part in ("loki was failed", "no answer within 30 s", "E2 is partial", "H2.P2 could not be told"):
        assert part in told


def test_the_verification_plan_comes_from_contract_predictions_and_repro(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "verification")
    for part in ("error\\_rate of checkout stays", "for 1200 s", "H1.P1", "incident repro verify"):
        assert part in told


def test_reproduction_tells_rate_and_interval(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "reproduction")
    assert "10 of 10 tries failed" in told and "69%" in told


def test_follow_ups_have_owner_day_and_how_one_sees_that_they_are_done(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "actions")
    assert "| A1 | detect | Add an alert on pool use | ann | 2026-12-04 | it fires in the drill | open |" in told


def test_the_evidence_index_tells_how_to_see_it_again(full: Book, clock: Clock) -> None:
    told = section(made(full, clock), "evidence")
    for part in ("Source: prod", "Query: rate(errors\\[1m\\])", "Stretch: 20", "SHA-256", "Captured: ", "line one"):
        assert part in told


def test_blame_and_vague_actions_are_suggestions(bare: Book, clock: Clock) -> None:
    bare.role("ic", "ann")
    bare.write(Draft("review", "ann should have looked: human error", {"part": "factor"}))
    bare.action_item("Investigate the pool", {"type": "process"})
    found = " / ".join(made(bare, clock).lints)
    for part in (
        "should have",
        "human error",
        "it names ann",
        "one contributing factor",
        '"investigate" cannot be finished',
    ):
        assert part in found


def test_a_p1_without_a_detecting_action_is_told(full: Book, clock: Clock) -> None:
    assert not any("needs an action" in hint for hint in made(full, clock).lints)
    full.severity("P0", "it was worse")
    report = report_of(full.read(), clock.now)
    assert not any("needs an action" in hint for hint in report.lints)


def test_at_makes_the_report_as_it_could_be_made_then(full: Book, clock: Clock) -> None:
    early = report_of(full.read(START + 4), START + 4)
    assert early.missing() and "fix/pool" not in markdown_of(early)


# Forms.


class Page(HTMLParser):
    """Looks at a page with the standard parser: balance of tags, ids, links, names of everything."""

    VOID = frozenset({"meta", "br", "line", "circle", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes[name] += 1
            if name == "id":
                self.ids[value or ""] += 1
            if name == "href":
                self.links.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("which", ["full", "bare"])
def test_the_page_is_whole_and_needs_nothing_from_anywhere(
    which: str, request: pytest.FixtureRequest, clock: Clock
) -> None:
    text = html_of(made(request.getfixturevalue(which), clock))
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and not page.open
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    assert not any(name.startswith("on") for name in page.attributes)
    assert not EXTERNAL.search(text) and "@import" not in text and "url(" not in text
    assert all(count == 1 for count in page.ids.values())
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert page.tags["svg"] == (1 if which == "full" else 0)
    assert "Content-Security-Policy" in text


def test_text_of_the_record_is_never_markup(cases: Path, clock: Clock) -> None:
    book = Book.new(cases, HOSTILE, HOSTILE, {"severity": "P2", "services": [HOSTILE]}, clock)
    plain = Page(html_of(made(Book.new(cases, "x", "y", {"severity": "P2", "services": ["z"]}, clock), clock)))
    told = made(book, clock)
    page = Page(html_of(told))
    assert set(page.tags) == set(plain.tags) and set(page.attributes) == set(plain.attributes)
    assert "alert(1)" in page.text and "\x1b" not in page.text
    markdown = markdown_of(told)
    assert (
        "<script" not in markdown
        and "<img" not in markdown
        and not re.search(r"(?<!\\)\]\(h", markdown)
        and "\x1b" not in markdown
    )
    assert "\\[x\\](https\\://evil.example)" in markdown


def test_an_excerpt_cannot_leave_its_fence(bare: Book, clock: Clock) -> None:
    bare.write(entries.evidence("x", kind="log", excerpt="a\n```\n# heading\n````\n<b>"))
    lines = markdown_of(made(bare, clock)).splitlines()
    fences = [line for line in lines if line.strip().startswith("`````")]
    assert len(fences) == 2


def test_every_link_of_the_markdown_leads_somewhere(full: Book, clock: Clock) -> None:
    text = markdown_of(made(full, clock))
    targets = set(re.findall(r'<a id="([^"]+)">', text))
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links and links <= targets
    assert anchor("E1") in targets


def test_the_json_of_a_report_is_json(full: Book, clock: Clock) -> None:
    told = json.loads(json.dumps(report_json(made(full, clock), full.read()), allow_nan=False))
    assert told["case"]["id"] == full.id
    ids = [one["id"] for one in told["sections"]]
    assert ids[:5] == ["summary", "root-cause", "impact", "detection", "timeline"]
    chart = next(b for one in told["sections"] for b in one["blocks"] if b["type"] == "chart")
    assert chart["evidence"] == "E1" and [p for p in chart["points"] if p[1] is None]


def test_a_chart_leaves_a_gap_where_there_is_no_value() -> None:
    chart = Chart(
        "t <b>",
        "ratio",
        ((0.0, 0.1), (10.0, 0.2), (20.0, None), (30.0, 0.3), (40.0, None), (50.0, 0.1), (60.0, 0.1)),
        (Mark(25.0, "<i>"),),
        "E1",
    )
    told = svg_of(chart)
    assert told.count("<polyline") == 2 and told.count("<circle") == 1
    assert "&lt;b&gt;" in told and "&lt;i&gt;" in told and "nan" not in told.lower()


def test_a_chart_of_zeros_is_drawn_on_the_floor() -> None:
    told = svg_of(Chart("t", "count", ((0.0, 0.0), (0.0, 0.0)), (), "E1"))
    assert "inf" not in told and "<polyline" in told


def test_a_report_of_a_record_with_canaries_holds_none(cases: Path, clock: Clock) -> None:
    secret = "password=hunter2-canary-9f8e7d"
    book = Book.new(cases, f"x {secret}", "alice", {"summary": secret}, clock)
    book.note(secret)
    book.write(
        entries.evidence(
            secret, kind="metric", source=secret, query=secret, excerpt=secret, points=[(1.0, 1.0), (2.0, 2.0)]
        )
    )
    book.write(
        entries.snapshot(
            {
                "state": "incident",
                "summary": secret,
                "sources": [{"name": secret, "state": "failed", "detail": secret}],
            },
            1.0,
        )
    )
    report = made(book, clock)
    for text in (markdown_of(report), html_of(report), json.dumps(report_json(report, book.read()))):
        assert "hunter2" not in text


BEARER = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlY2FuYXJ5"
WRAPPED = {
    "bearer in a URL-encoded Referer": "Referer: https://shop.example/?next=" + quote(BEARER, safe=""),
    "DSN": "postgres://app:hunter2canary@db.internal:5432/orders",
    "multi-line PEM": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7canary\nabc\n-----END RSA PRIVATE KEY-----",
    "JSON-escaped": json.dumps(json.dumps({"password": "hunter2canary"})),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_case_48_a_wrapped_secret_reaches_no_report(cases: Path, clock: Clock, name: str) -> None:
    secret = WRAPPED[name]
    book = Book.new(cases, "Orders fail", "alice", {"summary": secret}, clock)
    book.note(secret)
    book.write(entries.evidence("the line", kind="log", source="app", query=secret, excerpt=f"GET /orders\n{secret}"))
    book.write(entries.repro({"reproduced": True, "failures": 1, "tries": 1, "signature": secret}, secret))
    report = made(book, clock)
    for text in (markdown_of(report), html_of(report), json.dumps(report_json(report, book.read()))):
        assert "canary" not in text and BEARER not in text and quote(BEARER, safe="") not in text


@pytest.mark.skipif(
    shutil.which("chromium") is None, reason="Chromium is not installed; the standard parser looks at the page above"
)
@pytest.mark.slow
def test_a_browser_opens_the_page(full: Book, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(html_of(made(full, clock)), "utf-8")
    ran = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Root cause" in ran.stdout and "<svg" in ran.stdout


@pytest.mark.parametrize("which", ["full", "bare"])
def test_the_json_of_a_case_is_what_its_schema_says(which: str, request: pytest.FixtureRequest, clock: Clock) -> None:
    validator = jsonschema.Draft202012Validator(
        case_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    jsonschema.Draft202012Validator.check_schema(case_schema())
    document = json.loads(json.dumps(case_json(request.getfixturevalue(which).read(), clock.now), allow_nan=False))
    assert not [error.message for error in validator.iter_errors(document)]
    assert set(document) == set(case_schema()["properties"])
