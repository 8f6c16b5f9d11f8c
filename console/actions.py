"""Actions as data: from this table come bindings, footer, help, palette, the README's key list and the user's keymap.

A row that cannot be used where the cursor stands is listed all the same, and says why when it is tried. What has an
effect outside the console passes the guard first, and is written down.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from console.domain.values import dataclass
from console.guard.sanitise import safe


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the user can do."""

    id: str
    """Stable; named in the user's keymap."""
    keys: tuple[str, ...]
    """Textual key names; the first is the one shown."""
    label: str
    """Two words at most: the footer's text."""
    tooltip: str
    """One sentence for help and palette."""
    pane: str = ""
    """Where it applies; empty: everywhere."""
    footer: int = 0
    """Order in the footer, lowest first; 0: not in the footer."""


ACTIONS: tuple[Action, ...] = (
    Action("help", ("question_mark", "f1"), "help", "Keys of this pane, then those that work everywhere.", footer=10),
    Action("palette", ("colon", "ctrl+p"), "palette", "Every action by name, also those without a key.", footer=20),
    Action(
        "filter",
        ("slash",),
        "filter",
        "Filter the log lines as you type; `!` in front inverts. The last filter is recalled, ↑ brings older ones.",
        footer=30,
    ),
    Action(
        "logs", ("l",), "log screen", "The log screen: histogram, patterns, fields, lines and exceptions.", footer=70
    ),
    Action(
        "open",
        ("enter",),
        "open",
        "Open what is selected: service, operation, deploy, dependency, suspect or record.",
        footer=40,
    ),
    Action("back", ("backspace",), "back", "One level up.", footer=50),
    Action("quit", ("q",), "quit", "One level up; on the overview, twice to quit.", footer=0),
    Action("quit_now", ("ctrl+c",), "quit", "Twice to quit, from anywhere."),
    Action("cancel", ("escape",), "cancel", "Cancel the innermost thing: filter, dialog, zoom."),
    Action("zoom", ("z",), "zoom", "Give this pane the whole screen, or give it back.", footer=80),
    Action("earlier", ("less_than_sign",), "earlier", "Move the time window back by half its length.", footer=81),
    Action("later", ("greater_than_sign",), "later", "Move the time window forward by half its length.", footer=82),
    Action("wider", ("minus",), "wider", "Double the time window."),
    Action("narrower", ("plus", "equals_sign"), "narrower", "Halve the time window."),
    Action("live", ("0",), "live", "Back to the live window that ends now."),
    Action("pick_time", ("t",), "time", "Type the start and end of the time window."),
    Action("freeze", ("P",), "freeze", "Freeze the screen; collection goes on behind it.", footer=83),
    Action("follow", ("F",), "follow", "Follow the log tail, or stop.", pane="logs"),
    Action("copy", ("y",), "copy", "Copy the value under the cursor.", footer=84),
    Action("copy_command", ("Y",), "copy cmd", "Copy the command or query that gives what is under the cursor."),
    Action("refresh", ("R",), "refresh", "Ask every source again now, within the budget."),
    Action("redraw", ("ctrl+l",), "redraw", "Paint the whole screen again."),
    Action("suspend", ("ctrl+z",), "suspend", "Put the console in the background; `fg` brings it back."),
    Action("mouse", ("M",), "mouse", "Give the mouse to the console, or back to the terminal."),
    Action(
        "dump",
        ("L",),
        "dump",
        "Print this screen as plain text on the normal screen, for the terminal's own selection.",
    ),
    Action("next_pane", ("tab",), "next pane", "Go to the next pane."),
    Action("previous_pane", ("shift+tab",), "previous pane", "Go to the pane before."),
    Action("pane_1", ("1",), "pane 1", "The first pane; on the overview the signals: traffic, errors, latency."),
    Action("pane_2", ("2",), "pane 2", "The second pane; on the overview the suspects: who may be at fault, and why."),
    Action(
        "pane_3", ("3",), "pane 3", "The third pane; on the overview the logs: counts, patterns, the filtered tail."
    ),
    Action("pane_4", ("4",), "pane 4", "The fourth pane; on the overview the changes: deploys and what else changed."),
    Action(
        "pane_5", ("5",), "pane 5", "The fifth pane; on the overview the upstreams, on the log screen the exceptions."
    ),
    Action("up", ("up", "k"), "up", "Previous row."),
    Action("down", ("down", "j"), "down", "Next row."),
    Action("page_up", ("pageup",), "page up", "One page up."),
    Action("page_down", ("pagedown",), "page down", "One page down."),
    Action("top", ("home", "g"), "top", "First row."),
    Action("bottom", ("end", "G"), "bottom", "Last row; in the logs this follows again."),
    Action("next_error", ("e",), "next error", "Next record at error level or worse.", pane="logs", footer=65),
    Action("previous_error", ("E",), "previous error", "Previous record at error level or worse.", pane="logs"),
    Action(
        "search", ("f",), "find", "Find and mark words in the lines without hiding the others.", pane="logs", footer=66
    ),
    Action(
        "next_match", ("n",), "next match", "Next line that matches what was searched, else the filter.", pane="logs"
    ),
    Action("previous_match", ("N",), "prev match", "Previous line that matches what was searched.", pane="logs"),
    Action("invert", ("exclamation_mark",), "invert", "Show what the filter hides, and hide what it shows."),
    Action("context", ("c",), "context", "The unfiltered lines around this one.", pane="logs", footer=61),
    Action("trace", ("T",), "trace", "All lines of this record's trace.", pane="logs", footer=62),
    Action(
        "only_this", ("o",), "only this", "Filter to what this line, pattern or field says.", pane="logs", footer=63
    ),
    Action("not_this", ("O",), "not this", "Filter out what this line, pattern or field says.", pane="logs", footer=64),
    Action(
        "mark",
        ("m",),
        "mark",
        "Mark what is selected as evidence of the case; on a marked log line, take the mark away.",
        footer=60,
    ),
    Action("fold", ("space",), "fold", "Show or hide the further lines of this record.", pane="logs"),
    Action("actions", ("x",), "actions", "What can be done with the selection; what cannot be done now says why."),
    Action("next_marker", ("d",), "next deploy", "Move the cursor to the next deploy or change."),
    Action("previous_marker", ("D",), "prev deploy", "Move the cursor to the deploy or change before."),
    Action(
        "all_changes",
        ("C",),
        "changes",
        "Every change on one timeline: how it stands, why, and what nobody was asked for.",
        footer=86,
    ),
    Action(
        "dependencies",
        ("U",),
        "dependencies",
        "Who needs whom, as a tree from where the trouble shows: state, own share, calls, probe, since when.",
        footer=87,
    ),
    Action(
        "load",
        ("W",),
        "load",
        "Latency or failures of the selected service against its load, before and since the onset.",
        footer=88,
    ),
    Action(
        "memory",
        ("B",),
        "memory",
        "Memory of the selected service: growth, restarts, and when the limit may be reached.",
        footer=89,
    ),
    Action(
        "news",
        ("V",),
        "news",
        "What the newest verdicts said otherwise than the ones before; the last minute in one line.",
        footer=90,
    ),
    Action(
        "reproduce",
        ("r",),
        "reproduce",
        "The request of this record as it would be sent again, and whether the guard lets it out; nothing is sent yet.",
        pane="logs",
        footer=67,
    ),
    Action(
        "send",
        ("s",),
        "send",
        "Send the request a few times, once what the guard asks for is typed.",
        pane="reproduction",
        footer=41,
    ),
    Action(
        "minimise",
        ("i",),
        "minimise",
        "Leave out of the request what the failure does not need.",
        pane="reproduction",
        footer=42,
    ),
    Action(
        "afresh",
        ("n",),
        "afresh",
        "Leave out what the failure does not need from the beginning, also where such a search was stopped.",
        pane="reproduction",
    ),
    Action(
        "environment",
        ("v",),
        "environment",
        "The same request at the next configured environment.",
        pane="reproduction",
        footer=43,
    ),
    Action(
        "give_body",
        ("b",),
        "body",
        "Type the body of the request, which log lines seldom hold.",
        pane="reproduction",
        footer=44,
    ),
    Action(
        "save_request",
        ("w",),
        "write",
        "Write the request to a file for `incident repro` and `incident fix`.",
        pane="reproduction",
        footer=45,
    ),
    Action(
        "compare",
        ("A",),
        "compare",
        "Send the request to this environment and to another in turn, and say whether the difference is more than chance.",
        pane="reproduction",
        footer=46,
    ),
    Action(
        "verify",
        ("p",),
        "prove fixed",
        "Once the fix is deployed: send the whole request as often as it must pass to say that the failure is gone.",
        pane="reproduction",
        footer=48,
    ),
    Action(
        "export",
        ("e",),
        "export",
        "The request as curl, shell script, pytest, hurl or HTTP file: to the clipboard or a file, credentials as variables.",
        pane="reproduction",
        footer=47,
    ),
    Action(
        "recovery",
        ("H",),
        "recovery",
        "Whether it is over: every signal of the contract against its margin, what is missing, and how long that takes.",
        footer=91,
    ),
    Action(
        "contract",
        ("K",),
        "contract",
        "Before the fix: write down from the diagnosis what must be back for the incident to be over.",
        footer=92,
    ),
    Action(
        "fix",
        ("X",),
        "fix branch",
        "The commits of this deploy to look at first, and the plan of a fix branch; there: make it, once its name is typed.",
        footer=93,
    ),
    Action(
        "prove_fix",
        ("p",),
        "prove fix",
        "Start the branch's own server on loopback, send the reproduction to it and keep the result.",
        pane="fix",
        footer=42,
    ),
    Action(
        "undo_fix",
        ("u",),
        "undo fix",
        "Take the fix branch and its work tree away again, where no work would be lost.",
        pane="fix",
        footer=43,
    ),
    Action(
        "case",
        ("I",),
        "case",
        "The incident's case: record, hypotheses, evidence, timeline; on its screen, open a new one.",
        footer=68,
    ),
    Action(
        "annotate", ("a",), "note", "Write a note into the case; it is on the disk before it is confirmed.", footer=69
    ),
    Action(
        "hypothesis",
        ("h",),
        "hypothesis",
        "Write down a hypothesis, and behind a bar what is seen if it holds.",
        pane="case",
        footer=41,
    ),
    Action("check", ("A",), "check", "Ask the predictions of all hypotheses now.", pane="case", footer=42),
    Action(
        "case_state",
        ("S",),
        "state",
        "Move the case on: declare, mitigate, monitor, resolve, close; gates say no once or always.",
        pane="case",
        footer=43,
    ),
    Action(
        "snapshot",
        ("n",),
        "snapshot",
        "Write the diagnosis as it is now into the case, its symptoms and claims as evidence: before a restart or a rollback.",
        pane="case",
        footer=49,
    ),
    Action(
        "role",
        ("J",),
        "roles",
        "Give a role to somebody, offer the command to who takes over, or accept what was offered to you.",
        pane="case",
        footer=48,
    ),
    Action(
        "confirm",
        ("c",),
        "confirm",
        "Confirm the hypothesis by evidence of an intervention, or of the mechanism seen directly.",
        pane="case",
        footer=44,
    ),
    Action(
        "refute",
        ("r",),
        "refute",
        "Refute the hypothesis: by evidence, or by a must-hold that fails.",
        pane="case",
        footer=45,
    ),
    Action(
        "park", ("p",), "park", "Park the hypothesis that nothing can test now, and say why.", pane="case", footer=46
    ),
    Action(
        "supersede",
        ("u",),
        "supersede",
        "Put a hypothesis that says it more exactly in the place of this one.",
        pane="case",
    ),
    Action(
        "answer",
        ("s",),
        "answer",
        "Say what you saw of a prediction that only a person can judge: holds, fails or inconclusive.",
        pane="case",
        footer=47,
    ),
    Action(
        "reopen",
        ("o",),
        "reopen",
        "Open a hypothesis again: a parked one, or a refuted one with new evidence and a reason.",
        pane="case",
    ),
    Action("theme", (), "theme", "Switch between dark, light, terminal and high-contrast colours."),
)
"""Every action. Keys that terminals cannot tell apart or that multiplexers take (ctrl+a, ctrl+b, ctrl+h, ctrl+i, ctrl+m) are not used.

One key may mean different things in different panes; see `by_key` and `meant`.
"""

