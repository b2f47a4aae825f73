"""A comparison finds nothing between equal exports, and every planted change between others."""

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.config import Misconfigured
from contactfold_cli.comparing import Pair, line_of
from contactfold_cli.kinship import Family
from unit.cli.exports import Person, difference, export, firm

ANN, BOB, CEM = Person("ann", (1,)), Person("bob", (2,)), Person("cem", (3, 4))
FIRM = firm("A-1", name="Office Mart")


async def test_equal_exports_do_not_differ() -> None:
    lines = export([ANN, BOB, CEM], [FIRM])
    found = await difference(lines, lines)
    assert found.equal
    assert (found.same, found.before, found.after, found.organizations_same) == (3, 3, 3, 1)


async def test_whom_only_the_second_directory_knows_was_created_and_whom_only_the_first_knows_is_gone() -> None:
    found = await difference(export([ANN, BOB]), export([BOB, CEM]))
    assert (found.created.count, found.gone.count, found.same) == (1, 1, 1)
    assert [example["id"] for example in found.created.examples] == [CEM.id]
    assert [example["id"] for example in found.gone.examples] == [ANN.id]


async def test_several_contacts_whose_identifiers_one_owns_now_were_merged() -> None:
    found = await difference(export([ANN, BOB, CEM]), export([Person("ann", (1, 2, 3, 4))]))
    counts = {name: sort.count for name, sort in found.sorts.items() if sort.count}
    assert counts == {"merged": 1}
    (family,) = found.merged.examples
    assert isinstance(family, Family)
    assert (line_of(family)["id"], sorted(family.kin), family.count) == (ANN.id, sorted([ANN.id, BOB.id, CEM.id]), 3)


async def test_one_contact_whose_identifiers_several_own_now_was_split() -> None:
    found = await difference(export([CEM]), export([Person("cem", (3,)), Person("dan", (4,))]))
    counts = {name: sort.count for name, sort in found.sorts.items() if sort.count}
    assert counts == {"split": 1}
    (family,) = found.split.examples
    assert (line_of(family)["id"], sorted(family.kin)) == (CEM.id, sorted([CEM.id, Person("dan", ()).id]))


async def test_an_identifier_that_moved_between_two_is_a_split_of_one_and_a_merge_into_the_other() -> None:
    found = await difference(export([ANN, CEM]), export([Person("ann", (1, 3)), Person("cem", (4,))]))
    counts = {name: sort.count for name, sort in found.sorts.items() if sort.count}
    assert counts == {"merged": 1, "split": 1}


async def test_a_contact_whose_earliest_event_is_another_now_is_the_same_contact() -> None:
    elder = Person("elder", CEM.owned)
    found = await difference(export([CEM]), export([elder]))
    assert (found.changed.count, found.created.count, found.gone.count) == (1, 0, 0)
    assert dict(found.fields) == {"id": 1}
    (pair,) = found.changed.examples
    assert isinstance(pair, Pair)
    assert (pair.before["id"], pair.after["id"]) == (CEM.id, elder.id)


async def test_contacts_that_own_nothing_are_known_by_their_ids() -> None:
    nobody = Person("nobody", ())
    found = await difference(export([nobody]), export([nobody.called("Nemo")]))
    assert (found.changed.count, dict(found.fields)) == (1, {"values.first_name": 1})


async def test_what_changed_of_a_contact_is_counted_by_field() -> None:
    found = await difference(
        export([ANN, BOB, CEM]), export([ANN.called("Anna"), Person("bob", (2,), updated=2), Person("cem", (3,))])
    )
    assert found.changed.count == 3
    assert dict(found.fields) == {"values.first_name": 1, "updated_at": 1, "identifiers": 1, "values.email": 1}


async def test_a_difference_of_provenance_alone_is_a_difference() -> None:
    line = ANN.line()
    found = await difference([line], [line.replace(b'"value":"Ann"', b'"value":"Anne"')])
    assert not found.equal
    assert dict(found.fields) == {"provenance": 1}


