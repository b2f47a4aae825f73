"""Histories that once broke the law, each kept as the smallest one found."""

from typing import Any

import pytest

from oracle.histories import finish
from oracle.making import Event
from oracle.properties import check_the_law, check_the_law_with_interruption

at_every_call = pytest.mark.parametrize("at", range(10))


def said(at: int, action: str = "append", match_on: list[str] | None = None, **values: Any) -> Event:
    """An event at a second."""
    event: Event = {"source": "shop", "occurred_at": at, "action": action, "values": values}
    return event if match_on is None else {**event, "match_on": match_on}


def test_a_late_event_and_the_one_that_links_it_to_a_younger_contact_arrive_in_one_batch() -> None:
    """The contact made in the batch is the elder, so the stored one is absorbed with identifiers nobody loaded."""
    late, link = said(3, email="p3@x.com"), said(6, email=["p2@x.com", "p3@x.com"])
    check_the_law(finish([late, link, said(4, email="p2@x.com", member_id="m1")]), [[2], [0, 1]])


def test_a_component_made_and_joined_to_a_larger_one_in_one_batch_takes_along_members_nobody_loaded() -> None:
    """One of the small component's people is unknown to the batch, and ends in the large component all the same."""
    small = [said(4, email="c@x.com", customer_id="c"), said(5, email=["c@x.com", "d@x.com"], customer_id="d")]
    alone = [said(at, email="a@x.com") for at in range(3)]
    alone += [said(at, email="b@x.com", customer_id="b") for at in range(3)]
    large = [said(6, email="y@x.com", customer_id="y1")]
    large += [said(7, email="y@x.com", customer_id="y2") for _ in range(16)]
    links = [said(20 + n, email=["a@x.com", f"{who}@x.com"], customer_id="p") for n, who in enumerate("bdy")]
    history = finish(alone + small + large + links)
    first = len(history) - len(links)
    check_the_law(history, [[place] for place in range(first)] + [list(range(first, len(history)))])


@at_every_call
def test_a_contact_that_joins_a_component_while_a_batch_loads_both_keeps_the_batchs_event(at: int) -> None:
    """Where x joins the component of c and d between the loading of contacts and that of components, the batch steps
    x as it was, alone, and meets it again, as it is, among the members it rebuilds."""
    history = finish(
        [
            said(4, email="c@x.com", customer_id="c"),
            said(5, email=["c@x.com", "d@x.com"], customer_id="d"),
            said(6, email=["x@x.com", "i@x.com"]),
            said(20, email="x@x.com", first_name="Ann"),
            said(3, email="c@x.com", labels="late"),
            said(10, email=["i@x.com", "d@x.com"], customer_id="x"),
        ]
    )
    check_the_law_with_interruption(history, [[0], [1], [2], [5], [3, 4]], at=at)


@at_every_call
def test_an_identifier_released_between_the_loading_of_claims_and_of_contacts_is_not_its_old_owners(at: int) -> None:
    """The claim still names the contact, and the contact no longer owns it."""
    history = finish(
        [
            said(1, email="x@x.com", customer_id="1"),
            said(10, action="replace", customer_id="1"),
            said(20, email="x@x.com"),
        ]
    )
    check_the_law_with_interruption(history, [[0], [1], [2]], at=at)


@at_every_call
def test_an_identifier_released_while_its_component_is_loaded_is_free_to_be_claimed(
    at: int,
) -> None:
    """The component is then of a later moment than the claim and its owner, who is only read, so no version tells."""
    history = finish(
        [
            said(1, phone="+14155550100", member_id="1"),
            said(2, phone="+14155550100", member_id="2"),
            said(10, action="replace", member_id="1"),
            said(20, phone="+14155550100", member_id="2"),
        ]
    )
    check_the_law_with_interruption(history, [[0], [1], [2], [3]], at=at)


@at_every_call
def test_a_rebuild_does_not_take_a_claim_for_unchanged_that_another_has_just_mentioned(at: int) -> None:
    """The claim as it was loaded is what the rebuild makes of it, and not what is stored by then."""
    history = finish(
        [
            said(0, email="p0@x.com"),
            said(2, email="p0@x.com", phone="+14155550101"),
            said(3, match_on=["phone"], email="p0@x.com", phone="+14155550101"),
        ]
    )
    check_the_law_with_interruption(history, [[0], [2], [1]], at=at)


@at_every_call
def test_claims_that_name_contacts_merged_meanwhile_are_read_afresh(at: int) -> None:
    """The batch holds a claim whose owner it has not loaded: a conflict, and no fault of any record."""
    history = finish(
        [
            said(0, email="p4@x.com"),
            said(1, action="update", email=["p0@x.com", "p4@x.com"]),
            said(0, email="p0@x.com"),
            said(2, email="p0@x.com"),
            said(3, email="p4@x.com", web=""),
        ]
    )
    check_the_law_with_interruption(history, [[0], [3, 1], [2, 4]], at=at)


@pytest.mark.parametrize("company", ["copy", "refused"])
def test_a_late_event_is_applied_also_beside_one_that_takes_no_part_and_names_another_of_its_component(
    company: str,
) -> None:
    """A copy of an applied event, or a refused one, leads the batch to a contact that no statement of it steps."""
    beside: dict[str, Any] = {} if company == "copy" else {"member_id": ["m1", "m2"]}
    history = finish(
        [
            said(2, email="p0@x.com"),
            said(3, match_on=["phone"], email=["p0@x.com", "p3@x.com"]),
            said(8, email="p0@x.com"),
            said(6, email="p0@x.com", **beside),
            said(7, email="p3@x.com"),
        ]
    )
    check_the_law(history, [[0], [1], [2], [3], [4, 3]] if company == "copy" else [[0], [1], [2], [4, 3]])


@at_every_call
def test_an_event_does_not_die_because_evidence_was_counted_twice(at: int) -> None:
    """Where a contact joins a component between the loading of contacts and that of components, the batch knows it
    alone and its evidence within the component too: two and five, where a rebuild would take all five and the event."""
    history = finish(
        [
            said(1, customer_id="1", email="a@x.com"),
            said(2, customer_id="1", email="a@x.com"),
            said(3, customer_id="2", email="b@x.com", phone="+14155550101"),
            said(4, customer_id="3", email="c@x.com", phone="+14155550101"),
            said(10, customer_id="1", phone="+14155550101"),
            said(5, email=["a@x.com", "b@x.com"]),
        ]
    )
    check_the_law_with_interruption(history, [[0], [1], [2], [3], [4], [5]], at=at, limit=6)


@at_every_call
def test_an_event_that_another_processor_has_just_applied_does_not_die(at: int) -> None:
    """Its copy finds a component that is too large because the event itself is in it."""
    history = finish(
        [
            said(1, action="update", email="a@x.com"),
            said(5, email="a@x.com"),
        ]
    )
    check_the_law_with_interruption(history, [[1], [0], [0]], at=at, limit=2)
