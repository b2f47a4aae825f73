"""What `contactfold diff` says: counts and examples, for people and for programs, masked where that is asked for."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from contactfold.domain.schema import Schema
from contactfold.masking import HIDDEN, is_personal, mask_all, mask_identifier
from contactfold_cli.comparing import Difference, Pair, line_of, list_changes
from contactfold_cli.kinship import Family

_IDENTIFIERS = ("identifiers", "contested")


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference as it is told. `mask` is the schema whose personal values are masked, None where nothing is."""

    difference: Difference
    names: tuple[str, str]
    schema_changes: Sequence[str]
    mask: Schema | None

    def hide(self, name: str, value: object) -> object:
        """A field of a contact as it may be shown; `name` as `list_changes` tells it."""
        if self.mask is None or value is None:
            return value
        if name in _IDENTIFIERS and isinstance(value, list):
            return [mask_identifier(str(one), self.mask) for one in value]
        kind, _, key = name.partition(".")
        if kind == "values" and is_personal(key, self.mask):
            return mask_all(value)
        return HIDDEN if name == "provenance" else value


def describe(shown: Shown) -> dict[str, object]:
    """The JSON object of `--json`."""
    found = shown.difference
    sorts = {name: {"count": sort.count} for name, sort in found.sorts.items()}
    return {
        "directories": list(shown.names),
        "equal": found.equal,
        "schema_changes": list(shown.schema_changes),
        "contacts": {"before": found.before, "after": found.after, "same": found.same},
        **sorts,
        "fields": dict(found.fields.most_common()),
        "organizations_same": found.organizations_same,
        "examples": {
            name: [_describe_example(name, example, shown) for example in sort.examples]
            for name, sort in found.sorts.items()
            if sort.examples
        },
    }


def _describe_example(name: str, example: object, shown: Shown) -> dict[str, object]:
    if isinstance(example, Family):
        line = line_of(example)
        role = "from" if name == "merged" else "into"
        owned = shown.hide("identifiers", line.get("identifiers", []))
        return {"id": line["id"], role: example.kin, "count": example.count, "identifiers": owned}
    if isinstance(example, Pair):
        before, after = example.before, example.after
        if "account_id" in after:
            fields = {each: {"before": before.get(each), "after": after.get(each)} for each in _changed_fields(example)}
            return {"account_id": after["account_id"], "fields": fields}
        fields = {each: _describe_field(each, example, shown) for each in list_changes(example) if each != "id"}
        was = {"was": before["id"]} if before["id"] != after["id"] else {}
        return {"id": after["id"], **was, "fields": fields}
    assert isinstance(example, dict)
    if "account_id" in example:
        return {"account_id": example["account_id"]}
    return {"id": example["id"], "identifiers": shown.hide("identifiers", example.get("identifiers", []))}


def _describe_field(name: str, pair: Pair, shown: Shown) -> dict[str, object]:
    return {
        "before": shown.hide(name, _look_up(name, pair.before)),
        "after": shown.hide(name, _look_up(name, pair.after)),
    }


def _look_up(name: str, line: Mapping[str, Any]) -> object:
    if name.startswith("values."):
        found: object = line.get("values", {}).get(name.removeprefix("values."))
        return found
    return line.get(name)


def _changed_fields(pair: Pair) -> list[str]:
    names = sorted((pair.before.keys() | pair.after.keys()) - {"provenance"})
    return [name for name in names if pair.before.get(name) != pair.after.get(name)] or ["provenance"]


# ------------------------------------------------------------------------------------------------ for people


def write_difference(shown: Shown, *, nothing_in: Iterable[str] = ()) -> None:
    """Tell people; that a directory is empty, or of another schema, goes to standard error."""
    for name in nothing_in:
        print(f"{name} is an empty directory: nothing was ever applied to it.", file=sys.stderr)
    if shown.schema_changes:
        print("The two were folded with different schemas:", file=sys.stderr)
    for sentence in shown.schema_changes:
        print(f"  {sentence}", file=sys.stderr)
    for line in _tell(shown):
        print(line)


def _tell(shown: Shown) -> Iterator[str]:
    found = shown.difference
    if found.equal:
        organizations = (
            f"{found.organizations_same:,} organizations" if found.organizations_same != 1 else "1 organization"
        )
        yield f"They are equal: {found.same:,} contact{'' if found.same == 1 else 's'} and {organizations}."
        return
    before, after = shown.names
    yield f"{found.before:,} contacts in {before}, {found.after:,} in {after}, {found.same:,} of them the same."
    for name, sort in found.sorts.items():
        if not sort.count:
            continue
        yield f"{name.replace('_', ' ')}: {sort.count:,}"
        for example in sort.examples:
            yield f"  {_tell_example(name, _describe_example(name, example, shown))}"
        if sort.count > len(sort.examples):
            yield f"  and {sort.count - len(sort.examples):,} more"
        if name == "changed":
            yield f"  of these: {', '.join(f'{field} {count:,}' for field, count in found.fields.most_common())}"


def _tell_example(name: str, told: Mapping[str, Any]) -> str:
    who = str(told.get("id") or told.get("account_id"))
    if name in ("merged", "split"):
        kin = told["from" if name == "merged" else "into"]
        more = "" if told["count"] == len(kin) else f" and {told['count'] - len(kin):,} more"
        return f"{who} {'from' if name == 'merged' else 'into'} {', '.join(kin)}{more}"
    if "fields" in told:
        was = f" (was {told['was']})" if "was" in told else ""
        changes = "; ".join(_tell_change(each, change) for each, change in told["fields"].items())
        return f"{who}{was}: {changes}"
    return f"{who} {' '.join(told.get('identifiers') or [])}".rstrip()


def _tell_change(name: str, change: Mapping[str, object]) -> str:
    if name == "provenance":
        return "provenance"
    return f"{name.removeprefix('values.')} {_write(change['before'])} -> {_write(change['after'])}"


def _write(value: object) -> str:
    return "nothing" if value is None else orjson.dumps(value).decode()
