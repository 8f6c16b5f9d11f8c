"""Redaction: every kind of secret goes, equal ones stay comparable, ordinary text stays as it is, and no text is slow."""

from __future__ import annotations

import re
import string
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.guard.redact import MOST, redact, token_of

TOKEN = re.compile(r"‹redacted:[a-z]+:[0-9a-f]{8}›")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret", "kind"),
    [
        ("using AKIAIOSFODNN7EXAMPLE now", "AKIAIOSFODNN7EXAMPLE", "aws"),
        ("push with ghp_" + "a1B2" * 9, "ghp_" + "a1B2" * 9, "github"),
        ("github_pat_" + "a1_" * 20, "github_pat_" + "a1_" * 20, "github"),
        ("glpat-" + "x" * 20, "glpat-" + "x" * 20, "gitlab"),
        ("xoxb-123456789012-abcdef", "xoxb-123456789012-abcdef", "slack"),
        (f"token in text {JWT} end", JWT, "jwt"),
        (PEM + "\nafter", "MIIEpAIBAAKCAQEA", "pem"),
        ("-----BEGIN PRIVATE KEY-----\ncut off here", "cut off here", "pem"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi", "authorization"),
        ('{"authorization":"Basic dTpw"}', "dTpw", "authorization"),
        ("proxy-authorization=Digest xyz", "xyz", "authorization"),
        ("sent bearer abcdefghijkl123 upstream", "abcdefghijkl123", "bearer"),
        ("postgres://app:hunter2@db:5432/orders", "hunter2", "url"),
        ("https://ghost@host/x", "ghost", "url"),
        ("Set-Cookie: sid=31d4d96e407aad42; Path=/", "31d4d96e407aad42", "cookie"),
        ("cookie=theme=dark; session=abc", "session=abc", "cookie"),
        ("login password=hunter2 user=bob", "hunter2", "password"),
        ('{"db_password": "a \\"b\\" c", "x": 1}', 'a \\"b\\" c', "password"),
        ("dbPassword => 'two words'", "two words", "password"),
        ("GET /x?api_key=abc123&limit=5", "abc123", "password"),
        ("client_secret: s3cr3t", "s3cr3t", "password"),
        ("X-Api-Key: s3cr3t", "s3cr3t", "password"),
        ("userToken=abc", "abc", "password"),
        ("sk-proj-" + "Ab1" * 8, "Ab1" * 8, "key"),
        ("login otp=123456 sent", "123456", "session"),
        ("otp_code: 123456", "123456", "session"),
        ("totp => 903211", "903211", "session"),
        ("csrf=abcdef", "abcdef", "session"),
        ("GET /x?_csrf=abcdef&limit=5", "abcdef", "session"),
        ("X-XSRF: ab12cd34", "ab12cd34", "session"),
        ("sid=deadbeef", "deadbeef", "session"),
        ("user.sid=s3cr3t;x", "s3cr3t", "session"),
        ("jwt=a.b.c", "a.b.c", "session"),
        ('{"jwt" : "opaque"}', "opaque", "session"),
        ("session=hunter", "hunter", "session"),
        ('{"session":"abc"}', '"abc"', "session"),
        ("session: 7f3a9c1e22b84d10", "7f3a9c1e22b84d10", "session"),
        ("SESSION_KEY='two words'", "two words", "session"),
        ("paid with 4111111111111111.", "4111111111111111", "card"),
        ("card 4111 1111 1111 1111 12/27 123", "1111", "card"),
        ("4111-1111-1111-1111", "1111", "card"),
        ("9 5555 5555 5555 4444", "5555", "card"),
        ("card=4222222222222 ok", "4222222222222", "card"),
        ("amex 3782 822463 10005", "822463", "card"),
        ("account 30569309025904", "30569309025904", "card"),
        ('{"pan":"6011111111111117"}', "6011111111111117", "card"),
        ("pan_3530111333300000", "3530111333300000", "card"),
        ("4000000000000000006", "4000000000000000006", "card"),
    ],
)
def test_secrets_go_and_the_rest_of_the_line_stays(text: str, secret: str, kind: str) -> None:
    clean = redact(text)
    assert secret not in clean
    assert f"‹redacted:{kind}:" in clean


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T14:03:10Z INFO checkout order 123 placed in 80 ms",
        "password reset requested for user 42",
        "authorization failed: invalid signature",
        "tokens used: 512, max_tokens=100, token_count=5",
        "token: null password: ***",
        "compass=north passenger=12 monkey=banana keyboard: us",
        "https://example.org/a@b and mail bob@example.org",
        "commit 3f9c2aab01dd4e6f8a7b9c0d1e2f3a4b5c6d7e8f trace 88ebfbcebbbc0884eabd9178e1808940",
        "eyJust a word",
        "session_count=12 session=3 sessions: 40 session: closed by peer session=closed sid: 2",
        "pam_unix(sshd:session): session opened for user root",
        "obsession=deep inside=out residue: 5 hotplug=1 csrf: token mismatch, jwt: expired",
        "order_id=4111111111111111 orderId=4111111111111111 /orders/4111111111111111 order 4111111111111111",
        '{"span_id":"4111111111111111"} trace=4111111111111111 blk_4111111111111111',
        "ts_ns=1700000000000000000 at 1700000000000 and 1700000000000000 ns",
        "2026-11-23 14:03:10 20261123140310 2026-11-23T14:03:10.123456789Z",
        "4111111111111112 4111 1111 1111 1112 0.4111111111111111 4111111111111111.5 x4111111111111111",
        "traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-4111111111111111-01",
        "uuid 41111111-1111-4111-8111-111111111111 phone +49 4111 1111",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


