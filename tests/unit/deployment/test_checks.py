"""The same checks run everywhere: `make lint`, pre-commit and CI; and no file says where it was made."""

import re
import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def lint_commands() -> list[str]:
    recipe = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    return [line.strip().removeprefix("@$(BIN)/") for line in recipe.splitlines()[1:]]


def test_pre_commit_runs_what_make_lint_runs_and_fetches_nothing() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in repo["hooks"]] == lint_commands()
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}


def test_ci_calls_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^step .* make --no-print-directory lint$", script, re.MULTILINE)
    assert re.search(r"^step .* make --no-print-directory test$", script, re.MULTILINE)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def test_every_rule_that_is_left_out_has_its_reason() -> None:
    section = (ROOT / "pyproject.toml").read_text().split("\nignore = [\n")[1].split("\n]\n")[0]
    for line in section.splitlines():
        assert re.fullmatch(r'    "[A-Z]+[0-9]*", +# \S.+', line), line


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        pinned = re.findall(r"^[a-z0-9][^ =]*==", text, re.MULTILINE)
        assert len(pinned) > 30
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text, name


def test_the_lock_holds_every_dependency_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name, wanted in (
        ("requirements.lock", [*project["dependencies"], *extras["build"]]),
        ("requirements-dev.lock", [*project["dependencies"], *extras["build"], *extras["dev"]]),
    ):
        locked = set(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==", (ROOT / name).read_text(), re.MULTILINE))
        declared = {re.split(r"[\[<>=;! ]", one)[0].lower().replace("_", "-") for one in wanted}
        assert declared <= locked, f"run `make lock`: {name} lacks {declared - locked}"
