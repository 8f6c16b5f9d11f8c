"""How meaning looks: the one place where style names become colours.

Blue and orange of the Okabe-Ito palette carry bad and good, since red and green look alike to one man in twelve. Colour
never carries meaning alone: painters always write a word or a glyph too, and weight (bold) survives `NO_COLOR`.
"""

from __future__ import annotations

from dataclasses import field

from rich.style import Style
from textual.theme import Theme

from console.domain.values import dataclass
from widgets.ink import STYLES

DEFAULT = "dark"


@dataclass(frozen=True, slots=True)
class Palette:
    """One look: a Rich style for every name in `widgets.ink.STYLES`, and Textual's theme for its own widgets."""

    name: str
    textual: Theme
    styles: dict[str, Style] = field(default_factory=dict)

    def style(self, name: str) -> Style:
        """The style of a name; an unknown name reads as plain text, since a wrong colour is better than no line."""
        found = self.styles.get(name)
        return found if found is not None else self.styles["text"]


def _palette(name: str, theme: Theme, base: str, looks: dict[str, str]) -> Palette:
    ground = Style.parse(base)
    return Palette(name, theme, {style: ground + Style.parse(looks.get(style, "none")) for style in STYLES})


def _truecolor(name: str, *, dark: bool, colors: dict[str, str], looks: dict[str, str]) -> Palette:
    theme = Theme(
        name=f"incident-{name}",
        primary=colors["accent"],
        secondary=colors["accent"],
        warning=colors["warn"],
        error=colors["bad"],
        success=colors["ok"],
        accent=colors["accent"],
        foreground=colors["text"],
        background=colors["ground"],
        surface=colors["ground"],
        panel=colors["panel"],
        dark=dark,
    )
    return _palette(name, theme, f"{colors['text']} on {colors['ground']}", looks)


def _looks(colors: dict[str, str]) -> dict[str, str]:
    """The looks that the themes with own colours share."""
    return {
        "muted": colors["muted"],
        "strong": "bold",
        "bad": f"bold {colors['bad']}",
        "warn": f"bold {colors['warn']}",
        "ok": colors["ok"],
        "unknown": colors["unknown"],
        "accent": colors["accent"],
        "marker": f"bold {colors['marker']}",
        "new": f"bold {colors['bad']}",
        "title": "bold",
        "label": colors["muted"],
        "border": colors["border"],
        "border.focus": f"bold {colors['accent']}",
        "cursor": f"bold {colors['cursor_text']} on {colors['cursor']}",
        "graph": colors["graph"],
        "graph.bad": colors["bad"],
        "key": f"bold {colors['accent']}",
        "band": colors["border"],
        "banner": f"bold {colors['ground']} on {colors['warn']}",
        "match": f"bold underline {colors['accent']}",
    }


_DARK = {
    "ground": "#121212", "text": "#d7dadd", "panel": "#1c1f22", "muted": "#8b9299", "bad": "#f0a030", "warn": "#f0e442",
    "ok": "#56b4e9", "unknown": "#cc79a7", "accent": "#56b4e9", "marker": "#f0e442", "border": "#4a5158",
    "cursor": "#005f87", "cursor_text": "#ffffff", "graph": "#7fa8c4",
}  # fmt: skip
_LIGHT = {
    "ground": "#fbfaf7", "text": "#22262a", "panel": "#efeee9", "muted": "#666c72", "bad": "#a84300", "warn": "#7d5d00",
    "ok": "#005f99", "unknown": "#8f3f70", "accent": "#005f99", "marker": "#6d5200", "border": "#a9adb1",
    "cursor": "#bfdcf0", "cursor_text": "#000000", "graph": "#4b7d9f",
}  # fmt: skip
_CONTRAST = {
    "ground": "#000000", "text": "#ffffff", "panel": "#000000", "muted": "#d0d0d0", "bad": "#ffa500", "warn": "#ffff40",
    "ok": "#80d0ff", "unknown": "#ffb0e0", "accent": "#80d0ff", "marker": "#ffff40", "border": "#ffffff",
    "cursor": "#ffffff", "cursor_text": "#000000", "graph": "#ffffff",
}  # fmt: skip


def _ansi(name: str, *, dark: bool) -> Palette:
    """Only what the terminal's own sixteen colours and its default ground give: short codes, and the user's colours."""
    bad, warn, ok = ("yellow", "bright_yellow", "bright_blue") if dark else ("red", "magenta", "blue")
    theme = Theme(
        name=f"incident-{name}",
        ansi=True,
        dark=dark,
        primary="ansi_blue",
        secondary="ansi_cyan",
        warning="ansi_yellow" if dark else "ansi_magenta",
        error="ansi_yellow" if dark else "ansi_red",
        success="ansi_blue",
        accent="ansi_blue",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        variables={
            "ansi-background": "ansi_black" if dark else "ansi_white",
            "ansi-foreground": "ansi_white" if dark else "ansi_black",
            "border-blurred": "ansi_default",
            "block-cursor-foreground": "ansi_black" if dark else "ansi_white",
            "block-cursor-background": "ansi_white" if dark else "ansi_black",
            "input-cursor-background": "ansi_default",
            "input-cursor-foreground": "ansi_default",
            "input-cursor-text-style": "reverse",
            "input-selection-background": "ansi_blue",
            "input-selection-foreground": "ansi_white",
            "screen-selection-background": "ansi_blue",
            "screen-selection-foreground": "ansi_white",
        },
    )
    looks = {
        "muted": "dim", "strong": "bold", "bad": f"bold {bad}", "warn": warn, "ok": ok, "unknown": "magenta",
        "accent": ok, "marker": warn, "new": f"bold {bad}", "title": "bold", "label": "dim", "border": "dim",
        "border.focus": f"bold {ok}", "cursor": "reverse", "graph": ok, "graph.bad": bad, "key": f"bold {ok}",
        "band": "dim", "banner": "bold reverse", "match": f"bold underline {ok}",
    }  # fmt: skip
    return _palette(name, theme, "default on default", looks)


PALETTES: dict[str, Palette] = {
    palette.name: palette
    for palette in (
        _truecolor("dark", dark=True, colors=_DARK, looks=_looks(_DARK)),
        _truecolor("light", dark=False, colors=_LIGHT, looks=_looks(_LIGHT)),
        _ansi("ansi-dark", dark=True),
        _ansi("ansi-light", dark=False),
        _truecolor("high-contrast", dark=True, colors=_CONTRAST, looks=_looks(_CONTRAST)),
    )
}
"""The themes by the names the configuration uses."""

NO_COLOR = PALETTES["ansi-dark"]
"""What is used where colours are taken away afterwards: reversal and dimming still show."""
_BY_TEXTUAL_NAME = {palette.textual.name: palette for palette in PALETTES.values()}


def palette_for(textual_theme: str) -> Palette:
    """The palette that belongs to the name of Textual's current theme; `dark` for a foreign one."""
    return _BY_TEXTUAL_NAME.get(textual_theme, PALETTES[DEFAULT])
