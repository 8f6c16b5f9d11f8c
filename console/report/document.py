"""A report before it has a form: sections of sentences, each with what it rests on. Markdown, HTML and JSON are made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from console.domain.instant import Instant
from console.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement, and what shows that it is so."""

    text: str
    refs: tuple[str, ...] = ()
    """Anchors: the names of evidence (`E3`) or the ids of entries (`alice-4f09c2d1`)."""
    kind: str = "fact"
    """fact: read from the record | inference: concluded | missing: what should stand here and is not known | words: of a
    person, quoted"""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences in a row."""

    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """Sentences in a list."""

    items: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; every row is one statement cut into cells, so it has one set of references."""

    headings: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], Sentence], ...]
    """Cells, and the statement that they make, whose references stand in a last column."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in a chart."""

    at: Instant
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A series as it was captured."""

    title: str
    unit: str
    points: tuple[tuple[Instant, float | None], ...]
    marks: tuple[Mark, ...]
    ref: str
    """The evidence that holds the points."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of an index: what references lead to."""

    anchor: str
    title: str
    facts: tuple[tuple[str, str], ...]
    """Names and values; empty values are left out."""
    text: str = ""
    """Preformatted."""
    label: str = ""
    """What references to it are called; empty: as its anchor."""


@dataclass(frozen=True, slots=True)
class Index:
    """Everything that references lead to."""

    items: tuple[Item, ...]


Block = Paragraph | Points | Table | Chart | Index


@dataclass(frozen=True, slots=True)
class Section:
    """A part under a heading."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole."""

    case_id: str
    title: str
    made_at: Instant
    sections: tuple[Section, ...]
    lints: tuple[str, ...] = field(default=())
    """What a reviewer should look at; suggestions."""

    def sentences(self) -> Iterator[tuple[str, Sentence]]:
        """Every statement with the id of its section."""
        for section in self.sections:
            for block in section.blocks:
                match block:
                    case Paragraph(sentences=found) | Points(items=found):
                        yield from ((section.id, one) for one in found)
                    case Table(rows=rows):
                        yield from ((section.id, one) for _, one in rows)

    def anchors(self) -> set[str]:
        """Everything that a reference may lead to."""
        indexes = (block for section in self.sections for block in section.blocks if isinstance(block, Index))
        return {item.anchor for index in indexes for item in index.items}

    def labels(self) -> dict[str, str]:
        """What references are called, by their anchors."""
        indexes = (block for section in self.sections for block in section.blocks if isinstance(block, Index))
        return {item.anchor: item.label or item.anchor for index in indexes for item in index.items}

    def missing(self) -> list[str]:
        """What should stand in it and does not."""
        return [one.text for _, one in self.sentences() if one.kind == "missing"]
