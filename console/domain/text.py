"""The type of text that came from outside and is fit to be shown."""

from __future__ import annotations

from typing import NewType

SafeText = NewType("SafeText", str)
"""Text without control, bidi or zero-width characters, made by `console.guard.sanitise.safe` and by nothing else.

Never markup: widgets show it as `Content` or `Text`, never as a `str` that a framework might parse.
"""
