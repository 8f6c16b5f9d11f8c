"""What reproduction can end with before anything is sent."""

from __future__ import annotations

from console.guard.sanitise import safe


class Unclear(ValueError):
    """An input that cannot be understood exactly; the sentence names the option or the position."""

    def __init__(self, sentence: str) -> None:
        super().__init__(safe(sentence, 400))


class Stopped(Exception):
    """Sending ends here: budget, breaker, kill switch, or the audit cannot be written.

    The rule is empty where no rule speaks: the name does not resolve.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {safe(reason, 300)}" if rule else safe(reason, 300))
        self.rule = rule
        self.reason = safe(reason, 300)


class NotAllowed(Stopped):
    """This request is not sent, by a rule that is about the request itself; another one may be."""