WORDS = (
    "pass", "pwd", "password", "passwd", "passphrase", "secret", "token", "api_key", "access-key", "private.key", "client_secret",
    "credential", "credentials", "auth_token", "session_id", "sessionid", "connect.sid", "jsessionid", "phpsessid", "signature",
    "x-amz-signature", "x-amz-security-token", "authorization", "cookie", "otp", "totp", "otp_code", "csrf", "xsrf", "sid", "jwt",
    "session", "session_key",
)  # fmt: skip


@pytest.mark.parametrize(
    "between", ["{}={}", "{}:{}", "{} = {}", "{} : {}", '"{}":"{}"', "'{}': '{}'", "{}:\n{}", "{} => '{}'"]
)
@pytest.mark.parametrize("word", WORDS)
def test_the_quick_way_out_misses_no_word(word: str, between: str) -> None:
    if "=>" in between and word in ("authorization", "cookie"):
        between = "{}='{}'"  # headers are not written so
    for name in (word, word.upper()):
        assert "s3cr3t-v4lue" not in redact(between.format(name, "s3cr3t-v4lue"))


def test_what_follows_a_secret_is_kept() -> None:
    assert redact("password=hunter2 status=500").endswith(" status=500")
    assert redact('{"token": "abc", "status": 500}').endswith('", "status": 500}')
    assert redact(PEM + "\nstatus=500").endswith("-----\nstatus=500")


def test_equal_secrets_have_equal_tokens_and_others_not() -> None:
    one, same, other = (TOKEN.findall(redact(f"password={word}"))[0] for word in ("hunter2", "'hunter2'", "hunter3"))
    assert one == same == token_of("password", "hunter2")
    assert one != other or token_of("password", "a") != token_of("password", "b")  # four characters may meet by chance


def test_a_text_that_is_too_long_is_cut_and_not_leaked() -> None:
    clean = redact("x" * MOST + " password=hunter2")
    assert "hunter2" not in clean and clean.endswith("…[cut]")


secrets = st.text(alphabet=string.ascii_letters + string.digits, min_size=12, max_size=30).map(lambda s: "Zq9" + s)
shapes = st.sampled_from(
    [
        "password={}",
        '"secret":"{}"',
        "Authorization: Bearer {}",
        "https://user:{}@host/",
        "Cookie: sid={}",
        "?access_token={}&x",
        "token='{}'",
    ]
)


@given(st.text(max_size=60), shapes, secrets, st.text(max_size=60))
def test_a_secret_in_its_place_never_survives_whatever_stands_around_it(
    before: str, shape: str, secret: str, after: str
) -> None:
    assert secret not in redact(f"{before} {shape.format(secret)} {after}")


@given(st.text(max_size=300) | st.text(alphabet="pasword=:\"'tokensecrt ‹›@/&\n\\", max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "password=",
        "a.",
        '"',
        "pass_",
        "x://",
        "cookie ",
        "-----BEGIN PRIVATE KEY-----",
        'password="\\',
        "eyJ-",
        "sk-sk_",
        "bearer ",
        "authorization ",
        "token  ",
        "key \t",
        "session ",
        "jwt:",
        "otp=",
        "4111 ",
        "4111-1111-",
        "4111111111111112 ",
        "4",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * (200_000 // len(piece))) + "key="
    started = process_time()
    redact(text)
    assert process_time() - started < 2.0
