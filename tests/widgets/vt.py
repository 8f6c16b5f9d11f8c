"""A terminal small enough to trust: it obeys what our painter sends and refuses everything else."""

from __future__ import annotations

import re

from rich.cells import split_graphemes

_SETUP = re.compile(r"\x1b\[[?>=<][0-9;]*\$?[A-Za-z]|\x1b\[[0-9;]*[tnc]|\x1b[=>78]|\x1b\][0-9;]*[^\x07\x1b]*\x07")
"""What an application says to a terminal once: modes, queries, the title."""
_TOKEN = re.compile(r"\x1b\[([?>]?[0-9;]*)([A-Za-z])|\x1b\]8;;([^\x1b]*)\x1b\\|([^\x1b]+)|(.)", re.DOTALL)


class Screen:
    """Cells of a text and the codes it was written with."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells: list[list[tuple[str, str]]] = [[(" ", "")] * width for _ in range(height)]
        self.x = self.y = 0
        self.style: dict[str, str] = {}
        self.link = ""

    def feed_session(self, data: str) -> None:
        """Obey a whole session: modes and queries are passed over, a cleared screen is not expected."""
        self.feed(_SETUP.sub("", data))

    def feed(self, data: str) -> None:
        """Obey; an unknown sequence is an error of the painter."""
        for token in _TOKEN.finditer(data):
            numbers, letter, link, text, stray = token.groups()
            if text is not None:
                self._write(text)
            elif link is not None:
                self.link = link
            elif stray is not None:
                raise AssertionError(f"stray {stray!r} in {data!r}")
            else:
                self._control(numbers, letter)

    def _control(self, numbers: str, letter: str) -> None:
        values = [int(n) if n else 0 for n in numbers.split(";")] if numbers[:1] not in ("?", ">") else []
        if letter == "H":
            self.y, self.x = values[0] - 1, values[1] - 1
        elif letter == "G":
            self.x = values[0] - 1
        elif letter == "m":
            self._render(values)
        elif numbers not in ("?2026", "?2026"):
            raise AssertionError(f"unexpected control {numbers}{letter}")

    def _render(self, values: list[int]) -> None:
        rest = list(values)
        while rest:
            code = rest.pop(0)
            if code == 0:
                self.style = {}
            elif code in (38, 48):
                kind = rest.pop(0)
                size = 3 if kind == 2 else 1
                self.style[str(code)] = f"{kind};" + ";".join(str(rest.pop(0)) for _ in range(size))
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.style["38"] = str(code)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.style["48"] = str(code)
            elif code in (39, 49):
                self.style.pop(str(code - 1), None)
            else:
                self.style[f"a{code}"] = ""

    def _write(self, text: str) -> None:
        assert text.isprintable() or not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text), repr(text)
        look = ",".join(f"{key}={value}" for key, value in sorted(self.style.items())) + self.link
        for begin, end, width in split_graphemes(text)[0]:
            if width == 0:
                continue
            assert self.x + width <= self.width and self.y < self.height, "written beyond the edge"
            self.cells[self.y][self.x] = (text[begin:end], look)
            for more in range(1, width):
                self.cells[self.y][self.x + more] = ("", look)
            self.x += width

    def visible(self) -> list[list[tuple[str, str]]]:
        """Cells as an eye sees them: of a blank only the ground and lines through it."""
        return [[self._seen(cell) for cell in row] for row in self.cells]

    @staticmethod
    def _seen(cell: tuple[str, str]) -> tuple[str, str]:
        text, look = cell
        if text != " " or any(mark in look for mark in ("a4", "a7", "a9")):
            return cell
        return text, ",".join(part for part in look.split(",") if part.startswith("48"))

    def text(self) -> str:
        """What it shows, line by line."""
        return "\n".join("".join(cell[0] for cell in row).rstrip() for row in self.cells)
