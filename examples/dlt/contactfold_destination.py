"""A dlt destination: every batch of a table becomes an import, and what became of its rows is told at the end.

    pipeline = dlt.pipeline("crm", destination=contactfold(api_url="http://127.0.0.1:8080"))
    info = pipeline.run(contacts())
    print(summarise(pipeline, info.loads_ids, "http://127.0.0.1:8080"))

dlt loads a batch again when it cannot know that it arrived. Each is therefore sent with an `Idempotency-Key` made of
the load and of what is in the batch: sent twice, it is the same import.
"""

import csv
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.common.schema import TTableSchema
from dlt.common.storages.load_package import load_package_state
from dlt.common.typing import TDataItems
from dlt.sources.helpers.requests import Client, HTTPError, RequestException

BODY_BYTES = 900_000
"""Bytes of contacts in one request; contactfold takes `limits.body_bytes`, 1 MiB unless configured."""

_STATE = "contactfold_imports"
_OURS = ("pending", "in_progress")
_ENOUGH = 10
"""Different reasons that a summary shows."""


@dlt.destination(name="contactfold", batch_size=2_000, loader_parallelism_strategy="table-sequential")
def contactfold(
    items: TDataItems,
    table: TTableSchema,
    /,
    api_url: str = dlt.config.value,
    api_key: str | None = None,
    mapping: dict[str, str | None] | None = None,
    source: str = "dlt",
    action: str = "append",
    empty: str = "nothing",
) -> None:
    """Load a batch of contacts. dlt's own columns are left out before it is called.

    `mapping` says what a column is where its name does not (`{"number": "external_customer_id", "notes": None}`); a
    value within an object is the column `address__city`. The table's primary or merge key is what finds people
    (`match_on`). `source` and `action` are what they are in any event. An empty text says nothing, unless `empty` is
    `delete`.
    """
    _check(table)
    options = _make_options(table, mapping or {}, source, action)
    package = load_package_state()
    api = Api(api_url, api_key)
    for contacts in _cut([_flatten(item, empty) for item in items]):
        body = f'{{"options":{json.dumps(options)},"contacts":[{",".join(contacts)}]}}'.encode()
        digest = hashlib.sha256(body).hexdigest()
        import_id = api.send(body, key=f"dlt-{package['load_id']}-{digest}")
        # dlt keeps this with the load and writes it down after the batch.
        state: Any = package["state"]
        told = state.setdefault(_STATE, [])
        if import_id not in told:
            told.append(import_id)


