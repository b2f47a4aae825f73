"""Telling pieces of evidence apart: what was refused, and what is a directive."""

import msgspec

from contactfold.domain.changes import Evidence
from contactfold.domain.event import DIRECTIVES, UPSERT
from contactfold.domain.outcome import IGNORED, REJECTED, Reason

RETRACTED = Reason("retracted", "The event was retracted before it came.")


def is_refused(piece: Evidence) -> bool:
    """Whether a statement was refused, so that no retraction makes a difference to it.

    One that was retracted before it came as well has its faults beside that reason, which otherwise stands alone.
    """
    outcome = piece.outcome
    if piece.handle is not None:
        return False
    if outcome.status == IGNORED:
        return outcome.reasons[:1] == [RETRACTED] and len(outcome.reasons) > 1
    return outcome.status == REJECTED and not piece.retracted


class _Kind(msgspec.Struct):
    type: str = UPSERT


_decode_kind = msgspec.json.Decoder(_Kind).decode


def is_ruling(piece: Evidence) -> bool:
    """Whether a piece of evidence is a directive. Those belong to nobody."""
    return kind_of(piece) in DIRECTIVES


def kind_of(piece: Evidence) -> str:
    """The type of the event that a piece of evidence is."""
    return _decode_kind(piece.event).type if piece.handle is None else UPSERT


def nothing_of(piece: Evidence) -> bytes:
    """What stands for the payload of refused evidence that is gone: of a directive, that it was one."""
    return msgspec.json.encode({"type": kind_of(piece), "erased": True} if is_ruling(piece) else {"erased": True})
