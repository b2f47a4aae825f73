"""`contactfold resume`: a processor that stopped itself goes on."""

from contactfold.config import Config, Settings
from contactfold.lifetime import run_loop
from contactfold_cli.composition import opened_directory, opened_log, print_json
from contactfold_processor.breaker import resume


def run_resume(_: Config, settings: Settings, *, json: bool) -> int:
    """Forget why processors stand still, and say what it was; 0 also where none did."""
    return run_loop(_resume(settings, json=json))


async def _resume(settings: Settings, *, json: bool) -> int:
    async with opened_log(settings) as log, opened_directory(settings) as directory:
        partitions = sorted(await log.ends())
        stop = await resume(directory, partitions)
    if json:
        print_json({"resumed": stop is not None, "reason": stop.reason if stop else None})
    elif stop is None:
        print("No processor had stopped itself.")
    else:
        print(f"The processor goes on. It had stopped itself: {stop.reason}")
    return 0