async def test_organizations_are_compared_by_account() -> None:
    before = export([ANN], [FIRM, firm("A-2", id="field"), firm("B", name="Gone")])
    after = export([ANN], [FIRM, firm("A-2", id="changed"), firm("C", name="New", created_at="x")])
    found = await difference(before, after)
    counts = {name: sort.count for name, sort in found.sorts.items() if sort.count}
    assert counts == {"organizations_created": 1, "organizations_gone": 1, "organizations_changed": 1}
    assert (found.organizations_same, found.same) == (1, 1)


async def test_examples_are_bounded_and_counts_are_not() -> None:
    people = [Person(f"p{number}", (number,)) for number in range(50)]
    found = await difference([], export(people), limit=3)
    assert (found.created.count, len(found.created.examples)) == (50, 3)
    merged = await difference(export(people), export([Person("all", tuple(range(50)))]), limit=3)
    (family,) = merged.merged.examples
    assert (family.count, len(family.kin)) == (50, 3)


@pytest.mark.parametrize("line", [b"", b"[]\n", b"id,first_name\n", b'{"id": ""}\n', b'{"id": 5}\n', b"\xff\n"])
async def test_what_is_no_export_is_refused_with_its_line(line: bytes) -> None:
    with pytest.raises(Misconfigured, match=r"^before, line 2: this is no line of `contactfold export`\.$"):
        await difference([ANN.line(), line], [])


async def test_lines_out_of_order_are_refused() -> None:
    with pytest.raises(Misconfigured, match="line 2: this line is out of order"):
        await difference(reversed(export([ANN, BOB])), [])


# ------------------------------------------------------------------------------------------ planted changes

Plant = Callable[[list[Person], "count[int]"], tuple[list[Person], str]]


def change(people: list[Person], _: "count[int]") -> tuple[list[Person], str]:
    return [people[0].called("Changed")], "changed"


def elder(people: list[Person], fresh: "count[int]") -> tuple[list[Person], str]:
    return [Person(f"elder {next(fresh)}", people[0].owned)], "changed"


def vanish(_: list[Person], __: "count[int]") -> tuple[list[Person], str]:
    return [], "gone"


def split(people: list[Person], fresh: "count[int]") -> tuple[list[Person], str]:
    first, *rest = people[0].owned
    return [Person(people[0].born, (first,)), Person(f"part {next(fresh)}", tuple(rest))], "split"


def create(people: list[Person], fresh: "count[int]") -> tuple[list[Person], str]:
    return [*people, Person(f"new {next(fresh)}", (next(fresh),))], "created"


def merge(people: list[Person], _: "count[int]") -> tuple[list[Person], str]:
    return [Person(people[0].born, (*people[0].owned, *people[1].owned))], "merged"


def keep(people: list[Person], _: "count[int]") -> tuple[list[Person], str]:
    return people, "same"


@given(st.lists(st.sampled_from([change, elder, vanish, split, create, merge, keep]), max_size=25), st.data())
async def test_every_planted_change_is_found_and_nothing_else(plants: list[Plant], data: st.DataObject) -> None:
    fresh = count(1)
    before, after = [], []
    planted: dict[str, int] = {}
    for plant in plants:
        people = [
            Person(f"person {next(fresh)}", tuple(next(fresh) for _ in range(data.draw(st.integers(2, 3)))))
            for _ in range(2 if plant is merge else 1)
        ]
        now, sort = plant(people, fresh)
        before += people
        after += now
        planted[sort] = planted.get(sort, 0) + 1
    planted.pop("same", None)
    found = await difference(export(before), export(after))
    assert {name: sort.count for name, sort in found.sorts.items() if sort.count} == planted
    assert found.equal == (not planted)
    back = await difference(export(after), export(before))
    turned = {"created": "gone", "gone": "created", "merged": "split", "split": "merged", "changed": "changed"}
    assert {name: sort.count for name, sort in back.sorts.items() if sort.count} == {
        turned[sort]: number for sort, number in planted.items()
    }
