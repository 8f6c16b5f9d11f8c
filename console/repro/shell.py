"""The words of one pasted command, as a POSIX shell would hand them over, with `$'…'` of bash and zsh beside.

Nothing is expanded and nothing is run: what a shell would compute is refused with its position, and a variable stays the
placeholder `${NAME}`.
"""

from __future__ import annotations

import re

from console.domain.values import dataclass
from console.repro.errors import Unclear

LONGEST = 16 << 20
"""Characters of a pasted command that are read."""

_SIMPLE = re.compile(r"(?:[^ \t\r\n'\"\\$`|;&<>(){}#]++|'[^']*+'|\"[^\"\\$`]*+\"|\\[^\r\n])++")
"""Any run of text that needs no more than its quotes and backslashes taken off."""
_QUOTES = re.compile(r"((?:'[^']*+')++)|((?:\"[^\"]*+\")++)|((?:\\.)++)")
"""Runs of one kind of quoting, so that a megabyte of them is one match."""
_IN_DOUBLE = re.compile(r"[^\"\\$`]+")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_TO_BLANK = re.compile(r"\S*")
_BRACE_PART = re.compile(r"[{},]|\.\.")
_BRACES = re.compile(r"[{}#]+")
_BLANK = " \t"
_ANSI = {
    "a": b"\a", "b": b"\b", "e": b"\x1b", "E": b"\x1b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", "'": b"'", '"': b'"', "?": b"?",
}  # fmt: skip
_ANSI_PLAIN = re.compile(r"[^'\\]+")
_ANSI_CODE = re.compile(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})")
_OPERATORS = {"|": "a pipe", ";": "`;`", "&": "`&`", "<": "`<`", ">": "`>`", "(": "`(`", ")": "`)`"}


@dataclass(frozen=True, slots=True)
class Word:
    """One argument."""

    data: bytes
    start: int
    """Where it begins in the text, from 0."""
    variables: tuple[str, ...] = ()
    """Shell variables that stand in it as `${NAME}`."""

    @property
    def text(self) -> str:
        """One character for each byte."""
        return self.data.decode("latin-1")


def at(text: str, index: int) -> str:
    """A position for people: `line 2, column 7`, or `column 7` in a single line."""
    line = text.count("\n", 0, index) + 1
    column = index - (text.rfind("\n", 0, index) + 1) + 1
    return f"line {line}, column {column}" if "\n" in text.strip() else f"column {column}"


def words_of(text: str) -> list[Word]:
    """The words of the one command in `text`.

    Raises:
        Unclear: With the position: a quote that is not closed, anything that a shell would compute, several commands.
    """
    if len(text) > LONGEST:
        raise Unclear(f"the command is longer than {LONGEST >> 20} MB")
    if re.search(r"(?:^|\s)\^?curl(?:\.exe)?\s[^\n]*\^[\"\n\r]|\^\\\^\"", text[:20_000]):
        raise Unclear(
            "this is “Copy as cURL (cmd)” of Windows, which cmd.exe quotes by rules of its own: copy as cURL (bash)"
        )
    return _Reader(text).words()


