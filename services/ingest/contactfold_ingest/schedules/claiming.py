"""Who does a run: of all processes on a directory the one that has signed for it, for a while at a time.

A process that dies leaves its signature to run out, and another one goes on with the run. Safety does not rest on that
(one that slept through the end of its signature may wake up and go on): an import's id is decided in the directory,
with what is known of its file, before the import is made, and nothing is written over what somebody else has changed.
"""

from collections.abc import Callable

from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import Directory, ScheduleState
from contactfold.schedule_settings import Schedule

LEASE = 15_000_000
"""Microseconds that a signature lasts."""

SIGN_EVERY = 5.0
"""Seconds between two signatures."""

APART = 300_000_000
"""Microseconds that the clocks of two processes may be apart. A time that only a clock further ahead can have set was
set by a wrong one: whoever started with the clock years ahead must not keep a schedule waiting until then."""


async def change_schedule(
    directory: Directory, name: str, change: Callable[[ScheduleState], bool]
) -> ScheduleState | None:
    """Change a schedule's state as it is stored, and return it; None where `change` says that there is nothing to do.

    `change` is asked again where somebody else was faster. A schedule that has no state gets one. Raises `Unavailable`.
    """
    while True:
        found = await directory.schedules([name])
        state = found[0] if found else ScheduleState(name)
        if not change(state):
            return None
        try:
            await directory.keep_schedule(state)
        except RetryOnFreshState:
            continue
        return state


def plan(state: ScheduleState, schedule: Schedule, now: int) -> bool:
    """Let a schedule follow its rhythm, where it follows another one or none; returns whether that is a change."""
    if state.when == schedule.when and state.next_run is not None:
        if state.next_run <= schedule.rhythm.next_after(now + APART):
            return False
        state.next_run = None
    state.when, state.next_run = schedule.when, schedule.rhythm.begin(now, state.next_run)
    return True


def is_held(state: ScheduleState, now: int) -> bool:
    """Whether somebody has signed for the schedule's run."""
    return bool(state.holder) and now < state.until <= now + LEASE + APART


def is_due(state: ScheduleState, now: int) -> bool:
    """Whether a run is to begin, or to be gone on with."""
    if is_held(state, now):
        return False
    if state.is_going_on or state.asked:
        return True
    return not state.paused and state.next_run is not None and state.next_run <= now


def claim(state: ScheduleState, schedule: Schedule, holder: str, now: int) -> bool:
    """Sign for a run that is due: go on with one that was begun, or begin one. False where none is due."""
    if not is_due(state, now):
        return False
    if not state.is_going_on:
        state.started, state.finished, state.error, state.files, state.touched = now, None, "", (), 0
        state.next_run = schedule.rhythm.next_after(now)
    state.asked, state.holder, state.until = False, holder, now + LEASE
    return True


def release(state: ScheduleState, holder: str) -> bool:
    """Let go of a run that is not ended, so that another process goes on at once."""
    if state.holder != holder:
        return False
    state.holder, state.until = "", 0
    return True


def ask(state: ScheduleState, now: int) -> bool:
    """Ask for a run now; False while one is going on or asked for."""
    if state.asked or state.is_going_on or is_held(state, now):
        return False
    state.asked = True
    return True


def pause(state: ScheduleState) -> bool:
    """Let no run begin by itself any more; False where it is so already."""
    if state.paused:
        return False
    state.paused = True
    return True


def resume(state: ScheduleState, schedule: Schedule, now: int) -> bool:
    """Let runs begin again by themselves; False where they do. A time that was missed is not made up for."""
    if not state.paused:
        return False
    state.paused = False
    if state.next_run is not None and state.next_run <= now:
        state.next_run = schedule.rhythm.begin(now, None)
    return True
