"""What stands where a fix branch would, when the fault is a provider's: no change of ours, what stops the harm, and the ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.widget import AwaitMount

from console.actions import Action
from console.case.checklists import CHECKLISTS
from console.case.comms import TEMPLATES, body_of
from console.case.model import Case
from console.fix.provider import ProviderView, provider_of
from console.guard.sanitise import safe
from console.live.desk import NO_CASE, Desk
from console.live.details import quoted
from console.live.session import Session
from console.screens.asking import AskingScreen
from console.state import ConsoleState
from widgets import provider
from widgets.body import Body, Look

TEMPLATE = TEMPLATES["provider"]
CHECKLIST = "third-party"


class ProviderScreen(AskingScreen):
    """Asked for again with every verdict, so that the ticket names the newest requests."""

    def __init__(self, session: Session, crumbs: tuple[str, ...], actions: Sequence[Action], name: str) -> None:
        super().__init__(session, crumbs, actions)
        self._provider = name
        self._view: ProviderView | None = None
        self.title_shown = f"Provider {name}"

    async def ask(self) -> None:
        found = await self.session.records(f"level:>=error {quoted(self._provider)}")
        state = self.session.state()
        row = next((one for one in state.upstreams.rows if one.state.name == self._provider), None)
        known = row.state if row is not None else None
        view = provider_of(
            self._provider, state.diagnosis, known, state.changes.heading, found.records, CHECKLISTS[CHECKLIST].mitigate
        )
        told = body_of(TEMPLATE, dict(view.fields), Case(""))
        self._view = replace(view, ticket=safe(told, 4000))

    def painted(self, state: ConsoleState, width: int, height: int, look: Look) -> Body:
        return provider.paint(self._view, width, height, look)

    def _not_here(self) -> dict[str, str]:
        found = super()._not_here()
        found["fix"] = "it is being read" if self._view is None else ""
        return found

    def do_fix(self) -> AwaitMount | None:
        """Keep the ticket in the case, as a draft that somebody sends."""
        view, desk = self._view, self.desk
        if self._refused("fix") or view is None:
            return None
        if desk is None or desk.case is None:
            self.tell(NO_CASE)
            return None
        fields = {name: str(value) for name, value in view.fields}

        async def keep(desk: Desk) -> str:
            await desk.do(lambda book: book.message(TEMPLATE.id, fields, sent=False, next_due=None))
            return f"the ticket to {self._provider} is kept as a draft: people send it · on the disk"

        self.in_case(keep)
        return None
