"""A footprint tells what changed since, as the lines themselves would, and its digest is that of the export."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from contactfold_cli.footprints import Footprint, account_of_key, contact_of_key, key_of, list_changed
from unit.cli.exports import Person, export, firm

WORLDS = st.dictionaries(st.integers(0, 30), st.sampled_from(["Ann", "Bob", "Cem"]))


def footprint_of(lines: list[bytes]) -> Footprint:
    footprint = Footprint()
    for line in lines:
        footprint.add(line)
    return footprint


def test_a_line_is_known_by_its_contact_or_its_account() -> None:
    ann = Person("ann", (1,))
    assert contact_of_key(key_of(ann.line())) == ann.id
    assert account_of_key(key_of(ann.line())) is None
    key = key_of(firm("A-1 é", id="a field", name="Office Mart"))
    assert (account_of_key(key), contact_of_key(key)) == ("A-1 é", None)


def test_the_digest_is_that_of_the_export_as_a_whole() -> None:
    lines = export([Person("ann", (1,)), Person("bob", (2,))], [firm("A-1")])
    with footprint_of(lines) as footprint:
        assert footprint.digest == hashlib.sha256(b"".join(lines)).hexdigest()
        assert footprint.lines == 3


@given(WORLDS, WORLDS, st.sets(st.sampled_from("ABCé")), st.sets(st.sampled_from("ABCé")))
def test_what_changed_is_what_differs_line_by_line(
    before: dict[int, str], after: dict[int, str], firms_before: set[str], firms_after: set[str]
) -> None:
    old, new = (
        export([Person(f"p{number}", (number,), name) for number, name in world.items()], map(firm, firms))
        for world, firms in ((before, firms_before), (after, firms_after))
    )
    differing = {key_of(line) for line in {*old} ^ {*new}}
    with footprint_of(old) as one, footprint_of(new) as other:
        found = list(list_changed(one, other))
        assert found == sorted(differing)
        assert list(list_changed(one, one)) == []
