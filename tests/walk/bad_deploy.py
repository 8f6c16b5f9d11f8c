"""From the first sight of a bad release to the report, in one go."""

from __future__ import annotations

from pathlib import Path

from tests.walk.walking import Walk, declare, move, open_case

BROKEN = '    percent = min(Decimal(voucher["percent_off"]), MOST_PERCENT)\n'
MENDED = '    if "amount_off" in voucher:\n        return min(amount, Decimal(voucher["amount_off"]))\n' + BROKEN
TAG = "deploy/prod/checkout/gift-cards"
DECLINED = 6
"""So often it is proved, since the practice system's bank declines a card now and then, which says nothing."""
RECOVERED_S = 240.0
"""The hold time of the practice system is 45 s, and it must hold three times in a row."""


def contract(walk: Walk) -> None:
    """Write down what recovered will mean, before anything is mended."""
    terminal = walk.terminal
    terminal.shows("POST /orders failing")
    terminal.press("K")
    terminal.shows("NOT RECOVERED", "POST /orders error rate")
    walk.look("K: what must be back for the incident to be over, written before the fix")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")


def suspect(walk: Walk) -> None:
    """Look at the first suspect."""
    terminal = walk.terminal
    terminal.press("2")
    terminal.until("┏ 2 Suspects")
    terminal.press("Enter")
    terminal.shows("took effect", "the stack traces of the errors since then name")
    walk.look("2 and ⏎: the suspect, and what speaks for it")
    terminal.press("BSpace")
    terminal.shows("3 Logs")


def reproduce(walk: Walk) -> str:
    """From a log line, kept as evidence, to the smallest request that fails in the same way; returns the evidence's name."""
    terminal = walk.terminal
    terminal.press("3")
    terminal.until("┏ 3 Logs")
    terminal.press("/")
    walk.answer("words, /regex/", "service:checkout KeyError", anew=True)
    terminal.until(r"┃▸.*KeyError: 'percent_off'")
    terminal.press("m")
    kept = terminal.until(r"(E\d+) kept: .* on the disk")[1]
    terminal.press("r")
    terminal.shows("may be sent once confirmed", "KeyError: 'percent_off'", '{"cart": ')
    walk.look("r on a log line of the failure: its request, byte for byte; nothing is sent yet")
    terminal.press("s")
    walk.confirm("to see it fail")
    terminal.shows("failed 5 of 5 tries")
    walk.look("s: it fails on demand")
    terminal.press("i")
    walk.confirm("to see what it needs")
    terminal.shows("1-minimal", "without what it does not need")
    walk.look("i: what the failure needs, and nothing else")
    terminal.shows("kept in the case: minimised")
    terminal.press("w")
    terminal.shows("written to")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")
    return kept


def identify(walk: Walk, kept: str) -> None:
    """A hypothesis that could turn out false, asked of the data and confirmed by what was seen; then the case moves on.

    Args:
        kept: The evidence of the mechanism: the trace that names the line.
    """
    terminal = walk.terminal
    open_case(walk)
    terminal.press("h")
    walk.answer("a cause, and behind", "the release forgets gift cards | count(service:checkout KeyError) > 5 over 10m")
    terminal.shows("Hypotheses · 1", "written down")
    terminal.press("A")
    terminal.shows("H1 supported")
    terminal.press("c")
    walk.answer("evidence of an intervention", f"{kept} the trace names the line that the release changed")
    terminal.shows("H1 confirmed")
    move(walk, "identified")
    walk.look("h, A and c: a hypothesis that the data could have refuted, and supports; the trace confirms it")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")


def fix(walk: Walk) -> Path:
    """A branch from what is deployed, in its own work tree; returns that."""
    terminal = walk.terminal
    terminal.press("2")
    terminal.until("┏ 2 Suspects")
    terminal.press("X")
    terminal.shows("look first at", "it would run", "X asks for its name")
    walk.look("X on the suspect: the commit that did it, and the plan of a fix branch")
    terminal.press("X")
    walk.answer("name of the new branch", "")
    walk.answer(r"as a failing test; empty: none", "")
    terminal.shows("is put there: the reproduction")
    walk.look("X, and the name of the branch: the reproduction is put there as a failing test")
    name = terminal.until(r"type (fix/\S+)")[1]
    walk.answer("makes the branch as planned", name)
    terminal.shows("is made in", "your checkout is untouched")
    walk.look("X: the branch is made, the checkout is as it was")
    (tree,) = (walk.config.parent / ".worktrees").iterdir()
    return tree


