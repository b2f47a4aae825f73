"""`contactfold verify`: the log, the directory and everything in it held against each other."""

from contactfold.config import Config, Settings
from contactfold.exits import Exit
from contactfold.lifetime import run_loop
from contactfold_cli.bars import Advance, progress_bars
from contactfold_cli.composition import opened_directory, opened_log, print_json
from contactfold_cli.verify_report import describe, write_report
from contactfold_processor.verifying.verification import Verification


def run_verify(
    config: Config, settings: Settings, *, sample: int | None, first: int, unmasked: bool, json: bool
) -> int:
    """Verify; exit code 1 where anything does not agree. `sample` None rebuilds every contact."""
    return run_loop(_verify(config, settings, sample=sample, first=first, unmasked=unmasked, json=json))


async def _verify(
    config: Config, settings: Settings, *, sample: int | None, first: int, unmasked: bool, json: bool
) -> int:
    schema = config.contact_schema
    async with opened_log(settings) as log, opened_directory(settings, schema) as directory:
        with progress_bars("checked", quiet=json) as bars:
            shown: dict[str, Advance] = {}

            def progress(name: str, done: int, total: int | None) -> None:
                if name not in shown:
                    shown[name] = bars.begin(name.replace("_", " "), total)
                shown[name](done)

            verification = Verification(
                log,
                directory,
                schema=schema,
                limits=config.limits,
                sample=sample,
                keep=first,
                unmasked=unmasked,
                erasure_key=settings.erasure_key.get_secret_value().encode() if settings.erasure_key else None,
                progress=progress,
            )
            report = await verification.run()
    if json:
        print_json(describe(report))
    else:
        write_report(report)
    return Exit.DONE if report.clean else Exit.NO
