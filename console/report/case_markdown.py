"""A report as Markdown. Text of the record is never markup: what Markdown or HTML would read as a sign is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from console.domain.instant import rfc3339
from console.report.document import Block, Chart, Index, Item, Paragraph, Points, Report, Sentence, Table
from console.report.snapshot import quantity

_SIGNS = re.compile(r"([\\`*_{}\[\]#|~$!])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_AT_START = re.compile(r"^(\s*)([-+]|\d+\.)(?=\s)")


def markdown_of(report: Report) -> str:
    """The whole report."""
    lines = [
        f"# {plain(report.title)}",
        "",
        f"Case {plain(report.case_id)}, report made at {rfc3339(float(round(report.made_at)))}. All times are UTC.",
        "",
    ]
    writer = _Writer(report.labels())
    for section in report.sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [*writer.block(block), ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def plain(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    one = " ".join(text.split("\n"))
    return (
        _AT_START.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", one))
        .translate(_ENTITIES)
        .replace("://", "\\://")
        .replace("www.", "www\\.")
    )


def anchor(name: str) -> str:
    """The name of a target inside the document."""
    return re.sub(r"[^a-z0-9-]", "-", name.lower())


class _Writer:
    """Writes blocks.

    Args:
        labels: What references are called, by their anchors.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels

    def block(self, block: Block) -> Iterable[str]:
        """Its lines."""
        match block:
            case Paragraph(sentences=found):
                yield " ".join(self._sentence(one) for one in found)
            case Points(items=found):
                yield from (f"- {self._sentence(one)}" for one in found)
            case Table(headings=headings, rows=rows):
                yield "| " + " | ".join((*(h or " " for h in headings), "Evidence")) + " |"
                yield "|" + " --- |" * (len(headings) + 1)
                for cells, sentence in rows:
                    yield "| " + " | ".join((*(plain(cell) for cell in cells), self._refs(sentence.refs))) + " |"
            case Chart():
                yield f"{plain(block.title)} {self._refs((block.ref,))}: {_told(block)}"
            case Index(items=items):
                for item in items:
                    yield from _item(item)

    def _sentence(self, one: Sentence) -> str:
        text = plain(one.text)
        if one.kind == "missing":
            text = f"**{text}**"
        elif one.kind == "inference":
            text = f"{text} (inference)"
        return f"{text} {self._refs(one.refs)}".strip()

    def _refs(self, refs: Iterable[str]) -> str:
        return " ".join(f"[{plain(self._labels.get(ref, ref))}](#{anchor(ref)})" for ref in dict.fromkeys(refs))


def _told(chart: Chart) -> str:
    """A chart in words, since Markdown has none."""
    known = [(at, value) for at, value in chart.points if value is not None]
    peak = max(known, key=lambda pair: pair[1])
    first, last = known[0][1], known[-1][1]
    return f"{quantity(first, chart.unit)} at first, at most {quantity(peak[1], chart.unit)} at {rfc3339(float(round(peak[0])))}, {quantity(last, chart.unit)} at last"


def _item(item: Item) -> Iterable[str]:
    yield f'- <a id="{anchor(item.anchor)}"></a>{plain(item.title)}'
    told = [f"{name}: {plain(value)}" for name, value in item.facts if value]
    if told:
        yield f"  {'; '.join(told)}"
    if item.text:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", item.text)), default=0))
        yield ""
        yield f"  {fence}text"
        yield from (f"  {line}" for line in item.text.split("\n"))
        yield f"  {fence}"
