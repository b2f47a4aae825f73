"""However a process ends, it says why in one sentence, and its exit code says the same."""

import asyncio
import signal

import pytest

from contactfold.domain.errors import Misconfigured, SchemaChanged, ServerUnfit, Unavailable
from contactfold.exits import PartDied, run_to_exit
from contactfold.lifetime import Ending, run_together


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (Misconfigured(["port: no", "host: no"]), 2, "port: no\nhost: no\n"),
        (ServerUnfit("This mongod has no transactions."), 2, "This mongod has no transactions.\n"),
        (SchemaChanged(["It is gone."]), 2, f"{SchemaChanged(['It is gone.'])}\n"),
        (Unavailable("directory", "nobody answers."), 3, "The directory cannot be reached: nobody answers.\n"),
        (PartDied("processor", "it returned."), 1, "The processor ended unexpectedly: it returned.\n"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), 1, "a.csv: No such file or directory\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_a_sentence_and_a_code(
    error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert run_to_exit(fail) == code
    assert capsys.readouterr().err == sentence


def test_an_unforeseen_error_names_its_place_and_never_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise KeyError("ann@example.com")

    assert run_to_exit(fail) == 1
    told = capsys.readouterr().err
    assert told.startswith("Something unforeseen went wrong (KeyError at test_exits.py:")
    assert "please report it" in told
    assert told.count("\n") == 1
    assert "ann@example.com" not in told


async def stand_by(ending: Ending, ended: list[str]) -> None:
    await ending.told.wait()
    ended.append("in order")


async def test_a_part_that_dies_ends_the_others_and_is_named() -> None:
    ending, ended = Ending(), list[str]()

    async def die() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(PartDied, match="The processor ended unexpectedly: Something unforeseen went wrong"):
        await run_together(ending, {"web server": stand_by(ending, ended), "processor": die()})
    assert ended == ["in order"]


async def test_a_part_that_returns_before_it_was_told_has_died() -> None:
    ending, ended = Ending(), list[str]()

    async def leave() -> None:
        await asyncio.sleep(0)

    with pytest.raises(PartDied, match=r"The processor ended unexpectedly: it returned."):
        await run_together(ending, {"web server": stand_by(ending, ended), "processor": leave()})
    assert ended == ["in order"]


async def test_an_error_raised_on_purpose_goes_on_as_it_is() -> None:
    ending, ended = Ending(), list[str]()

    async def refuse() -> None:
        await asyncio.sleep(0)
        raise ServerUnfit("This mongod has no transactions.")

    with pytest.raises(ServerUnfit):
        await run_together(ending, {"web server": stand_by(ending, ended), "processor": refuse()})


async def test_parts_that_fail_while_ending_are_told_too() -> None:
    ending, ended = Ending(), list[str]()

    async def fail_late() -> None:
        await ending.told.wait()
        raise ZeroDivisionError

    asyncio.get_running_loop().call_soon(ending.tell, signal.SIGTERM)
    with pytest.raises(PartDied, match="processor"):
        await run_together(ending, {"web server": stand_by(ending, ended), "processor": fail_late()})


async def test_told_to_end_all_parts_end_in_order() -> None:
    ending, ended = Ending(), list[str]()
    asyncio.get_running_loop().call_soon(ending.tell, signal.SIGTERM)
    await run_together(ending, {"one": stand_by(ending, ended), "other": stand_by(ending, ended)})
    assert ended == ["in order", "in order"]
    assert ending.exit_code == 0


def test_a_closed_standard_output_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert run_to_exit(lambda: 0) == 0
