"""Statements that come late to a component which is too large, told from those that do not."""

from dataclasses import replace

from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.planning import make_groups
from contactfold.domain.rebuild import Past, rebuild
from contactfold.domain.step import step
from contactfold.wire import read_event
from contactfold_processor.crowds import part_doomed
from oracle.real import NOW, SCHEMA

SHARED, COMMON = "+14155550100", "+14155550101"
LIMIT = 20


def said(member: str, second: int, action: str = "append", **values: object) -> Statement:
    """A statement about somebody."""
    payload = {"id": f"{member}-{second}", "source": "shop", "occurred_at": f"2026-01-01T00:00:{second}Z"}
    more = {"action": action, "values": {"member_id": member, **values}}
    statement = read_event({**payload, **more}, SCHEMA, source="shop", id="", received_at=NOW)
    assert isinstance(statement, Statement)
    return statement


def test_whoever_has_left_a_crowd_that_still_goes_by_their_name_is_not_taken_for_one_of_it() -> None:
    """A component is named after the event that first joined it, which may be the first of somebody it parts with."""
    statements = [said("a", 10, phone=[SHARED, COMMON]), said("e", 20, phone=[SHARED]), said("b", 30, phone=[COMMON])]
    statements += [said("b", 31 + number, first_name=f"{number}") for number in range(LIMIT)]
    excerpt = Excerpt(SCHEMA)
    past = [Past(statement, step(excerpt, statement)[1]) for statement in statements]
    for component in excerpt.components.values():
        component.version = 1
    excerpt.rules = replace(excerpt.rules, shared=frozenset({f"phone:{SHARED}"}))
    rebuild(excerpt, list(excerpt.contacts.values()), past, [])
    people = {contact.single["member_id"][1]: contact for contact in excerpt.contacts.values()}
    assert people["e"].component is None
    assert people["e"].handle == people["a"].component

    in_order, late, joining = said("e", 25, first_name="X"), said("b", 22, "update"), said("e", 58, phone=[COMMON])
    parted = part_doomed(excerpt, make_groups(excerpt, [in_order, late, joining]), LIMIT)
    assert [statement for group in parted if group.doomed for statement in group.statements] == [late]
