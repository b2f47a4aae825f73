"""Schedules as JSON shows them."""

from collections.abc import Mapping, Sequence

from contactfold.domain.stamp import format_time
from contactfold.ports import Directory, ScheduledFile, ScheduleState
from contactfold.schedule_settings import Schedule
from contactfold_ingest.schedules.claiming import is_held


async def tell_schedules(
    directory: Directory, schedules: Mapping[str, Schedule], names: Sequence[str], now: int
) -> list[dict[str, object]]:
    """These schedules as they are now, with their last runs. Raises `Unavailable`."""
    states = {one.name: one for one in await directory.schedules(names)}
    told = []
    for name in names:
        state = states.get(name) or ScheduleState(name)
        files = {one.name: one for one in await directory.scheduled_files(name, state.files)} if state.files else {}
        told.append(_tell(name, schedules[name], state, [files[one] for one in state.files if one in files], now))
    return told


def _tell(
    name: str, schedule: Schedule, state: ScheduleState, files: Sequence[ScheduledFile], now: int
) -> dict[str, object]:
    return {
        "name": name,
        "from": schedule.from_.shown,
        "pattern": schedule.pattern,
        "when": schedule.when,
        "after": schedule.after,
        "paused": state.paused,
        "running": state.asked or state.is_going_on or is_held(state, now),
        "next_run": None if state.paused else _time(state.next_run),
        "last_run": _tell_run(state, files),
    }


def _tell_run(state: ScheduleState, files: Sequence[ScheduledFile]) -> dict[str, object] | None:
    """The run that is going on, else the last one."""
    if state.started is None:
        return None
    return {
        "started": _time(state.started),
        "finished": _time(state.finished),
        "error": state.error or None,
        "touched": state.touched,
        "files": [
            {
                "name": one.name,
                "import": one.import_id or None,
                "status": one.status,
                "detail": one.detail,
                "tries": one.tries,
            }
            for one in files
        ],
    }


def _time(at: int | None) -> str | None:
    return None if at is None else format_time(at)
