"""From the first sight of a provider that answers in seconds to its right end: no change of ours, a mitigation, and a ticket."""

from __future__ import annotations

from tests.walk.walking import Walk, declare, move, open_case


def suspect(walk: Walk) -> None:
    """The provider leads, and no change of ours can explain what is seen."""
    terminal = walk.terminal
    terminal.press("2")
    terminal.until("┏ 2 Suspects")
    terminal.press("Enter")
    terminal.shows("leading  third party  cardpay", "own records")
    walk.look("2 and ⏎: the provider leads, by what our own services saw of it")
    terminal.press("C")
    terminal.until(r"0 of \d+ changes can explain this")
    walk.look("C: none of the changes in reach can explain it, each with the reason")
    terminal.press("BSpace")
    terminal.shows("leading  third party  cardpay")
    terminal.press("BSpace")
    terminal.shows("3 Logs")


def reproduce(walk: Walk) -> None:
    """What fails is another system: the request of a failing line fails here because that one does not answer."""
    terminal = walk.terminal
    terminal.press("3")
    terminal.until("┏ 3 Logs")
    terminal.press("/")
    walk.answer("words, /regex/", "service:checkout level:error cardpay", anew=True)
    terminal.until(r"┃▸.*payments answered")
    terminal.press("r")
    terminal.until(r"observed  50\d in .* cardpay")
    walk.look("r on a log line: the request, and what its trace says: it is the provider that does not answer")
    terminal.press("BSpace")
    terminal.shows("2 Suspects")


def ticket(walk: Walk) -> None:
    """Instead of a fix branch: what stops the harm, and the ticket."""
    terminal = walk.terminal
    terminal.press("2")
    terminal.until("┏ 2 Suspects")
    terminal.press("X")
    terminal.shows("no change of ours explains it", "To cardpay: since", "of ours that failed", "fail over")
    walk.look("X on the provider: nothing of ours to mend; what stops the harm meanwhile, and the ticket")
    terminal.press("X")
    terminal.shows("kept as a draft: people send it")


def end(walk: Walk) -> None:
    """A hypothesis that the data supports, the decision, the mitigation; then the case waits for the provider."""
    terminal = walk.terminal
    open_case(walk)
    terminal.press("h")
    walk.answer(
        "a cause, and behind", "cardpay answers too slowly | count(service:payments calling cardpay) > 5 over 10m"
    )
    terminal.shows("Hypotheses · 1", "written down")
    terminal.press("A")
    terminal.shows("H1 supported")
    move(walk, "identified")
    move(walk, "mitigating")
    terminal.press("a")
    walk.answer("what happened", "decision: no change of ours, and none that we could take back: cardpay mends it")
    terminal.shows("noted: no change of ours")
    terminal.press("a")
    walk.answer("what happened", "mitigation: customers may pay by invoice")
    terminal.shows("noted: customers may pay")
    move(walk, "monitoring")
    walk.look("the case: the cause is supported, the harm is stopped, the provider is asked")


def walk_third_party_slow(walk: Walk) -> None:
    """The whole way."""
    walk.look("incident demo third-party-slow: the console a few seconds after it began")
    suspect(walk)
    declare(walk, "card payments time out", "orders wait for the card and fail")
    reproduce(walk)
    ticket(walk)
    end(walk)
