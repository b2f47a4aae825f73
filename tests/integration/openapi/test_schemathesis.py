"""Schemathesis over every route of `contactfold up`, as it describes itself: nothing undescribed, and no fault.

CONTACTFOLD_TEST_EXAMPLES is how many requests each operation gets at most in the phase that draws them at random.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration.openapi.served import KEY
from servers.commands import Server

EXAMPLES = int(os.environ.get("CONTACTFOLD_TEST_EXAMPLES", "6"))
HERE = Path(__file__).parent

# What is left out, and why: that a request fits the shapes does not make it right (an e-mail address has to be one), so
# `positive_data_acceptance` would complain of every rule that JSON Schema cannot say.
LEFT_OUT = "positive_data_acceptance,graphql_errors_have_codes"


@pytest.fixture
def description(server: Server, tmp_path: Path) -> Path:
    """The server's description of itself, once a key was made: from then on nobody is let in without.

    It leaves one of the ways to send a key, or Schemathesis would take the right one beside a wrong one for no key.
    """
    status, described = server.ask("/openapi.json")
    assert status == 200
    for operations in described["paths"].values():
        for operation in operations.values():
            if any(operation["security"]):
                operation["security"] = [{"header": []}]
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(described))
    return file


def run(server: Server, description: str, home: Path, *options: str) -> str:
    """Run Schemathesis to its end, and return what it prints; it must find nothing."""
    command = [str(Path(sys.executable).with_name("st")), "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", description, "--seed", "20261122"]
    command += ["--generation-database", "none", "--no-color", *options]
    ours = {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "CONTACTFOLD_TEST_KEY": KEY}
    environment = {**os.environ, **ours, "COLUMNS": "160"}
    ended = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    errors = server.errors.read_text()
    assert "request_failed" not in errors, errors[-4000:]
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-12_000:]
    return str(ended.stdout)


@pytest.mark.timeout(240 + 30 * EXAMPLES)
def test_whatever_is_sent_is_answered_as_described(server: Server, description: Path) -> None:
    options = ["--url", server.address, "--header", f"X-API-Key: {KEY}", "--exclude-checks", LEFT_OUT]
    printed = run(server, str(description), description.parent, *options, "--max-examples", str(EXAMPLES))
    operations = json.loads(description.read_text())["paths"]
    count = sum(map(len, operations.values()))
    assert f"Selected: {count}/{count}" in printed
    assert f"Tested: {count}" in printed


def test_a_wrong_key_is_refused_as_described(server: Server, description: Path) -> None:
    options = ["--url", server.address, "--header", "X-API-Key: wrong", "--phases", "examples"]
    for check in ("not_a_server_error", "status_code_conformance", "response_schema_conformance"):
        options += ["--checks", check]
    run(server, str(description), description.parent, *options)


@pytest.mark.timeout(240 + 30 * EXAMPLES)
def test_whatever_query_is_sent_is_answered_as_graphql_is(server: Server, tmp_path: Path) -> None:
    options = ["--header", f"X-API-Key: {KEY}", "--checks", "graphql_errors_have_codes"]
    printed = run(server, f"{server.address}/graphql", tmp_path, *options, "--max-examples", str(2 * EXAMPLES))
    assert "Selected: 2/2" in printed
