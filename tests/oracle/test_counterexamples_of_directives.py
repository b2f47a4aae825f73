"""Histories with directives that once broke the law, each kept as the smallest one found."""

import itertools
from typing import Any

import pytest

from oracle.histories import finish
from oracle.making import Event
from oracle.properties import check_the_law, check_the_law_with_processors
from oracle.ruling import ERASE, RETRACT, SHARE

PHONE = "+14155550124"


def said(at: int, row: int | None = None, **values: Any) -> Event:
    """A statement at a second, of a row of the import `i1` where a number is given."""
    event: Event = {"source": "shop", "occurred_at": at, "values": values}
    return event if row is None else {**event, "import": {"id": "i1", "row": row}}


def rule(at: int, kind: str, **what: Any) -> Event:
    """A directive at a second."""
    return {"source": "shop", "occurred_at": at, "type": kind, **what}


def test_a_retraction_that_is_recorded_holds_in_its_own_rebuild() -> None:
    """The rebuild loads evidence that does not say yet that it was retracted."""
    check_the_law(finish([said(9, web="v1"), rule(10, RETRACT, events=[0])]), [[0], [1]])


def test_a_decision_that_fails_by_outdated_rules_is_made_again_by_the_new_ones() -> None:
    """The processor that recorded the share meets a contact that it has changed already, and must not meet it so for
    ever."""
    history = finish(
        [
            said(0, email=["s@x.com", "a@x.com"]),
            rule(1, SHARE, identifiers=["email:s@x.com"]),
            said(1, email="s@x.com"),
            said(3, email="a@x.com"),
        ]
    )
    check_the_law(history, [[0], [1], [2, 3]])


def test_a_batch_that_joins_what_several_erasures_left_is_taken() -> None:
    """Two erasures, of which one names what was shared afterwards, and people known by the rest."""
    history = finish(
        [
            said(4, email=["a@x.com", "b@x.com"]),
            said(10, email="c@x.com", customer_id="23"),
            said(13, email="d@x.com", phone=PHONE),
            rule(21, ERASE, identifier=f"phone:{PHONE}"),
            rule(30, SHARE, identifiers=[f"phone:{PHONE}"]),
            said(34, email=["a@x.com", "d@x.com"]),
            rule(58, ERASE, identifier="customer_id:23"),
            said(59, email=["b@x.com", "c@x.com"]),
        ]
    )
    check_the_law(history, [[place] for place in range(len(history))])


@pytest.mark.parametrize("order", [(0, 2, 3, 1, 4, 5), (0, 2, 1, 3, 4, 5), (0, 1, 2, 3, 4, 5)])
def test_what_was_erased_while_it_was_retracted_finds_its_contact_again(order: tuple[int, ...]) -> None:
    """Whoever is known by the same customer number holds what was once erased, and goes with it."""
    history = finish(
        [
            said(1, customer_id="1", email="y@x.com"),
            said(2, customer_id="2", labels="a"),
            said(3, row=1, customer_id="2", email="y@x.com", first_name="Eve"),
            rule(4, RETRACT, **{"import": "i1"}),
            rule(30, ERASE, identifier="email:y@x.com"),
            rule(31, RETRACT, events=[3]),
        ]
    )
    check_the_law(history, [[place] for place in order])


@pytest.mark.parametrize("pause", range(6))
def test_a_row_that_arrives_while_its_import_is_retracted_is_retracted(pause: int) -> None:
    """It passes its import's gate, which the retraction closes."""
    history = finish([rule(0, RETRACT, **{"import": "i1"}), said(9, row=6, member_id="m2")])
    for other in range(6):
        check_the_law_with_processors(history, [[0], [1]], pauses=[pause, other, 1], processors=2)


@pytest.mark.parametrize("pause", range(5))
def test_who_comes_while_an_erasure_takes_somebody_of_the_same_address_goes_with_them(pause: int) -> None:
    """That nobody was known by the address is what the rebuild rested on, and it asked again when it was done."""
    history = finish(
        [
            said(4, email=["b@x.com", "c@x.com"]),
            rule(5, ERASE, identifier="email:a@x.com"),
            said(3, email=["a@x.com", "b@x.com"]),
        ]
    )
    for others in itertools.product(range(3), repeat=3):
        check_the_law_with_processors(history, [[0], [1, 2]], pauses=[pause, *others], processors=2)
