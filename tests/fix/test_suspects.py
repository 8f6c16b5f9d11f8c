"""Suspect commits: right ones first, with reasons that are true, and honest where nothing tells them apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.fix.finding import NONE_IN_RANGE, Deployed, Finding
from console.fix.frames import Frame, frames_of, placed
from console.fix.suspects import extent
from console.guard.sanitise import safe
from sources.base import SourceTimeout
from sources.plumbing import origins
from sources.repository import Repository
from sources.suspecting import find
from tests.fix.conftest import Desk, Hostile, Work

PRICING = """import os


def rate(country):
    table = {"DE": 19, "FR": 20}
    return table[country]


def total(items, country):
    net = sum(item.price for item in items)
    return net * (100 + rate(country)) / 100
"""


def frame(path: str, line: int, function: str = "") -> Frame:
    return Frame(safe(path), line, safe(function))


async def found(work: Work, good: str, bad: str, *frames: Frame, **more: object) -> Finding:
    ends = (Deployed(safe("good"), good), Deployed(safe("bad"), bad))
    return await find(Repository(work.path), "checkout", *ends, frames, **more)  # type: ignore[arg-type]  # its own options


def subjects(finding: Finding) -> list[str]:
    return [str(one.commit.subject) for one in finding.suspected]


def reasons(finding: Finding, place: int = 0) -> list[tuple[float, str]]:
    return [(reason.points, str(reason.text)) for reason in finding.commits[place].reasons]


async def test_the_commit_that_wrote_the_failing_line_is_first(work: Work) -> None:
    good = work.commit("Start", checkout__pricing_txt=PRICING)
    work.commit("Read the README", README_txt="hello\n")
    work.commit("Look up the rate", checkout__pricing_txt=PRICING.replace("table[country]", "table[country.code]"))
    bad = work.commit(
        "Sum up",
        checkout__pricing_txt=PRICING.replace("table[country]", "table[country.code]").replace("/ 100\n", "/ 100.0\n"),
    )
    finding = await found(
        work, good, bad, frame("/app/checkout/pricing.txt", 6, "rate"), frame("/app/checkout/pricing.txt", 11, "total")
    )
    assert subjects(finding)[:2] == ["Look up the rate", "Sum up"]
    assert [points for points, _ in reasons(finding)][:3] == [5.0, 3.0, 2.0]
    assert reasons(finding)[0][1] == "wrote the failing line checkout/pricing.txt:6"
    second = {text: points for points, text in reasons(finding, 1)}
    assert second["wrote the failing line checkout/pricing.txt:11"] == 3.5  # the second frame weighs .7
    assert "Read the README" not in subjects(finding)


async def test_ties_are_shown_as_ties(work: Work) -> None:
    good = work.commit("Start", a_txt="one\n", b_txt="one\n")
    work.commit("Left", Cargo_lock="a\n", **{"config/a.yaml": "x: 1\n"})
    bad = work.commit("Right", **{"config/b.yaml": "x: 1\n"})
    finding = await found(work, good, bad)
    assert {one.rank for one in finding.suspected} == {1} and all(one.tied for one in finding.suspected)
    assert "2 commits are tied" in finding.sentence


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("requirements.txt", "a dependency"),
        ("go.sum", "a dependency"),
        ("db/migrations/0007_orders.py", "a migration"),
        ("src/V3__orders.sql", "a migration"),
        ("app/feature_flags.py", "a flag"),
        ("deploy/values.yaml", "configuration"),
        ("app/settings.py", "configuration"),
        ("Dockerfile", "configuration"),
    ],
)  # fmt: skip
async def test_files_of_risky_kinds_are_named(work: Work, path: str, what: str) -> None:
    good = work.commit("Start", a_txt="one\n")
    bad = work.commit("Change", **{path: "x = 1\n"})
    finding = await found(work, good, bad)
    assert any(points == 1.0 and f"touches {what}" in text for points, text in reasons(finding))


@pytest.mark.parametrize(
    "path", ["docs/config.md", "tests/settings.py", ".github/ci.yaml", "src/flagship.c", "src/configure.c"]
)
async def test_files_that_only_look_like_it_are_not(work: Work, path: str) -> None:
    good = work.commit("Start", a_txt="one\n")
    bad = work.commit("Change", **{path: "words\n"})
    finding = await found(work, good, bad)
    assert not any("touches" in text and points == 1.0 for points, text in reasons(finding))


async def test_blanks_merges_and_reverts_count_for_less(work: Work) -> None:
    good = work.commit("Start", a_txt=PRICING)
    work.commit("Indent", a_txt=PRICING.replace("    ", "      "))
    bad = work.commit('Revert "Indent"', a_txt=PRICING + "# end\n")
    finding = await found(work, good, bad, frame("a.txt", 6, "rate"))
    told = {str(one.commit.subject): one for one in finding.commits}
    assert any(r.text == "changes blanks only" and r.points < 0 for r in told["Indent"].reasons)
    assert any(r.text == "is a revert" and r.points < 0 for r in told['Revert "Indent"'].reasons)


async def test_a_merge_counts_for_less_and_the_first_parents_can_be_asked_for(work: Work) -> None:
    good = work.commit("Start", a_txt="one\n")
    work.git("checkout", "--quiet", "-b", "side")
    work.commit("On the side", b_txt="one\n")
    work.git("checkout", "--quiet", "main")
    work.commit("On main", c_txt="one\n")
    work.git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side")
    bad = work.git("rev-parse", "HEAD")
    everything = await found(work, good, bad)
    assert {str(one.commit.subject) for one in everything.commits} == {"Merge side", "On main", "On the side"}
    mainline = await found(work, good, bad, first_parent=True)
    assert {str(one.commit.subject) for one in mainline.commits} == {"Merge side", "On main"}


async def test_what_is_older_than_the_range_is_told_and_none_is_accused(work: Work) -> None:
    good = work.commit("Start", a_txt="one\ntwo\nthree\n")
    bad = work.commit("Elsewhere", b_txt="one\n")
    finding = await found(work, good, bad, frame("a.txt", 2, "f"))
    assert finding.suspected == () and finding.sentence == NONE_IN_RANGE
    assert any("a.txt:2 is older than the good deploy" in note for note in finding.notes)


async def test_the_same_commit_twice_is_no_range(work: Work) -> None:
    head = work.commit("Start", a_txt="one\n")
    finding = await found(work, head, head)
    assert finding.relation == "same" and finding.sentence == NONE_IN_RANGE


async def test_case_59_a_good_deploy_that_is_newer_is_a_rollback(work: Work) -> None:
    old = work.commit("Start", a_txt="one\n")
    new = work.commit("Mend it", a_txt="two\n")
    finding = await found(work, new, old)
    assert finding.relation == "rollback" and [str(c.commit.subject) for c in finding.commits] == ["Mend it"]
    assert any("missing now" in note for note in finding.notes)


async def test_case_59_branches_that_went_apart_are_told(work: Work) -> None:
    work.commit("Start", a_txt="one\n")
    left = work.commit("Left", a_txt="two\n")
    work.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    right = work.commit("Right", b_txt="one\n")
    finding = await found(work, left, right)
    assert finding.relation == "diverged" and any("different branches" in note for note in finding.notes)


async def test_case_59_a_renamed_file_is_followed(work: Work) -> None:
    good = work.commit("Start", checkout__pricing_txt=PRICING)
    work.git("mv", "checkout/pricing.txt", "checkout/prices.txt")
    work.commit("Rename")
    bad = work.commit("Break", checkout__prices_txt=PRICING.replace("table[country]", "table[country.code]"))
    finding = await found(work, good, bad, frame("/app/checkout/prices.txt", 6, "rate"))
    assert subjects(finding)[0] == "Break"
    old = await found(work, good, bad, frame("/app/checkout/pricing.txt", 6, "rate"))
    assert subjects(old)[0] == "Break"
    assert any("was renamed to checkout/prices.txt" in note for note in old.notes)


async def test_case_59_a_file_that_is_gone_is_told(work: Work) -> None:
    good = work.commit("Start", checkout__pricing_txt=PRICING, b_txt="x\n")
    bad = work.commit("Remove", checkout__pricing_txt=None)
    finding = await found(work, good, bad, frame("/app/checkout/pricing.txt", 6, "rate"))
    assert any("was removed since the good deploy" in note for note in finding.notes)


async def test_a_line_beyond_the_file_says_that_another_version_runs(work: Work) -> None:
    good = work.commit("Start", a_txt="one\n")
    bad = work.commit("Change", a_txt="two\n")
    finding = await found(work, good, bad, frame("a.txt", 900, "f"))
    assert any("another version" in note for note in finding.notes)


async def test_case_50_nothing_runs_while_suspects_are_looked_for(hostile: Hostile) -> None:
    finding = await found(hostile.work, hostile.good, hostile.bad, frame("a.txt", 1), frame("b.txt", 1))
    assert subjects(finding) == ["Second"] and reasons(finding)[0][0] == 5.0
    assert hostile.fired() == set()


async def test_case_50_nothing_runs_while_the_history_of_a_binary_or_odd_path_is_read(
    hostile: Hostile, desk: Desk
) -> None:
    odd = ["-L1,1", "a\x1b[31m.txt", ":(top)a.txt", "[@click=app.quit].txt"]
    blob = hostile.work.git("hash-object", "-w", "--stdin", feed=b"\x00\xff\n")
    tree = hostile.work.git("mktree", "-z", feed="".join(f"100644 blob {blob}\t{name}\0" for name in odd).encode())
    commit = hostile.work.git("commit-tree", tree, "-p", hostile.bad, "-m", "Odd \x1b]52;c;x\x07 [@click=app.quit]")
    hostile.clear()
    finding = await found(hostile.work, hostile.bad, commit, *(frame(name, 1) for name in odd))
    assert hostile.fired() == set()
    shown = "".join(
        str(one.commit.subject) + "".join(r.text for r in one.reasons) for one in finding.commits
    ) + "".join(finding.notes)
    assert "\x1b" not in shown


# -- frames -----------------------------------------------------------------------------------------------------------

TRACES = {
    "python": (
        'Traceback (most recent call last):\n  File "/app/main.py", line 9, in run\n    go()\n  File "/app/shop/a.py", line 2, in price\n    x\nKeyError: 1',
        [("/app/shop/a.py", 2, "price"), ("/app/main.py", 9, "run")],
    ),
    "java": (
        "java.lang.IllegalStateException: x\n\tat com.shop.Api.handle(Api.java:10)\nCaused by: java.lang.NullPointerException\n"
        "\tat com.shop.Pricing$Inner.total(Pricing.java:42)\n\tat com.shop.Api.run(Api.java:12)",
        [("com/shop/Pricing.java", 42, "total"), ("com/shop/Api.java", 12, "run"), ("com/shop/Api.java", 10, "handle")],
    ),
    "node": (
        "TypeError: x\n    at Pricing.total (/app/src/pricing.js:10:5)\n    at async file:///app/src/main.mjs:3:1\n    at node:internal/x:1:1",
        [("/app/src/pricing.js", 10, "total"), ("/app/src/main.mjs", 3, "")],
    ),
    "go": (
        "panic: x\n\ngoroutine 1 [running]:\nmain.(*Shop).total(0xc000)\n\t/app/pricing.go:12 +0x1d\nmain.main()\n\t/app/main.go:4 +0x2",
        [("/app/pricing.go", 12, "total"), ("/app/main.go", 4, "main")],
    ),
    "ruby": ("/app/a.rb:12:in `total': x (KeyError)\n\tfrom /app/b.rb:3:in `run'", [("/app/a.rb", 12, "total"), ("/app/b.rb", 3, "run")]),
    "php": ("PHP Fatal error\n#0 /app/a.php(12): Shop\\Pricing->total()", [("/app/a.php", 12, "total")]),
    "net": ("System.Exception: x\n   at Shop.Pricing.Total(Int32 x) in C:\\src\\Pricing.cs:line 42", [("C:/src/Pricing.cs", 42, "Total")]),
    "rust": ("thread 'main' panicked at src/pricing.rs:12:5:\nx", [("src/pricing.rs", 12, "")]),
}  # fmt: skip


@pytest.mark.parametrize("language", TRACES)
def test_frames_come_innermost_first(language: str) -> None:
    text, wanted = TRACES[language]
    got = [(str(f.path), f.line, str(f.function)) for f in frames_of(text.split("\n"))]
    assert got[: len(wanted)] == wanted


def test_a_trace_in_one_field_is_read_like_one_on_several_lines() -> None:
    text, wanted = TRACES["python"]
    (first, *_) = frames_of([safe(text.replace("    x\n", "    x\n    ^^^\n"))])
    assert (first.path, first.line, first.function) == wanted[0]


def test_a_frame_is_in_the_file_whose_end_agrees_most() -> None:
    files = ("checkout/pricing.py", "payments/pricing.py", "lib/util.py", "main.py")
    paths = [
        one.path
        for one in placed(
            [
                frame(p, 1)
                for p in (
                    "/srv/app/payments/pricing.py",
                    "/x/pricing.py",
                    "/site-packages/other/util.py",
                    "/a/main.py",
                    "pricing.py",
                )
            ],
            files,
            {},
        )
    ]
    assert paths == ["payments/pricing.py", "", "", "main.py", ""]


def test_frames_of_libraries_take_no_weight() -> None:
    one, two, three = placed(
        [frame("/usr/lib/json/decoder.py", 1), frame("/app/a.py", 1), frame("/app/b.py", 1)], ("a.py", "b.py"), {}
    )
    assert (one.path, two.weight, three.weight) == ("", 1.0, 0.7)


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        (6, "rate", (4, 8)),
        (11, "total", (9, 11)),
        (6, "total", None),
        (6, "", None),
        (99, "rate", None),
        (6, "<module>", None),
    ],
)
def test_a_function_ends_before_the_next_line_that_is_indented_no_deeper(
    line: int, name: str, wanted: tuple[int, int] | None
) -> None:
    assert extent(PRICING.rstrip("\n").split("\n"), line, name) == wanted


def test_the_extent_of_a_function_with_braces() -> None:
    lines = ["class A {", "  int total(int x) {", "    return x;", "  }", "", "  int other() {", "  }", "}"]
    assert extent(lines, 3, "total") == (2, 4)


async def test_a_thousand_commits_are_cut_at_the_limit_and_that_is_told(new_work: Callable[..., Work]) -> None:
    work = new_work("long")
    feed = "".join(
        f"commit refs/heads/main\nmark :{n + 1}\ncommitter A <a@b> {1_700_000_000 + n} +0000\ndata 1\nm\n"
        f"{f'from :{n}' + chr(10) if n else ''}M 100644 inline f\ndata 5\n{n:05d}\n"
        for n in range(700)
    )
    work.git("fast-import", "--quiet", feed=feed.encode())
    first = work.git("rev-list", "--max-parents=0", "main")
    finding = await found(work, first, work.git("rev-parse", "main"), frame("f", 1))
    assert finding.more and len(finding.commits) == 500


async def test_a_comment_in_another_services_configuration_comes_after_a_lost_check(work: Work) -> None:
    text = "if amount in voucher:\n    pass\nuse(amount)\n"
    good = work.commit("Start", **{"gateway/gateway.toml": "limit = 5\n", "checkout/pricing.py": text})
    work.commit("Say what it is", **{"gateway/gateway.toml": "# seconds\nlimit = 5\n"})
    bad = work.commit("Cap it", **{"checkout/pricing.py": "use(amount)\n"})
    finding = await found(work, good, bad, services=["checkout", "gateway"])
    assert subjects(finding)[0] == "Cap it"
    assert any("changes nothing that runs" in r.text for r in finding.commits[1].reasons)


async def test_a_blame_that_takes_too_long_leaves_the_rest(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    good = work.commit("Start", a_txt=PRICING)
    bad = work.commit("Break", a_txt=PRICING.replace("table[country]", "table[country.code]"))

    def late(*_: object) -> None:
        raise SourceTimeout("too long")

    monkeypatch.setattr(origins, "_blame", late)
    finding = await found(work, good, bad, frame("a.txt", 6, "rate"))
    assert [points for points, _ in reasons(finding)] == [3.0, 2.0]
    assert any("took too long" in note for note in finding.notes)
