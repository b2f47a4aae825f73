"""The events as a CSV file: one row for each, every value in a column of its own."""

import csv
from pathlib import Path

from benchmarks.workload import Workload

COLUMNS = (
    "external_customer_id",
    "first_name",
    "last_name",
    "email",
    "phone_number",
    "company",
    "title",
    "city",
    "labels",
)


def write_file(workload: Workload, path: Path) -> Path:
    """Write the file, with a header of the attributes' keys."""
    with path.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        for payload in workload.payloads():
            cells = (payload["values"].get(column, "") for column in COLUMNS)
            rows.writerow([cell[0] if isinstance(cell, list) else cell for cell in cells])
    return path
