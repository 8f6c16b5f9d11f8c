"""A state is a glyph, a word and a style, in this order of weight: without colour and without glyphs nothing is lost."""

from __future__ import annotations

from typing import NamedTuple

from console.domain.diagnosis import Standing, State
from console.domain.instant import span_text
from console.domain.logs import Level
from console.domain.topology import Health


class Sign(NamedTuple):
    """How one state is shown."""

    glyph: str
    word: str
    style: str

    @property
    def text(self) -> str:
        """`✖ DOWN`."""
        return f"{self.glyph} {self.word}"


def onset_words(error_s: float | None) -> str:
    """`onset ± 15s`; without the error where that is not known."""
    return f"onset ± {span_text(error_s)}" if error_s else "onset"


_STATES = {
    State.INCIDENT: Sign("✖", "INCIDENT", "bad"),
    State.DEGRADING: Sign("▲", "DEGRADING", "warn"),
    State.RECOVERING: Sign("▲", "RECOVERING", "accent"),
    State.HEALTHY: Sign("●", "HEALTHY", "ok"),
    State.INCONCLUSIVE: Sign("?", "INCONCLUSIVE", "unknown"),
}
_HEALTH = {
    Health.DOWN: Sign("✖", "DOWN", "bad"),
    Health.DEGRADED: Sign("▲", "WARN", "warn"),
    Health.HEALTHY: Sign("●", "OK", "ok"),
    Health.UNKNOWN: Sign("?", "UNKNOWN", "unknown"),
}
_STANDINGS = {
    Standing.LEADING: Sign("✖", "leading", "bad"),
    Standing.POSSIBLE: Sign("▲", "possible", "warn"),
    Standing.UNLIKELY: Sign("·", "unlikely", "muted"),
    Standing.IMPOSSIBLE: Sign("·", "impossible", "muted"),
}
_PATTERNS = {"new": "new", "surged": "warn", "gone": "accent", "steady": "muted"}


WATCHING = Sign("▲", "WATCHING", "warn")
"""Of a verdict that nothing is wrong while signals leave their level."""


def state_sign(state: State | None) -> Sign:
    """Of a verdict; None: nothing is known yet."""
    return _STATES.get(state, Sign("?", "READING", "muted")) if state is not None else Sign("?", "READING", "muted")


def health_sign(health: Health) -> Sign:
    """Of a dependency."""
    return _HEALTH[health]


def standing_sign(standing: Standing) -> Sign:
    """Of a suspect or change."""
    return _STANDINGS[standing]


def level_style(level: Level) -> str:
    """The style of a log level; its word is always written too."""
    if level >= Level.ERROR:
        return "bad"
    if level >= Level.WARN:
        return "warn"
    return "muted" if level <= Level.DEBUG and level is not Level.UNKNOWN else "text"


def level_word(level: Level) -> str:
    """Five cells: `ERROR`, `WARN `, `–    `."""
    return "–    " if level is Level.UNKNOWN else f"{level.name[:6]:<5}"[:5]


def pattern_style(status: str) -> str:
    """The style of `new`, `surged`, `gone`, `steady`."""
    return _PATTERNS.get(status, "text")