FORBIDDEN_KEYS = frozenset(
    {"ctrl+a", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+left_square_bracket", "tilde"}
)


class BadKeymap(ValueError):
    """A user keymap names unknown actions, keys that cannot be used, or one key twice.

    Args:
        problems: The key of the keymap and what is wrong with it, all of them.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(says for _, says in problems))
        self.problems = tuple(problems)


def with_keymap(keymap: Mapping[str, str], actions: tuple[Action, ...] = ACTIONS) -> tuple[Action, ...]:
    """The actions with the user's keys in place of the standard ones.

    `ctrl+c` stays bound to `quit_now` whatever the keymap says.

    Raises:
        BadKeymap: Unknown id (with the nearest valid one), a forbidden key, or two actions of one pane on one key.
    """
    known = {action.id: action for action in actions}
    problems: list[tuple[str, str]] = []
    for name, keys in keymap.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            problems.append((name, f"keys: {safe(name, 100)}: no such action{hint}"))
            continue
        chosen = tuple(key.strip() for key in keys.split(",") if key.strip())
        for bad in sorted(FORBIDDEN_KEYS.intersection(chosen)):
            problems.append((name, f"keys: {name}: {bad} cannot be used: a terminal or multiplexer takes it"))
        if name == "quit_now" and "ctrl+c" not in chosen:
            chosen = ("ctrl+c", *chosen)
        known[name] = replace(known[name], keys=chosen)
    changed = tuple(known[action.id] for action in actions)
    problems += _clashes(changed, keymap)
    if problems:
        raise BadKeymap(problems)
    return changed


def _clashes(actions: tuple[Action, ...], keymap: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    owners: dict[str, list[Action]] = {}
    for action in actions:
        for key in action.keys:
            for other in owners.setdefault(key, []):
                if not other.pane or not action.pane or other.pane == action.pane:
                    chosen = action.id if action.id in keymap else other.id
                    yield chosen, f"keys: {safe(key, 100)} is bound to both {other.id} and {action.id}"
            owners[key].append(action)


def by_key(actions: Sequence[Action]) -> dict[str, tuple[Action, ...]]:
    """What each key is bound to, in the table's order."""
    found: dict[str, tuple[Action, ...]] = {}
    for action in actions:
        for key in action.keys:
            found[key] = (*found.get(key, ()), action)
    return found


def meant(bound: Sequence[Action], pane: str) -> Action | None:
    """Which of the actions of one key it means in a pane; None of none.

    The pane's own, else the one that works everywhere; else the first, which tells where it works.
    """
    ranked = sorted(bound, key=lambda action: (action.pane != pane, action.pane != ""))
    return ranked[0] if ranked else None


KEY_GLYPHS = {
    "question_mark": "?", "colon": ":", "slash": "/", "enter": "⏎", "backspace": "⌫", "less_than_sign": "<",
    "greater_than_sign": ">", "minus": "-", "plus": "+", "equals_sign": "=", "escape": "Esc", "tab": "Tab",
    "shift+tab": "⇧Tab", "pageup": "PgUp", "pagedown": "PgDn", "space": "Space", "up": "↑", "down": "↓",
    "home": "Home", "end": "End", "f1": "F1", "exclamation_mark": "!",
}  # fmt: skip


def key_text(key: str) -> str:
    """A key as a person reads it: `question_mark` is `?`, `ctrl+l` is `^l`."""
    if key in KEY_GLYPHS:
        return KEY_GLYPHS[key]
    return "^" + key.removeprefix("ctrl+") if key.startswith("ctrl+") else key