class _Reader:
    """Reads once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.i = 0
        self.found: list[Word] = []
        self.ended = False
        self.braces_seen = 0

    def words(self) -> list[Word]:
        self._prompt()
        while self._to_next_word():
            if self.ended:
                raise Unclear(
                    f"{at(self.text, self.i)}: a second command begins here; give one command, since one import is one request"
                )
            self.found.append(self._word())
        return self.found

    def _prompt(self) -> None:
        match = re.match(r"\s*(?:[$%] )?", self.text)
        self.i = match.end() if match else 0

    def _continuation(self) -> int:
        """Length of a backslash before a line end, here."""
        if self.text.startswith("\\\n", self.i):
            return 2
        return 3 if self.text.startswith("\\\r\n", self.i) else 0

    def _to_next_word(self) -> bool:
        text, size = self.text, len(self.text)
        while self.i < size:
            c = text[self.i]
            if c in _BLANK:
                self.i += 1
            elif skipped := self._continuation():
                self.i += skipped
            elif c == "\n" or text.startswith("\r\n", self.i):
                self.ended = self.ended or bool(self.found)
                self.i += 1 if c == "\n" else 2
            elif c == "#":
                end = text.find("\n", self.i)
                self.i = size if end < 0 else end
            else:
                return True
        return False

    def _word(self) -> Word:
        text, start = self.text, self.i
        parts: list[bytes] = []
        variables: list[str] = []
        if text[start] == "~":
            raise Unclear(f"{at(text, start)}: an unquoted ~ stands for a home folder here; quote it")
        while self.i < len(text):
            c = text[self.i]
            if c in _BLANK or c in "\r\n":
                if c == "\r" and not text.startswith("\r\n", self.i):
                    raise Unclear(f"{at(text, self.i)}: a lone carriage return")
                break
            simple = _SIMPLE.match(text, self.i)
            if simple:
                parts.append(_encoded(_QUOTES.sub(_unquoted, simple.group()), text, self.i))
                self.i = simple.end()
            elif skipped := self._continuation():
                self.i += skipped
            elif c == "'":
                raise Unclear(f"{at(text, self.i)}: this quote ' is never closed")
            elif c == '"':
                self._double(parts, variables)
            elif text.startswith("$'", self.i):
                parts.append(self._ansi())
            elif c in "$`":
                self._dollar(parts, variables)
            elif c == "\\":
                if self.i + 1 >= len(text):
                    raise Unclear(f"{at(text, self.i)}: a backslash at the very end")
                parts.append(text[self.i + 1].encode())
                self.i += 2
            elif c in _OPERATORS:
                raise Unclear(
                    f"{at(text, self.i)}: {_OPERATORS[c]} is for a shell to carry out, and nothing is run here; quote it if it is meant as text"
                )
            else:
                self._brace(c)
                run = _BRACES.match(text, self.i)
                piece = run.group() if run else c
                parts.append(piece.encode())
                self.i += len(piece)
        data = b"".join(parts)
        if b"\0" in data:
            raise Unclear(f"{at(text, start)}: this argument holds a NUL byte, which no program can be given")
        return Word(data, start, tuple(variables))

    def _brace(self, c: str) -> None:
        """An unquoted brace group with a comma or `..` is several words to bash and one to sh."""
        if c != "{" or self.i < self.braces_seen:
            return
        blank = _TO_BLANK.match(self.text, self.i)
        word = blank.group() if blank else ""
        self.braces_seen = self.i + len(word)
        if "}" in word and _expanded(word):
            raise Unclear(f"{at(self.text, self.i)}: bash and sh read unquoted braces differently; quote them")

    def _double(self, parts: list[bytes], variables: list[str]) -> None:
        text, start = self.text, self.i
        self.i += 1
        while self.i < len(text):
            c = text[self.i]
            if c == '"':
                self.i += 1
                return
            if skipped := self._continuation():
                self.i += skipped
            elif c == "\\":
                following = text[self.i + 1 : self.i + 2]
                parts.append(following.encode() if following and following in '"\\$`' else b"\\" + following.encode())
                self.i += 2
            elif c in "$`":
                self._dollar(parts, variables, quoted=True)
            else:
                run = _IN_DOUBLE.match(text, self.i)
                piece = run.group() if run else c
                parts.append(_encoded(piece, text, self.i))
                self.i += len(piece)
        raise Unclear(f'{at(text, start)}: this quote " is never closed')

    def _dollar(self, parts: list[bytes], variables: list[str], quoted: bool = False) -> None:
        text = self.text
        if text[self.i] == "`":
            raise Unclear(
                f"{at(text, self.i)}: a backtick would run a command, and nothing is run here; use single quotes if it is meant as text"
            )
        match = _VARIABLE.match(text, self.i)
        if match:
            name = match[1] or match[2]
            variables.append(name)
            parts.append(b"${" + name.encode() + b"}")
            self.i = match.end()
            return
        following = text[self.i + 1 : self.i + 2]
        if text.startswith(("\\\n", "\\\r\n"), self.i + 1):
            raise Unclear(f"{at(text, self.i)}: a $ right before a continued line; join the two lines")
        if following and (following in "({[@*#?$!-" or following.isdigit() or (following == '"' and not quoted)):
            raise Unclear(
                f"{at(text, self.i)}: ${following}… is for a shell to compute, and nothing is run here; use single quotes if it is meant as text"
            )
        parts.append(b"$")
        self.i += 1

    def _ansi(self) -> bytes:
        text, start = self.text, self.i
        parts: list[bytes] = []
        self.i += 2
        while self.i < len(text):
            c = text[self.i]
            if c == "'":
                self.i += 1
                return _joined(parts)
            if c != "\\":
                run = _ANSI_PLAIN.match(text, self.i)
                piece = run.group() if run else c
                parts.append(_encoded(piece, text, self.i))
                self.i += len(piece)
                continue
            following = text[self.i + 1 : self.i + 2]
            if plain := _ANSI.get(following):
                parts.append(plain)
                self.i += 2
            elif code := _ANSI_CODE.match(text, self.i + 1):
                parts.append(self._coded(code))
                self.i = code.end()
            elif following == "c":
                raise Unclear(f"{at(text, self.i)}: \\c inside $'…' is not read")
            else:
                parts.append(b"\\" + following.encode())
                self.i += 1 + len(following)
        raise Unclear(f"{at(text, start)}: this quote $' is never closed")

    def _coded(self, code: re.Match[str]) -> bytes:
        byte, short, long, octal = code.groups()
        if byte is not None:
            return bytes([int(byte, 16)])
        if octal is not None:
            return bytes([int(octal, 8) & 0xFF])
        number = int(short or long, 16)
        if number > 0x10FFFF:
            raise Unclear(f"{at(self.text, code.start() - 1)}: no such character")
        return chr(number).encode("utf-8", "surrogatepass")


def _expanded(word: str) -> bool:
    """Whether bash would make several words of a word that begins with a brace."""
    inside: list[bool] = []
    for match in _BRACE_PART.finditer(word):
        part = match.group()
        if part == "{":
            inside.append(False)
        elif part == "}":
            if inside and inside.pop():
                return True
        elif inside:
            inside[-1] = True
    return False


def _joined(parts: list[bytes]) -> bytes:
    """One string; a character beyond the first 65,536, which browsers write as two \\u escapes, becomes one again."""
    data = b"".join(parts)
    if b"\xed" not in data:
        return data
    try:
        return data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode()
    except UnicodeError:
        return data


def _unquoted(run: re.Match[str]) -> str:
    """What a run of quotes or backslashes stands for."""
    single, double, escaped = run.groups()
    if single is not None:
        return single.replace("'", "")
    return double.replace('"', "") if double is not None else escaped[1::2]


def _encoded(piece: str, text: str, index: int) -> bytes:
    try:
        return piece.encode()
    except UnicodeEncodeError:
        raise Unclear(f"{at(text, index)}: this is no valid UTF-8") from None
