"""A report as JSON: the case, and the sections with what each statement rests on."""

from __future__ import annotations

from typing import Any

from console.case.model import Case
from console.domain.instant import rfc3339
from console.report.case_json import SCHEMA_VERSION, case_json
from console.report.document import Block, Chart, Index, Paragraph, Points, Report, Sentence, Table


def report_json(report: Report, case: Case) -> dict[str, Any]:
    """The whole report."""
    return {
        "schema_version": SCHEMA_VERSION,
        "generated_at": rfc3339(report.made_at),
        "case": case_json(case, report.made_at),
        "sections": [
            {"id": section.id, "title": section.title, "blocks": [_block(block) for block in section.blocks]}
            for section in report.sections
        ],
        "missing": report.missing(),
        "lints": list(report.lints),
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph(sentences=found):
            return {"type": "paragraph", "sentences": [_sentence(one) for one in found]}
        case Points(items=found):
            return {"type": "list", "sentences": [_sentence(one) for one in found]}
        case Table(headings=headings, rows=rows):
            return {
                "type": "table",
                "headings": list(headings),
                "rows": [{"cells": list(c), **_sentence(one)} for c, one in rows],
            }
        case Chart():
            return {
                "type": "chart", "title": block.title, "unit": block.unit, "evidence": block.ref,
                "points": [[rfc3339(at), value] for at, value in block.points],
                "marks": [{"at": rfc3339(mark.at), "label": mark.label} for mark in block.marks],
            }  # fmt: skip
        case Index(items=items):
            return {
                "type": "index",
                "items": [
                    {
                        "name": i.anchor,
                        "title": i.title,
                        "facts": {n: v for n, v in i.facts if v},
                        "text": i.text or None,
                    }
                    for i in items
                ],
            }


def _sentence(one: Sentence) -> dict[str, Any]:
    return {"text": one.text, "kind": one.kind, "evidence": list(dict.fromkeys(one.refs))}
