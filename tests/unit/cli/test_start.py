"""What a start must not wait for."""

import subprocess
import sys

HEAVY = {
    *("aiokafka", "apscheduler", "asyncssh", "calamine", "fsspec", "graphql", "openpyxl", "pymongo"),
    *("python_calamine", "rich.progress", "s3fs", "strawberry", "xlsxwriter"),
}
"""Libraries that only some requests, some settings or other commands need."""


def test_up_is_imported_without_what_it_may_never_need() -> None:
    code = "import sys, contactfold_cli.commands, contactfold_cli.together; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "contactfold_ingest.graphql.door" in imported
    assert HEAVY & set(imported) == set()
