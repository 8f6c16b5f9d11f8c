"""The journal: what is confirmed is on the disk, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import select
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from console.case import entries
from console.case.book import Book
from console.case.events import Draft
from console.case.journal import MOST_LINE, Journal, NotSaved, Reader, author_name
from console.guard.audit import verify
from tests.case.conftest import Clock, MakeBook
from tests.waiting import PATIENCE_S, Stopwatch

WRITERS = """
import os, signal, sys, time
from pathlib import Path
from console.case.events import Draft
from console.case.journal import Journal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for turn in sys.stdin:
    if os.fork():
        continue
    with open(sys.argv[2], "w") as told:
        print(os.getpid(), file=told, flush=True)
        journal = Journal(Path(sys.argv[1]), "alice")
        for n in range(100000):
            event = journal.append(Draft("note", f"note {turn.strip()} {n}"), time.time())
            print(event.text, file=told, flush=True)
    os._exit(0)
"""
"""Starts a process that writes notes for every line that it is given: what all of them import is imported once."""
ROOT = Path(__file__).parents[2]


def journal_file(book: Book) -> Path:
    return book.folder / "journal" / f"{book.author}.jsonl"


def test_a_note_is_one_json_line_with_both_times(book: Book, clock: Clock) -> None:
    book.note("rolled back", occurred_at=clock.now - 300)
    line = json.loads(journal_file(book).read_text().splitlines()[-1])
    assert (line["kind"], line["text"], line["author"]) == ("note", "rolled back", "alice")
    assert line["occurred_at"] < line["recorded_at"]


def test_folders_and_files_are_for_their_owner_alone(book: Book) -> None:
    old = os.umask(0o022)
    try:
        book.note("x")
    finally:
        os.umask(old)
    for folder in (book.folder.parent.parent, book.folder.parent, book.folder, book.folder / "journal"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    assert stat.S_IMODE(journal_file(book).stat().st_mode) == 0o600


def test_a_folder_of_ours_that_others_could_enter_is_closed(cases: Path, make: MakeBook) -> None:
    cases.mkdir(parents=True, mode=0o755)
    cases.chmod(0o755)
    make()
    assert stat.S_IMODE(cases.stat().st_mode) == 0o700


def test_a_folder_given_to_a_group_on_purpose_stays_shared(cases: Path, make: MakeBook) -> None:
    cases.mkdir(parents=True)
    cases.chmod(0o2770)
    book = make()
    book.note("x")
    assert stat.S_IMODE(cases.stat().st_mode) & 0o777 == 0o770
    assert stat.S_IMODE(journal_file(book).stat().st_mode) == 0o660


def test_a_line_is_synced_before_it_is_confirmed(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    write, sync = os.write, os.fsync

    def wrote(fd: int, data: bytes) -> int:
        order.append("write")
        return write(fd, data)

    def synced(fd: int) -> None:
        order.append("sync")
        sync(fd)

    monkeypatch.setattr(os, "write", wrote)
    monkeypatch.setattr(os, "fsync", synced)
    book.note("x")
    assert order == ["write", "sync"]


def test_a_torn_last_line_is_told_and_the_next_entry_stands_alone(book: Book) -> None:
    book.note("confirmed")
    path = journal_file(book)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v": 1, "id": "alice-x", "text": "half a no')
    fresh = Book(book.folder.parent, book.id, "alice", Clock())
    case = fresh.read()
    assert [event.text for event in case.events][-1] == "confirmed"
    assert "never confirmed" in case.problems[0].says
    fresh.note("after the stop")
    again = Book(book.folder.parent, book.id, "alice").read()
    assert [event.text for event in again.events][-2:] == ["confirmed", "after the stop"]
    assert verify(path).broken_at is None
    assert path.read_bytes().startswith(whole)


@pytest.mark.parametrize("cut", [1, 7, 40, 200])
def test_a_file_cut_anywhere_in_its_last_line_keeps_all_others(book: Book, cut: int) -> None:
    for n in range(5):
        book.note(f"note {n}")
    path = journal_file(book)
    path.write_bytes(path.read_bytes()[:-cut])
    texts = [event.text for event in Book(book.folder.parent, book.id, "bob").read().events]
    assert texts == ["Checkout fails", "note 0", "note 1", "note 2", "note 3"]


def test_two_engineers_write_into_one_case(make: MakeBook, cases: Path) -> None:
    alice = make()
    bob = Book(cases, alice.id, "bob")
    alice.note("from alice")
    bob.note("from bob")
    assert sorted(p.name for p in (alice.folder / "journal").iterdir()) == ["alice.jsonl", "bob.jsonl"]
    assert {e.text for e in alice.read().events} == {e.text for e in bob.read().events} >= {"from alice", "from bob"}
    assert alice.read().authors == ("alice", "bob")


def test_two_at_once_never_take_the_same_name(make: MakeBook, cases: Path) -> None:
    book = make()
    names: list[str] = []

    def work(author: str) -> None:
        mine = Book(cases, book.id, author)
        for n in range(10):
            names.append(str(mine.write(entries.evidence(f"{author} {n}", kind="note")).data["name"]))
            names.append(str(mine.hypothesis(f"{author} {n}", {}).data["name"]))

    threads = [threading.Thread(target=work, args=(author,)) for author in ("alice", "bob", "carol")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == len(names) == 60
    case = book.read()
    assert (len(case.evidence), len(case.hypotheses)) == (30, 30)


def test_one_author_in_two_sessions_keeps_one_chain(make: MakeBook, cases: Path) -> None:
    one = make()
    two = Book(cases, one.id, "alice")
    for n in range(20):
        (one if n % 2 else two).note(f"note {n}")
    assert verify(journal_file(one)).broken_at is None
    assert len(one.read().events) == 21


def test_a_clock_that_was_set_back_does_not_reorder_an_author(book: Book, clock: Clock) -> None:
    book.note("first")
    clock.now -= 3600
    book.note("second")
    assert [event.text for event in book.read().events][-2:] == ["first", "second"]


def test_names_given_on_two_machines_are_told_apart(make: MakeBook, cases: Path) -> None:
    book = make()
    for author in ("alice", "bob"):  # as if the folders had been joined later
        Journal(book.folder, author).append(Draft("evidence", author, {"name": "E1", "kind": "note"}), time.time())
    assert [one.name for one in book.read().evidence] in (["E1", "E1.bob"], ["E1", "E1.alice"])


def failing(error: int) -> object:
    def fail(*_: object, **__: object) -> int:
        raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize(
    "call,error", [("write", errno.ENOSPC), ("fsync", errno.EIO), ("open", errno.EROFS), ("write", errno.EDQUOT)]
)
def test_a_disk_that_is_full_failing_or_read_only_is_told_with_what_is_not_saved(
    book: Book, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    book.note("confirmed")
    with monkeypatch.context() as patched, pytest.raises(NotSaved) as told:
        patched.setattr(os, call, failing(error))
        book.note("lost words")
    assert told.value.lost == "lost words"
    assert os.strerror(error) in str(told.value)
    assert "NOT SAVED" in str(told.value)
    book.note("room again")
    texts = [event.text for event in Book(book.folder.parent, book.id, "x").read().events]
    assert texts[:2] == ["Checkout fails", "confirmed"] and texts[-1] == "room again"


def test_a_disk_that_takes_only_a_part_loses_nothing_confirmed(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    book.note("confirmed")
    write = os.write
    with monkeypatch.context() as patched, pytest.raises(NotSaved, match="full"):
        patched.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
        book.note("lost")
    book.note("room again")
    case = Book(book.folder.parent, book.id, "x").read()
    assert [event.text for event in case.events] == ["Checkout fails", "confirmed", "room again"]
    assert len(case.problems) == 1
    assert verify(journal_file(book)).broken_at is None


def test_a_real_limit_of_the_file_size_is_told(book: Book) -> None:
    """The kernel itself refuses the byte, as on a full disk."""
    size = journal_file(book).stat().st_size
    program = f"""
