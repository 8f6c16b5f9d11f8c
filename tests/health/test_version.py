"""Versions that services tell about themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config.load import ConfigError
from console.config.models import Budget, ServiceConfig
from console.guard.sanitise import UNSAFE, safe
from sources.answers import Answer
from sources.base import SourceGarbage, SourceUnavailable
from sources.health import build_versions
from sources.health.version import COMMIT_KEYS, INNER, VERSION_KEYS, version_in
from sources.http import HttpDoor
from tests.http.fault_server import Asked, answer, serving


@pytest.fixture
async def door() -> AsyncIterator[HttpDoor]:
    async with HttpDoor(Budget(requests_per_minute=600)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("body", "version", "commit"),
    [
        ('{"version":"1.42.0","commit":"3f9c2aa"}', "1.42.0", "3f9c2aa"),
        ('{"service":"checkout","version":"v1.42"}', "v1.42", None),
        ('{"git":{"commit":{"id":"3f9c2aab"}},"build":{"version":"2.0"}}', "2.0", "3f9c2aab"),
        (
            '{"data":{"version":"2.42.0","revision":"225c61122d88b01d1f0eaaee0e05b6f3e0567ac0"}}',
            "2.42.0",
            "225c61122d88b01d1f0eaaee0e05b6f3e0567ac0",
        ),
        ("1.42.0\n", "1.42.0", None),
        ("v1.42.0 (3f9c2aa)", "v1.42.0", "3f9c2aa"),
        ("version: 2.1\nother: 3", "2.1", None),
        ("3f9c2aab01", None, "3f9c2aab01"),
        ('{"version":"1\\u001b[2J"}', "1^[[2J", None),
    ],
)
async def test_forms_of_an_answer(door: HttpDoor, body: str, version: str | None, commit: str | None) -> None:
    async with serving(answer(body.encode())) as server:
        (source,) = build_versions((ServiceConfig(name="checkout", version_url=server.url + "/version"),), door)
        (running,) = await source.running(5.0)
    assert (running.service, running.version, running.commit) == ("checkout", version, commit)
    assert (running.source, running.agrees, running.observed_at, running.instances) == ("/version", None, 5.0, 1)


@pytest.mark.parametrize("body", ["", "{}", '{"version":null}', "[]", "hello", "<html><title>x</title>"])
async def test_what_is_no_version_is_said_to_be_none(door: HttpDoor, body: str) -> None:
    async with serving(answer(body.encode())) as server:
        (source,) = build_versions((ServiceConfig(name="checkout", version_url=server.url),), door)
        with pytest.raises(SourceGarbage, match="no version"):
            await source.running(5.0)


async def test_a_long_answer_is_not_searched(door: HttpDoor) -> None:
    async with serving(answer(b'{"version":"1.2","x":"' + b"x" * (1 << 20) + b'"}')) as server:
        (source,) = build_versions((ServiceConfig(name="checkout", version_url=server.url),), door)
        with pytest.raises(SourceGarbage, match=r"no version: the answer has 104\d+ bytes"):
            await source.running(5.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*VERSION_KEYS, *COMMIT_KEYS, *INNER, "x")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_version_that_can_be_shown_or_no_version(body: bytes) -> None:
    try:
        found = version_in(Answer(safe("http://a.test/version"), 200, {}, body, 0.1))
    except SourceGarbage:
        return
    assert any(found), "neither version nor commit is no answer"
    for text in found:
        assert text is None or (text and len(text) < 250 and not UNSAFE.search(text))


async def test_instances_of_different_versions_are_seen_and_a_new_version_at_once(door: HttpDoor) -> None:
    said: Iterator[str] = iter(["1.42", "1.41", "1.42", "1.42", "1.42", "1.42", "1.42", "1.43", "1.43", "1.43", "1.43"])

    async def in_turn(asked: Asked, writer: asyncio.StreamWriter) -> None:
        assert asked.headers["connection"] == "close"
        await answer(next(said).encode(), connection="close")(asked, writer)
        writer.close()

    async with serving(in_turn) as server:
        (source,) = build_versions((ServiceConfig(name="checkout", version_url=server.url + "/v"),), door)
        told = [await source.running(5.0 + n) for n in range(5)]
        assert len(server.asked) == 3 + 3 + 1 + 3 + 1
    assert [[(r.version, r.source) for r in running] for running in told] == [
        [("1.42", "/v (2 of 3 answers)"), ("1.41", "/v (1 of 3 answers)")],
        [("1.42", "/v")],
        [("1.42", "/v")],
        [("1.43", "/v")],
        [("1.43", "/v")],
    ]


async def test_a_service_that_fails_is_an_error(door: HttpDoor) -> None:
    async with serving(answer(b"", "500 Oops")) as server:
        (source,) = build_versions((ServiceConfig(name="checkout", version_url=server.url),), door)
        with pytest.raises(SourceUnavailable):
            await source.running(5.0)


def test_only_services_with_an_address_are_asked() -> None:
    assert build_versions((ServiceConfig(name="a"),), HttpDoor()) == ()
    with pytest.raises(ConfigError, match=r"\[\[service\]\] a: version_url"):
        build_versions((ServiceConfig(name="a", version_url="nowhere"),), HttpDoor())
