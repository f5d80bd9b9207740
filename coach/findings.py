"""Findings of files → text, JSON, GitHub annotations or SARIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coach.schema import Finding, Rule

Format = Literal["text", "json", "github", "sarif"]


@dataclass(frozen=True)
class Located:
    """A finding with its file and its line and columns, counted from 1; end is exclusive."""

    path: Path
    line: int
    column: int
    end_line: int
    end_column: int
    words: str
    finding: Finding

    @classmethod
    def at(cls, path: Path, text: str, finding: Finding) -> Located:
        """Where a finding stands in its file."""
        line, column = _place(text, finding.start)
        end_line, end_column = _place(text, finding.end)
        words = " ".join(text[finding.start : finding.end].split())
        return cls(path, line, column, end_line, end_column, words, finding)


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def render(found: Sequence[Located], rules: Sequence[Rule], format: Format) -> str:
    """All findings in one format, ending in a line break unless there is nothing to say."""
    if format == "json":
        rows = [
            {"file": str(one.path), "line": one.line, "column": one.column, **one.finding.model_dump(mode="json")}
            for one in found
        ]
        return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    if format == "sarif":
        return json.dumps(_sarif(found, rules), ensure_ascii=False, indent=2) + "\n"
    if format == "github":
        return "".join(_annotation(one) for one in found)
    return "".join(
        f"{one.path}:{one.line}:{one.column}: {one.finding.level}: “{one.words}”: {one.finding.message} ({one.finding.rule})\n"
        for one in found
    )


def _annotation(one: Located) -> str:
    command = {"error": "error", "warning": "warning", "hint": "notice"}[one.finding.level]

    def data(words: str) -> str:
        return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def prop(words: str) -> str:
        return data(words).replace(":", "%3A").replace(",", "%2C")

    where = f"file={prop(str(one.path))},line={one.line},endLine={one.end_line},col={one.column},endColumn={one.end_column}"
    return f"::{command} {where},title={prop(one.finding.rule)}::{data(one.finding.message)}\n"


def _sarif(found: Sequence[Located], rules: Sequence[Rule]) -> dict[str, object]:
    levels = {"error": "error", "warning": "warning", "hint": "note"}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "prep-coach",
                        "rules": [{"id": r.id, "shortDescription": {"text": r.message}} for r in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    {
                        "ruleId": one.finding.rule,
                        "level": levels[one.finding.level],
                        "message": {"text": one.finding.message},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": one.path.as_posix()},
                                    "region": {
                                        "startLine": one.line,
                                        "startColumn": one.column,
                                        "endLine": one.end_line,
                                        "endColumn": one.end_column,
                                    },
                                }
                            }
                        ],
                    }
                    for one in found
                ],
            }
        ],
    }