import resource, signal, sys, time
from pathlib import Path
from console.case.book import Book
from console.case.journal import NotSaved
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 700}, {resource.RLIM_INFINITY}))
book = Book(Path({str(book.folder.parent)!r}), {book.id!r}, "alice")
for n in range(9):
    try:
        book.note(f"note {{n}}")
        print("saved", n)
    except NotSaved as error:
        print("not saved", error.lost)
        break
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert "not saved note" in ran.stdout, ran.stderr
    saved = ran.stdout.count("saved") - 1
    assert len(Book(book.folder.parent, book.id, "x").read().events) == 1 + saved


def test_an_entry_too_long_for_one_line_is_refused(book: Book) -> None:
    with pytest.raises(NotSaved):
        book.write(Draft("snapshot", "x", {"diagnosis": ["y" * 10_000] * (MOST_LINE // 5_000)}))


def test_text_of_a_journal_that_somebody_wrote_cannot_drive_the_terminal(book: Book) -> None:
    line = json.loads(journal_file(book).read_text().splitlines()[0])
    line |= {"text": "a\x1b]52;c;x\x07\nb", "author": "alice", "id": "x\x1b[2J", "data": {"k\x1b": ["\x9b31m"]}}
    with journal_file(book).open("a") as file:
        file.write(json.dumps(line) + "\n")
    event = book.read().events[-1]
    told = json.dumps([event.text, event.id, dict(event.data)], ensure_ascii=False)
    assert "\x1b" not in event.text + event.id + told and "\x9b" not in told
    assert event.text.count("\n") == 1


def test_lines_that_are_no_entries_are_told_and_left_alone(book: Book) -> None:
    with journal_file(book).open("a") as file:
        file.write(
            '[1]\n{"kind": "note"}\n\xff\n{"v":1,"id":"x","author":"alice","recorded_at":"never","occurred_at":"x","kind":"note","text":"t"}\n'
        )
    case = book.read()
    assert (len(case.events), len(case.problems)) == (1, 4)


def test_an_author_is_a_file_name_and_nothing_else() -> None:
    assert author_name("../../etc/passwd") == "_.._etc_passwd"
    assert author_name("") == "someone"
    assert "/" not in author_name("a/b\x00c") and author_name("ann@host") == "ann@host"


def test_a_link_in_place_of_a_journal_is_not_followed(book: Book, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("")
    (book.folder / "journal" / "mallory.jsonl").symlink_to(victim)
    with pytest.raises(NotSaved):
        Book(book.folder.parent, book.id, "mallory").note("x")
    assert victim.read_text() == ""


def killed_once(said: Path, chance: random.Random) -> list[str]:
    """Kill the writer that was just started at a random moment, return what it had confirmed."""
    place = os.open(said, os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([place], [], [], PATIENCE_S)[0], "no writer came"
    os.set_blocking(place, True)
    with open(place, "rb") as told:
        pid = int(told.readline())
        first = told.readline()  # it writes now
        select.select([], [], [], chance.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
        return [line for line in (first + told.read()).decode().split("\n")[:-1] if line]


def lost_after_kills(folder: Path, times: int, seed: int = 7) -> tuple[int, int]:
    """Confirmed notes, and how many of them are not in the journal."""
    chance = random.Random(seed)
    confirmed: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        said = Path(place) / "said"
        os.mkfifo(said)
        argv = [sys.executable, "-c", WRITERS, str(folder), str(said)]
        with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE) as writers:
            assert writers.stdin is not None
            for turn in range(times):
                writers.stdin.write(f"{turn}\n".encode())
                writers.stdin.flush()
                confirmed += killed_once(said, chance)
    kept = {event.text for event in Reader(folder).read()[0]}
    return len(confirmed), sum(text not in kept for text in confirmed)


def test_five_kills_lose_no_confirmed_note(tmp_path: Path) -> None:
    confirmed, lost = lost_after_kills(tmp_path, 5)
    assert confirmed >= 5
    assert lost == 0


@pytest.mark.slow
def test_two_hundred_kills_at_random_moments_lose_no_confirmed_note(tmp_path: Path) -> None:
    confirmed, lost = lost_after_kills(tmp_path, 200)
    assert confirmed >= 200
    assert lost == 0
    assert verify(tmp_path / "journal" / "alice.jsonl").broken_at is None


@pytest.mark.slow
def test_writing_takes_less_than_fifty_milliseconds(book: Book) -> None:
    """The 99th percentile of 300 notes."""
    path = journal_file(book)
    for n in range(20):
        book.note(f"note {n}")
    took = []
    for n in range(300):
        writing = Stopwatch()
        book.note(f"a note of ordinary length, number {n}")
        took.append(writing.seconds())
    assert sorted(took)[int(0.99 * len(took))] < 0.05
    assert len(path.read_text().splitlines()) == 321