class Api:
    """contactfold over HTTP; dlt's own client tries again where a server is away or says it is busy."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url.rstrip("/")
        self._client = Client()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def send(self, body: bytes, key: str) -> str:
        """Begin an import; its id. What contactfold refuses whole fails the load and is not tried again."""
        headers = {**self._headers, "Content-Type": "application/json", "Idempotency-Key": key}
        try:
            reply = self._client.post(f"{self._url}/v1/imports", data=body, headers=headers)
        except HTTPError as refused:
            if refused.response.status_code in {408, 409, 425, 429} or refused.response.status_code >= 500:
                raise DestinationTransientException(_detail(refused)) from refused
            raise DestinationTerminalException(_detail(refused)) from refused
        except RequestException as away:
            raise DestinationTransientException(f"contactfold cannot be reached: {type(away).__name__}.") from away
        return str(reply.json()["id"])

    def wait(self, import_id: str, patience: float) -> dict[str, Any]:
        """The import once it has ended. Raises `TimeoutError` where nothing of it moves for `patience` seconds."""
        seen, since = None, time.monotonic()
        while True:
            told: dict[str, Any] = self._get(f"/v1/imports/{import_id}").json()
            if told["status"] not in _OURS:
                return told
            if told["counts"] != seen:
                seen, since = told["counts"], time.monotonic()
            if time.monotonic() - since > patience:
                raise TimeoutError(f"Nothing of the import {import_id} has been applied for {patience:g} s.")
            time.sleep(0.2)

    def failed_rows(self, import_id: str) -> list[dict[str, str]]:
        """The rows that failed, in the columns they were sent in, and `contactfold_reasons`."""
        text = self._get(f"/v1/imports/{import_id}/failed.csv").content.decode("utf-8-sig")
        return list(csv.DictReader(text.splitlines(keepends=True)))

    def _get(self, path: str) -> Any:
        return self._client.get(self._url + path, headers=self._headers)


@dataclass
class Summary:
    """What became of the rows of some loads: counts by outcome, and the rows that failed with their reasons."""

    imports: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[dict[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        """For people: the counts, and each reason with how many rows it failed; no values."""
        told = ", ".join(f"{self.counts[name]:,} {name}" for name in ("created", "updated", "unchanged", "failed"))
        others = "".join(f", {self.counts[name]:,} {name}" for name in ("ignored", "not_applied") if self.counts[name])
        reasons = Counter(row.get("contactfold_reasons", "") for row in self.failed)
        lines = [f"  {count:,} failed: {reason}" for reason, count in reasons.most_common(_ENOUGH)]
        return "\n".join([told + others, *lines])


def summarise(
    pipeline: dlt.Pipeline, loads_ids: Sequence[str], api_url: str, api_key: str | None = None, patience: float = 60
) -> Summary:
    """Wait until all that these loads brought is applied, and say what became of it."""
    api, summary = Api(api_url, api_key), Summary()
    for load_id in loads_ids:
        state: Any = pipeline.get_load_package_state(load_id)
        summary.imports += state.get(_STATE, [])
    for import_id in summary.imports:
        ended = api.wait(import_id, patience)
        summary.counts.update(ended["counts"])
        if ended["counts"]["failed"]:
            summary.failed += api.failed_rows(import_id)
    return summary


def _check(table: TTableSchema) -> None:
    if table.get("parent"):
        message = (
            f"The table {table['name']!r} is a part of {table['parent']!r}: leave `max_table_nesting` at 0, so that "
            "lists stay with their contact."
        )
        raise DestinationTerminalException(message)
    if table.get("write_disposition") == "replace":
        message = (
            f"The table {table['name']!r} is to be replaced, and nobody's contacts are replaced by a load: "
            "use `append` or `merge`. What an earlier load brought is taken back with a rollback of its imports."
        )
        raise DestinationTerminalException(message)


def _make_options(
    table: TTableSchema, mapping: Mapping[str, str | None], source: str, action: str
) -> dict[str, object]:
    columns = table["columns"]
    options: dict[str, object] = {"source": source, "action": action}
    if mapping:
        options["mapping"] = dict(mapping)
    keys = [name for name, one in columns.items() if one.get("primary_key") or one.get("merge_key")]
    if keys:
        options["match_on"] = [mapping.get(name) or name for name in keys]
    return options


def _flatten(item: Mapping[str, Any], empty: str, before: str = "") -> dict[str, Any]:
    """An item as a contact: objects within it as dlt names them in columns, nothing where there is nothing."""
    contact: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            contact.update(_flatten(value, empty, f"{before}{name}__"))
        elif value is not None and (value != "" or empty == "delete"):
            contact[before + name] = value
    return contact


def _cut(contacts: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Contacts as JSON, in pieces that a request has room for; in the same pieces whenever the batch comes again."""
    piece: list[str] = []
    size = 0
    for contact in contacts:
        # Days, times and decimal numbers are written as text; `default` is asked for whatever JSON has not.
        written = json.dumps(contact, default=_write, separators=(",", ":"))
        if piece and size + len(written) > BODY_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(written)
        size += len(written) + 1
    if piece:
        yield piece


def _write(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _detail(refused: HTTPError) -> str:
    """What contactfold says of a request that it refuses: problem details, with a reason for each fault."""
    try:
        problem = refused.response.json()
        return str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return f"contactfold answered {refused.response.status_code}."
