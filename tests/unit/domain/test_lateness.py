"""Late statements that are so for others only: they are stepped, and nothing is rebuilt for them."""

import pytest

from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.planning import make_groups
from contactfold.domain.step import step
from contactfold.wire import read_event
from oracle.real import NOW, SCHEMA

OFFICE = "+14155550100"


def said(member: str, second: int, **more: object) -> Statement:
    """What somebody at the office says of themselves."""
    payload = {"id": f"{member}-{second}", "source": "shop", "occurred_at": f"2026-01-01T00:00:{second:02}Z"}
    values = {"member_id": member, "email": f"{member}@x.com", "phone": OFFICE}
    statement = read_event({**payload, "values": values | more}, SCHEMA, source="shop", id="", received_at=NOW)
    assert isinstance(statement, Statement)
    return statement


@pytest.fixture
def office() -> Excerpt:
    """Ann owns the number, Bob and Eve have it too; Ann spoke last."""
    excerpt = Excerpt(SCHEMA)
    for statement in (said("ann", 10), said("bob", 11), said("eve", 12), said("ann", 40, first_name="Ann")):
        step(excerpt, statement)
    return excerpt


def rebuilt(excerpt: Excerpt, *statements: Statement) -> bool:
    """Whether these come late, all in one group, and it is to be rebuilt for them."""
    (group,) = make_groups(excerpt, statements)
    assert group.late == sorted(statements, key=lambda one: one.stamp)
    return group.rebuild


def test_what_is_late_for_colleagues_alone_rebuilds_nothing(office: Excerpt) -> None:
    """That Ann spoke later changes nothing: she has been known by the same ever since."""
    assert not rebuilt(office, said("bob", 20, first_name="Bob"), said("eve", 30, first_name=""))


def test_newcomers_who_are_late_for_colleagues_alone_rebuild_nothing(office: Excerpt) -> None:
    assert not rebuilt(office, said("dan", 20), said("dan", 25, city="Rome"), said("kim", 30))


def test_what_is_late_for_whom_it_is_about_rebuilds_an_office(office: Excerpt) -> None:
    assert rebuilt(office, said("ann", 20, first_name="Anna"))


def test_who_came_before_the_owner_of_the_number_rebuilds_an_office(office: Excerpt) -> None:
    """The number would have been theirs."""
    assert rebuilt(office, said("dan", 5))