def edit(walk: Walk, tree: Path) -> str:
    """Mend the line in the work tree, and commit it; returns the commit."""
    file = tree / "checkout" / "pricing.py"
    text = file.read_text()
    assert text.count(BROKEN) == 1
    file.write_text(text.replace(BROKEN, MENDED))
    walk.git(tree, "add", "--all")
    walk.git(tree, "commit", "--message", "Take gift cards off again")
    return walk.git(tree, "rev-parse", "HEAD")


def prove(walk: Walk) -> None:
    """The reproduction passes against the branch's own server."""
    terminal = walk.terminal
    terminal.press("p")
    walk.answer("file of the reproduction", "")
    walk.confirm("to see that it is mended")
    terminal.until(r"before \d+/\d+\s*$")
    walk.answer("failures/tries before the fix", "")
    terminal.until(r"serve python3 checkout/serve.py {port}")
    walk.answer("starts the branch's server", "")
    terminal.shows("FIXED", "clean passes in a row")
    walk.look("p: proved against the branch's own server, on loopback")


def deploy(walk: Walk, tip: str) -> None:
    """The tag of the fix, which the practice system rolls out as any pipeline would."""
    terminal = walk.terminal
    walk.git(
        walk.config.parent / "repo", "tag", "--annotate", "--message", "checkout: take gift cards off again", TAG, tip
    )
    open_case(walk)
    move(walk, "mitigating")
    terminal.press("a")
    walk.answer("what happened", "mitigation: the fix is deployed")
    terminal.shows("noted: the fix is deployed")
    move(walk, "monitoring")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")
    terminal.until(r"gift-cards\s+✓ agrees")
    walk.look("the tag is deployed, and the service says that it runs it")


def proved(walk: Walk) -> None:
    """What failed passes where the fix is deployed; the way back to the overview."""
    terminal = walk.terminal
    terminal.press("3")
    terminal.until("┏ 3 Logs")
    terminal.press("/")
    walk.answer("words, /regex/", "service:checkout KeyError", anew=True)
    terminal.until(r"┃▸.*KeyError: 'percent_off'")
    terminal.press("r")
    terminal.shows("may be sent once confirmed", '{"cart": ')
    said = ""
    for _ in range(DECLINED):
        terminal.press("p")
        terminal.until(r"before \d+/\d+\s*$")
        walk.answer("failures/tries before the fix", "")
        walk.confirm("to see that it is gone")
        terminal.until("proving: |FIXED: ")
        said = terminal.until(r"(FIXED|INCONCLUSIVE|STILL FAILING): ")[1]
        if said != "INCONCLUSIVE":
            break
    assert said == "FIXED", terminal.screen()
    walk.look("r and p: what failed passes where the fix is deployed")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")


def recover(walk: Walk) -> None:
    """Everything that the contract names is back, and was for as long as it says."""
    terminal = walk.terminal
    terminal.press("H")
    terminal.shows("Too early")
    walk.look("H, at once: nothing is believed yet, and how long it takes")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")
    proved(walk)
    terminal.press("H")
    terminal.until(r"[^T] RECOVERED", RECOVERED_S)
    walk.look("H, two minutes later: every signal of the contract is back")
    open_case(walk)
    terminal.press("a")
    walk.answer("what happened", "lingering: nothing, orders that failed were not charged")
    terminal.shows("noted")
    move(walk, "resolved")
    walk.look("S: resolved, by the verdict that the case holds")


def walk_bad_deploy(walk: Walk) -> None:
    """The whole way."""
    walk.look("incident demo bad-deploy: the console a few seconds after the release")
    suspect(walk)
    declare(walk, "gift cards cannot pay", "orders with gift cards fail")
    contract(walk)
    kept = reproduce(walk)
    identify(walk, kept)
    tree = fix(walk)
    tip = edit(walk, tree)
    prove(walk)
    walk.terminal.press("BSpace")
    walk.terminal.shows("3 Logs")
    deploy(walk, tip)
    recover(walk)
