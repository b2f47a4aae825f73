"""The entry point of `contactfold`: runs a command, and ends with a sentence and a code, never a traceback."""

import sys

import typer

from contactfold.domain.errors import Misconfigured
from contactfold.exits import run_to_exit
from contactfold_cli.commands import app

_WRONG_USE: tuple[type[BaseException], ...] = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""What the command line's parser raises for wrong usage; it has no public name of its own."""


def main() -> None:
    """Run the command of `sys.argv` and exit with its code."""
    sys.exit(run_to_exit(_run))


def _run() -> int:
    try:
        code = app(prog_name="contactfold", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _WRONG_USE as error:
        raise Misconfigured([_tell(error)]) from None
    return code if isinstance(code, int) else 0


def _tell(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "contactfold"
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"`{command}` needs a command; `{command} --help` lists them."
    sentence = str(getattr(error, "format_message", lambda: error)()).replace("Value error, ", "")
    return f"{sentence}{'' if sentence.endswith(('.', '?')) else '.'} See `{command} --help`."


if __name__ == "__main__":
    main()
