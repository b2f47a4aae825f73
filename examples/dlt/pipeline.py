"""Loads the customers of a made-up CRM: python pipeline.py [URL]"""

import sys
from collections.abc import Iterator
from typing import Any

import dlt
from contactfold_destination import contactfold, summarise  # type: ignore[import-not-found]  # it lies beside this file

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"

CUSTOMERS: list[dict[str, Any]] = [
    {"number": 1001, "name": {"given": "Ann", "family": "Smith"}, "email": "ann@example.com", "tags": ["vip", "new"]},
    {"number": 1002, "name": {"given": "Bob"}, "email": "bob@example.com", "mobile": "+1 415 555 0123", "tags": []},
    {"number": 1003, "name": {"given": "Eve"}, "email": "eve at example.com", "tags": None},
]

MAPPING = {
    "number": "external_customer_id",
    "name__given": "first_name",
    "name__family": "last_name",
}
"""What the names of columns do not say; `email`, `mobile` and `tags` are known."""


@dlt.resource(name="customers", primary_key="number", write_disposition="merge")
def customers() -> Iterator[list[dict[str, Any]]]:
    """What any source of dlt yields."""
    yield CUSTOMERS


if __name__ == "__main__":
    pipeline = dlt.pipeline("crm_to_contactfold", destination=contactfold(api_url=URL, mapping=MAPPING, source="crm"))
    info = pipeline.run(customers())
    print(summarise(pipeline, info.loads_ids, URL))
