"""Further forms in which runtimes print exceptions."""

from __future__ import annotations

import pytest

from console.analysis.exceptions import Raised, read

RAILS = """NoMethodError (undefined method `id' for nil:NilClass):

app/models/user.rb:{n}:in `name'
app/controllers/users.rb:{n}:in `show'"""
RAILS_TAGGED = """[abc-1] [10.0.0.7] ActiveRecord::RecordNotFound (Couldn't find X (1)):
[abc-1] [10.0.0.7] \x20
[abc-1] [10.0.0.7] app/models/user.rb:{n}:in `name'"""
RUST = """thread 'main' panicked at src/main.rs:{n}:5:
index out of bounds: the len is 3 but the index is 5
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:{n}:5
   1: core::panicking::panic_fmt
   2: app::f
             at ./src/main.rs:{n}:5"""
RUST_OLD = "thread 'main' panicked at 'boom', src/main.rs:{n}:5"
RUST_BARE = """thread 'tokio-runtime-worker' (7) panicked at src/pay.rs:{n}:5:
called `Result::unwrap()` on an `Err` value: X
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
RUST_LIBRARY = """thread 'main' panicked at src/pay.rs:{n}:5:
gone
stack backtrace:
   0: std::panicking::begin_panic
   1: core::ops::function::FnOnce::call_once"""
PYTHON_GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/app/run.py", line {n}, in run
  | ExceptionGroup: 2 tasks failed (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/x.py", line {n}, in first
    | KeyError: 'k'
    |
    | During handling of the above exception, another exception occurred:
    |
    | Traceback (most recent call last):
    |   File "/app/x.py", line {n}, in second
    | ValueError: v
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/app/y.py", line {n}, in third
    | TypeError: t
    +------------------------------------"""
PYTHON_GROUPS = """  + Exception Group Traceback (most recent call last):
  |   File "/app/run.py", line {n}, in run
  | ExceptionGroup: outer (1 sub-exception)
  +-+---------------- 1 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/app/x.py", line {n}, in inner
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | Traceback (most recent call last):
      |   File "/app/x.py", line {n}, in leaf
      | ValueError: v
      +------------------------------------"""
GO_HTTP = """main.go: http: panic serving [::1]:{n}: boom
goroutine 7 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:{n} +0x1
main.pay(0x1)
\t/app/main.go:{n} +0x1"""
NODE_CAUSE = """Error: outer
    at pay (/srv/a.js:{n}:1) {
  [cause]: TypeError: inner
      at load (/srv/b.js:{n}:2) {
    code: 'X'
  }
}"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RAILS, Raised("NoMethodError", "undefined method `id' for nil:NilClass", ("user.name", "users.show"))),
        (RAILS_TAGGED, Raised("ActiveRecord::RecordNotFound", "Couldn't find X (1)", ("user.name",))),
        (RUST, Raised("panic", "index out of bounds: the len is 3 but the index is 5", ("app::f",))),
        (RUST_OLD, Raised("panic", "boom", ("src/main.rs",))),
        (RUST_BARE, Raised("panic", "called `Result::unwrap()` on an `Err` value: X", ("src/pay.rs",))),
        (RUST_LIBRARY, Raised("panic", "gone", ("src/pay.rs",))),
        (PYTHON_GROUP, Raised("KeyError", "'k'", ("x.first",))),
        (PYTHON_GROUPS, Raised("ValueError", "v", ("x.leaf",))),
        (GO_HTTP, Raised("panic", "boom", ("main.pay",))),
        (NODE_CAUSE, Raised("TypeError", "inner", ("load",))),
    ],
)
def test_the_innermost_cause_is_read(text: str, expected: Raised) -> None:
    for line in (10, 99):
        assert read(text.replace("{n}", str(line)).split("\n")) == expected


def test_a_panic_that_is_only_spoken_of_is_none() -> None:
    assert read(["the worker panicked at noon", "and thread 'x' too"]) is None
