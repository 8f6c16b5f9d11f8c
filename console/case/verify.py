"""Whether a record is as it was written: chains of digests, digests of evidence, and the audit of what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from console.case.entries import digest_of
from console.case.fold import fold
from console.case.journal import FOLDER, SUFFIX, Reader
from console.domain.values import dataclass
from console.guard.audit import verify


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at one file found."""

    case: str
    """Empty: the audit, which all cases share."""
    file: str
    lines: int
    whole: bool
    torn: bool
    """Its last line is incomplete, since the machine stopped while it was written; it was never confirmed."""
    says: str


def verified(folder: Path, ids: Sequence[str], audit: Path) -> list[Found]:
    """Look at every journal of these cases, and at the audit where there is one."""
    found = [
        _checked(path, case_id) for case_id in ids for path in sorted((folder / case_id / FOLDER).glob(f"*{SUFFIX}"))
    ]
    found += [one for case_id in ids if (one := _evidence(folder / case_id, case_id)) is not None]
    if audit.exists():
        found.append(_checked(audit, ""))
    return found


def _checked(path: Path, case_id: str) -> Found:
    try:
        checked = verify(path)
    except OSError as error:
        return Found(case_id, path.name, 0, False, False, f"cannot be read: {error.strerror}")
    if checked.broken_at is not None:
        says = f"line {checked.broken_at} does not follow from the line before: something was changed, taken out or put in between"
        return Found(case_id, path.name, checked.lines, False, checked.torn, says)
    torn = "; its last line was not written to its end and was never confirmed" if checked.torn else ""
    return Found(case_id, path.name, checked.lines, True, checked.torn, f"{checked.lines} lines, whole{torn}")


def _evidence(folder: Path, case_id: str) -> Found | None:
    """Evidence whose digest is not that of what is kept; None where all agree, or a journal cannot be read."""
    try:
        case = fold(case_id, Reader(folder).read()[0])
    except OSError:
        return None
    wrong = [one.name for one in case.evidence if one.digest != digest_of(one.event.data)]
    if not wrong:
        return None
    return Found(
        case_id,
        "evidence",
        len(case.evidence),
        False,
        False,
        f"the digest of {', '.join(wrong)} is not that of what is kept",
    )
