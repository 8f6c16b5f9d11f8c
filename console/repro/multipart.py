"""Multipart bodies as curl 7.88 makes them from `-F` and `--form-string`; a part that would read a file is refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from console.domain.values import dataclass
from console.repro.errors import Unclear

_TYPE = re.compile(r"([^/ ]{1,127})/([^;, \n]{1,127})")
_KNOWN_ENDINGS = {
    ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml",
    ".txt": "text/plain", ".htm": "text/html", ".html": "text/html", ".pdf": "application/pdf", ".xml": "application/xml",
}  # fmt: skip
_SPACE = " \t\n\r\v\f"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str | None
    data: str
    kind: str | None = None
    """Its `Content-Type`, if one was given."""
    filename: str | None = None
    encoder: str | None = None
    headers: tuple[str, ...] = ()


def part_of(text: str, literal: bool, said: str) -> Part:
    """The part that a `name=content` argument describes.

    Args:
        literal: For `--form-string`: the content is taken as it is.
        said: The option, for messages.

    Raises:
        Unclear: It would read a file, or curl would not take it.
    """
    name, equals, content = text.partition("=")
    if not equals:
        raise Unclear(f"{said}: expected name=content")
    if literal:
        return Part(name or None, content)
    if content.startswith(("@", "<")):
        raise Unclear(f"{said} {name}={content[:1]}…: a local file is never opened")
    if content.startswith("(") or content == ")":
        raise Unclear(f"{said}: nested multipart forms are not imported")
    return _Reading(content, said).part(name or None)


class _Reading:
    """Reads `content;type=…;filename=…`, as curl's own formparse does."""

    def __init__(self, text: str, said: str) -> None:
        self.text = text
        self.said = said
        self.i = 0

    def part(self, name: str | None) -> Part:
        self._blanks()
        data = self._trimmed_word()
        kind: str | None = None
        filename: str | None = None
        encoder: str | None = None
        headers: list[str] = []
        in_type = False
        type_start = 0
        while self._char() == ";":
            self.i += 1
            self._blanks()
            if not in_type and self._prefix("type="):
                self._blanks()
                type_start = self.i
                kind = self._type()
                in_type = True
            elif self._prefix("filename="):
                in_type = False
                self._blanks()
                filename = self._trimmed_word()
            elif self._prefix("headers="):
                in_type = False
                if self._char() in ("@", "<"):
                    raise Unclear(f"{self.said}: headers={self._char()}…: a local file is never opened")
                self._blanks()
                headers.append(self._trimmed_word())
            elif self._prefix("encoder="):
                in_type = False
                self._blanks()
                encoder = self._trimmed_word()
            elif in_type:
                self._to_separator()
                kind = self.text[type_start : self.i].rstrip(_SPACE)
            else:
                self._word()
        return Part(name, data, kind, filename, encoder, tuple(headers))

    def _char(self) -> str:
        return self.text[self.i : self.i + 1]

    def _blanks(self) -> None:
        while self._char() and self._char() in _SPACE:
            self.i += 1

    def _prefix(self, word: str) -> bool:
        if self.text[self.i : self.i + len(word)].lower() != word:
            return False
        self.i += len(word)
        return True

    def _to_separator(self) -> None:
        end = self.text.find(";", self.i)
        self.i = len(self.text) if end < 0 else end

    def _type(self) -> str:
        match = _TYPE.match(self.text, self.i)
        if match is None:
            raise Unclear(f"{self.said}: type= is followed by no content type")
        start = self.i
        self._to_separator()
        self.i = max(self.i, match.end())
        return self.text[start : self.i].rstrip(_SPACE)

    def _trimmed_word(self) -> str:
        word, quoted = self._word()
        return word if quoted else word.rstrip(_SPACE)

    def _word(self) -> tuple[str, bool]:
        if self._char() == '"':
            match = re.compile(r'"((?:\\[\\"]|[^"])*?)"', re.S).match(self.text, self.i)
            if match:
                self.i = match.end()
                self._to_separator()
                return re.sub(r"\\([\\\"])", r"\1", match[1]), True
        start = self.i
        self._to_separator()
        return self.text[start : self.i], False


def _escaped(name: str, backslashes: bool) -> str:
    if backslashes:
        return name.replace("\\", "\\\\").replace('"', '\\"')
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _head(part: Part, backslashes: bool, as_form: bool) -> str:
    own = {line.partition(":")[0].strip().lower() for line in part.headers}
    lines: list[str] = []
    named = part.name is not None or part.filename is not None
    if "content-disposition" not in own and (as_form or named):
        line = f"Content-Disposition: {'form-data' if as_form else 'attachment'}"
        if part.name is not None:
            line += f'; name="{_escaped(part.name, backslashes)}"'
        if part.filename is not None:
            line += f'; filename="{_escaped(part.filename, backslashes)}"'
        lines.append(line)
    kind = part.kind or next(
        (h.partition(":")[2].strip() for h in part.headers if h.lower().startswith("content-type:")), None
    )
    if kind is None and part.filename is not None:
        kind = next((k for ending, k in _KNOWN_ENDINGS.items() if part.filename.lower().endswith(ending)), None)
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    if part.encoder is not None and "content-transfer-encoding" not in own:
        lines.append(f"Content-Transfer-Encoding: {part.encoder}")
    lines += [line for line in part.headers if not line.lower().startswith("content-type")]
    return "".join(line + "\r\n" for line in lines)


def multipart(parts: Sequence[Part], backslashes: bool, as_form: bool = True) -> tuple[str, bytes]:
    """Boundary and body.

    Args:
        backslashes: For `--form-escape`: names are escaped with backslashes instead of percent signs.
        as_form: False where the command gives another content type than `multipart/form-data`.

    The boundary has curl's form and follows from the parts, so that the same command gives the same request.

    Raises:
        Unclear: A part is to be encoded in a way that is not imported.
    """
    for part in parts:
        encoder = (part.encoder or "").lower()
        if encoder not in ("", "binary", "8bit") and not (encoder == "7bit" and part.data.isascii()):
            raise Unclear(f"encoder={part.encoder}: this encoding of a part is not imported")
    pieces = [(_head(part, backslashes, as_form), part.data) for part in parts]
    mark = hashlib.sha256(repr(pieces).encode()).hexdigest()[:16]
    boundary = "-" * 24 + mark
    text = "".join(f"--{boundary}\r\n{head}\r\n{data}\r\n" for head, data in pieces)
    return boundary, (text + f"--{boundary}--\r\n").encode("latin-1")
