"""Exceptions of the usual languages: type, message and the application's own frames; and their groups."""

from __future__ import annotations

import pytest

from console.analysis.exceptions import OTHER_TYPES, ExceptionTable, Raised, compared, joined, read
from console.domain.logs import Level, LogRecord
from console.domain.text import SafeText

PYTHON = """Traceback (most recent call last):
  File "/app/shop/db.py", line {n}, in query
    run()
  File "/usr/lib/python3.11/site-packages/psycopg/connection.py", line 9, in execute
    raise
psycopg.OperationalError: timeout {n}

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/pay.py", line 3, in pay
    query()
shop.errors.PaymentFailed: no"""
JVM = """request failed
java.lang.RuntimeException: outer
\tat com.shop.Api.handle(Api.java:33)
\tat org.springframework.web.Dispatcher.go(Dispatcher.java:1)
\t... 12 more
Caused by: java.sql.SQLTransientConnectionException: pool - not available after 30000ms
\tat com.zaxxer.hikari.pool.HikariPool.create(HikariPool.java:1)
\tat com.shop.Repo.find(Repo.java:88)
\tat com.shop.Api.handle(Api.java:33)"""
GO = """panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.(*Server).Pay(0xc000, 0x5)
\t/app/main.go:12 +0x1d
net/http.HandlerFunc.ServeHTTP(0x1, 0x2)
\t/usr/local/go/src/net/http/server.go:2109 +0x2f"""
NODE = """TypeError: Cannot read properties of undefined (reading 'x')
    at pay (/app/src/pay.js:10:3)
    at async Router.handle (/app/src/router.js:33:1)
    at Layer.handle (/app/node_modules/express/lib/router.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""
NET = """System.InvalidOperationException: Sequence contains no elements
   at System.Linq.ThrowHelper.ThrowNoElementsException()
   at Shop.Pay.Run(String x, Int32 y) in /src/Pay.cs:line 12"""
RUBY = """/app/lib/pay.rb:12:in `charge': boom (RuntimeError)
\tfrom /usr/gems/rack/x.rb:3:in `call'
\tfrom /app/shop.rb:9:in `sell'"""
RUST = """thread 'main' panicked at src/main.rs:3:5:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0: rust_begin_unwind
   1: core::panicking::panic
   2: shop::pay::charge"""


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        (PYTHON.format(n=3), Raised("psycopg.OperationalError", "timeout 3", ("db.query",))),
        (
            JVM,
            Raised(
                "java.sql.SQLTransientConnectionException",
                "pool - not available after 30000ms",
                ("com.shop.Repo.find", "com.shop.Api.handle"),
            ),
        ),
        (GO, Raised("panic", "runtime error: index out of range [5] with length 3", ("main.(*Server).Pay",))),
        (NODE, Raised("TypeError", "Cannot read properties of undefined (reading 'x')", ("pay", "Router.handle"))),
        (NET, Raised("System.InvalidOperationException", "Sequence contains no elements", ("Shop.Pay.Run",))),
        (RUBY, Raised("RuntimeError", "boom", ("pay.charge", "shop.sell"))),
        (RUST, Raised("panic", "called `Option::unwrap()` on a `None` value", ("shop::pay::charge",))),
    ],
)
def test_languages(text: str, raised: Raised) -> None:
    assert read(text.split("\n")) == raised


def test_words_alone_are_no_exception() -> None:
    assert read(["it failed: ValueError: x", "and went on"]) is None


def record(at: float, text: str, service: str = "shop") -> LogRecord:
    first, *rest = text.split("\n")
    return LogRecord(at, Level.ERROR, service, SafeText(first), extra=tuple(SafeText(line) for line in rest))


def test_groups_have_counts_times_services_and_the_first_as_example() -> None:
    table = ExceptionTable()
    for at, n, service in ((20.0, 7, "cart"), (10.0, 5, "shop"), (30.0, 9, "shop")):
        table.add(record(at, PYTHON.format(n=n), service))
    table.add(record(15.0, GO))
    table.add(record(16.0, "only words"))
    python, go = table.groups()
    assert (python.count, python.first_seen, python.last_seen) == (3, 10.0, 30.0)
    assert python.services == ("cart", "shop")
    assert (python.message, python.example) == ("timeout 5", tuple(PYTHON.format(n=5).split("\n")))
    assert go.count == 1


def test_beyond_the_bound_exceptions_are_counted_together() -> None:
    table = ExceptionTable(most=2)
    for n in range(9):
        table.add(record(float(n), f"K{'abcdefghi'[n]}Error: x\n    at pay (/app/pay.js:1:1)"))
    groups = table.groups()
    assert sum(group.count for group in groups) == 9
    assert (groups[0].type, groups[0].count) == (OTHER_TYPES, 7)


def test_sources_are_joined_and_unknown_exceptions_come_first() -> None:
    first, second = ExceptionTable(), ExceptionTable()
    for at in (1.0, 2.0, 3.0):
        first.add(record(at, GO))
        second.add(record(at + 10, GO, "cart"))
    second.add(record(5.0, NODE))
    (go, node) = joined([first.groups(), second.groups()])
    assert (go.count, go.first_seen, go.last_seen, go.services) == (6, 1.0, 13.0, ("cart", "shop"))
    found = compared([[go, node]], [first.groups()])
    assert [(group.type, group.baseline_count) for group in found] == [("TypeError", 0), ("panic", 3)]
