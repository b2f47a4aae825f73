"""The canonical export of the oracle's world (SEMANTICS 7), written from the world alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from oracle.attributes import ATTRIBUTES, LINKS
from oracle.reading import Stamp
from oracle.world import Account, Entry, Person, World


def export(world: World) -> bytes:
    """One JSON object a line: people by id, then organisations by account id."""
    people = [_person(world, person) for person in sorted(world.people, key=lambda person: person.id)]
    accounts = [_account(world.accounts[name]) for name in sorted(world.accounts)]
    return b"".join(_line(shown) for shown in people + accounts)


def show_time(microseconds: int) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def _person(world: World, person: Person) -> dict[str, Any]:
    values: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    for attribute in (*ATTRIBUTES, LINKS):
        entries = person.fields.get(attribute.key)
        if entries:
            shown = [entry.word.shown for entry in entries]
            given = [_given(entry) for entry in entries]
            values[attribute.key] = shown if attribute.multi else shown[0]
            provenance[attribute.key] = given if attribute.multi else given[0]
    return {
        "id": person.id,
        "organizations": values.pop(LINKS.key, []),
        "values": values,
        "identifiers": sorted(person.owns),
        "contested": sorted(world.holds(person) - person.owns),
        "created_at": show_time(person.birth.time),
        "updated_at": show_time(person.updated.time),
        "provenance": provenance,
    }


def _account(account: Account) -> dict[str, Any]:
    told = {name: said for name, said in account.fields.items() if said[1] != ""}
    provenance = {name: _tell(stamp, value, source) for name, (stamp, value, source) in told.items()}
    return {
        **{name: said[1] for name, said in told.items()},
        "account_id": account.account_id,
        "provenance": provenance,
    }


def _given(entry: Entry) -> dict[str, Any]:
    return _tell(entry.stamp, entry.word.shown, entry.source)


def _tell(stamp: Stamp, value: Any, source: str) -> dict[str, Any]:
    return {"value": value, "event_id": stamp.event_id, "source": source, "occurred_at": show_time(stamp.time)}


def _line(shown: dict[str, Any]) -> bytes:
    full = {key: value for key, value in shown.items() if value not in ([], {})}
    return json.dumps(full, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
