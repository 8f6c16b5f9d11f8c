"""When what people did to stop the harm was done: what was seen after that says nothing against a cause. Pure."""

from __future__ import annotations

from console.case.model import Case, Result
from console.domain.instant import Instant
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Mitigated:
    """The mitigations of this run of an incident, and whether the trouble is said to be over."""

    moments: tuple[Instant, ...] = ()
    """When each was made, the newest first."""
    over: Instant | None = None
    """When the record says that the harm was stopped; None: it may go on, whatever was done."""

    @property
    def since(self) -> Instant | None:
        """From when on the trouble may have been gone; None: it never was."""
        return self.moments[-1] if self.moments else self.over

    def ends(self, now: Instant) -> tuple[Instant, ...]:
        """Where the stretches end that a prediction is asked about, the first to be asked first.

        While nobody says that the harm was stopped a mitigation may have done nothing: now, and then as at each. What is said only
        after `now` is not known yet.
        """
        done = tuple(at for at in self.moments if at <= now)
        return done if done and self.over is not None and self.over <= now else (now, *done)

    def counts(self, result: Result) -> bool:
        """Whether an answer can speak against a hypothesis: not where its stretch reaches past what may have ended the trouble."""
        if result.as_at is not None or result.until is None or self.since is None:
            return True
        return result.until <= self.since

    def settled(self, result: Result) -> bool:
        """Whether asking again could tell nothing new: the trouble is over, and this was asked as at its end."""
        return self.over is not None and result.as_at in self.moments

    def overtaken(self, result: Result) -> bool:
        """Whether an answer speaks of another time than is meant now."""
        if result.as_at is not None:
            return result.as_at not in self.moments
        return self.over is not None and bool(self.moments) and not self.counts(result)


def mitigated(case: Case) -> Mitigated:
    """What the record says: mitigations, and deploys of a fix with which the reproduction passes.

    What was done before the trouble began, or before the case was taken up again, ended another trouble; what was done after the
    harm was stopped did not stop it.
    """
    over = case.times.get("mitigated_at", case.times.get("resolved_at"))
    begins = [case.times.get("impact_started_at"), case.cycles[-1].started_at if case.reopened else None]
    since = max((at for at in begins if at is not None), default=None)
    fixed = {one.data.get("commit") for one in case.fixes if one.data.get("outcome") == "worked"} - {None, ""}
    deploys = (one for one in case.events if one.kind == "deploy" and one.data.get("commit") in fixed)
    done = {
        one.occurred_at
        for one in (*case.mitigations, *deploys)
        if one.id not in case.corrected and (since is None or one.occurred_at >= since)
    }
    ended = {at for at in done if over is None or at <= over}
    return Mitigated(tuple(sorted(ended or done, reverse=True)), over)
