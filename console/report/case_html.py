"""A report as one HTML file that needs nothing from anywhere: styles and charts are inside, there is no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from console.domain.instant import rfc3339
from console.report.case_markdown import anchor
from console.report.document import Block, Chart, Index, Item, Paragraph, Points, Report, Section, Sentence, Table
from console.report.svg import svg_of

STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --back: #ffffff; --dim: #62676e; --line: #0b62b3; --edge: #d5d9de; --bad: #a3271b; --soft: #f3f5f7 }
@media (prefers-color-scheme: dark) { :root { --text: #e4e6ea; --back: #16181b; --dim: #9aa1a9; --line: #6bb2f5; --edge: #3a3f45; --bad: #ff8b7d; --soft: #202327 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid var(--edge) }
p.meta, .facts, .label, nav { color: var(--dim); font-size: .88rem } nav a { margin-right: .8rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem; display: block; overflow-x: auto }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--edge); overflow-wrap: anywhere }
td:first-child { white-space: nowrap } pre { background: var(--soft); padding: .6rem; overflow-x: auto; font-size: .82rem; white-space: pre-wrap; overflow-wrap: anywhere }
a.ref { font-size: .78rem; color: var(--line); text-decoration: none; margin-left: .25rem } a.ref:hover { text-decoration: underline }
.missing { color: var(--bad) } .kind { color: var(--dim); font-size: .82rem } .index { list-style: none; padding: 0; overflow-wrap: anywhere } .index li { padding: .25rem 0 }
.index li:target, tr:target { background: var(--soft); outline: 2px solid var(--line) }
.chart { max-width: 100%; height: auto } .chart .line { stroke: var(--line); stroke-width: 1.6 } .chart .dot { fill: var(--line) }
.chart .grid { stroke: var(--edge) } .chart .mark { stroke: var(--bad); stroke-dasharray: 3 3 } .chart text { fill: var(--dim); font: 11px system-ui, sans-serif }
@media print { body { max-width: none } nav { display: none } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html_of(report: Report) -> str:
    """The whole report."""
    title = escape(report.title)
    contents = "".join(f'<a href="#s-{section.id}">{escape(section.title)}</a>' for section in report.sections)
    writer = _Writer(report.labels())
    body = "".join(writer.section(section) for section in report.sections)
    made = rfc3339(float(round(report.made_at)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
        f'<p class="meta">Case {escape(report.case_id)}, report made at {made}. All times are UTC.</p>\n<nav>{contents}</nav>\n</header>\n'
        f"<main>\n{body}</main>\n</body>\n</html>\n"
    )


class _Writer:
    """Writes sections.

    Args:
        labels: What references are called, by their anchors.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels

    def section(self, section: Section) -> str:
        """One section."""
        blocks = "\n".join(self._block(block) for block in section.blocks)
        return f'<section id="s-{section.id}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>\n'

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(sentences=found):
                return f"<p>{' '.join(self._sentence(one) for one in found)}</p>"
            case Points(items=found):
                return f"<ul>{''.join(f'<li>{self._sentence(one)}</li>' for one in found)}</ul>" if found else ""
            case Table(headings=headings, rows=rows):
                head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*headings, "Evidence"))
                lines = "".join(
                    f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td>{self._refs(one.refs)}</td></tr>"
                    for cells, one in rows
                )
                return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
            case Chart():
                told = f"{escape(block.title)} {self._refs((block.ref,))}"
                return f"<figure>{svg_of(block)}<figcaption>{told}</figcaption></figure>"
            case Index(items=items):
                return f'<ul class="index">{"".join(_item(item) for item in items)}</ul>'

    def _sentence(self, one: Sentence) -> str:
        kind = ' <span class="kind">(inference)</span>' if one.kind == "inference" else ""
        text = escape(one.text).replace("\n", "<br>")
        return f'<span class="{one.kind}">{text}</span>{kind}{self._refs(one.refs)}'

    def _refs(self, refs: Iterable[str]) -> str:
        return "".join(
            f'<a class="ref" href="#{anchor(ref)}">{escape(self._labels.get(ref, ref))}</a>'
            for ref in dict.fromkeys(refs)
        )


def _item(item: Item) -> str:
    told = "; ".join(f"{escape(name)}: {escape(value)}" for name, value in item.facts if value)
    facts = f'<div class="facts">{told}</div>' if told else ""
    text = f"<pre>{escape(item.text)}</pre>" if item.text else ""
    return f'<li id="{anchor(item.anchor)}">{escape(item.title)}{facts}{text}</li>'
