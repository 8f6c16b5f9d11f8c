"""How findings are put into words."""

from __future__ import annotations

import pytest

from console.analysis.words import as_sentence


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error rate of checkout rose", "Error rate of checkout rose"),
        ("db_pool_wait of checkout rose", "db_pool_wait of checkout rose"),
        ("p99 latency of checkout rose", "p99 latency of checkout rose"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_but_a_name_is_never_written_otherwise(said: str, sentence: str) -> None:
    assert as_sentence(said) == sentence
