"""What is removed, moved or absorbed, of every adapter: ids never break."""

from dataclasses import replace

from contactfold.domain.changes import Fate
from contactfold.ports import Changes, Directory
from contract.directory_objects import (
    claim,
    component,
    contact,
    event_id,
    everything,
    evidence,
    stored,
)

# ----------------------------------------------------------------------------------- removing and moving


async def test_what_a_commit_removed_is_gone_and_may_come_again(directory: Directory) -> None:
    await directory.commit(everything())
    ann = contact("ann", version=1)
    removal = Changes(gone_contacts=[ann], gone_claims=[claim("sms:2", None, version=1)])
    removal.gone_components = [component("ann", version=1)]
    await directory.commit(removal)
    assert await directory.contacts([ann.handle]) == {}
    assert await directory.claims(["sms:2"]) == {}
    assert await directory.components([ann.handle]) == {}
    await directory.commit(
        Changes(contacts=[contact("ann")], claims=[claim("sms:2", "ann")], components=[component("ann")])
    )
    assert await directory.contacts([ann.handle]) == {ann.handle: stored(contact("ann"))}


async def test_an_object_may_be_removed_and_made_anew_in_one_commit(directory: Directory) -> None:
    """A rebuild may give a new contact the handle of one that it dissolves."""
    await directory.commit(everything())
    anew = Changes(gone_contacts=[contact("ann", version=1)], contacts=[contact("ann", size=5)])
    anew.gone_claims, anew.claims = [claim("sms:1", "ann", "bob", version=1)], [claim("sms:1", "bob")]
    anew.gone_components, anew.components = [component("ann", version=1)], [component("ann", size=3)]
    await directory.commit(anew)
    assert await directory.contacts([event_id("ann")]) == {event_id("ann"): stored(contact("ann", size=5))}
    assert await directory.claims(["sms:1"]) == {"sms:1": stored(claim("sms:1", "bob"))}
    assert await directory.components([event_id("ann")]) == {event_id("ann"): stored(component("ann", size=3))}


async def test_members_of_a_component_move_to_another_in_the_order_given(directory: Directory) -> None:
    a, b, c = event_id("a"), event_id("b"), event_id("c")
    people = [contact("ann", component=a), contact("bob", component=b), contact("eve", component=c), contact("dan")]
    await directory.commit(Changes(contacts=people))
    await directory.commit(Changes(moved_members=[(a, b), (b, c)]))
    assert await directory.members([a, b]) == []
    assert {one.handle for one in await directory.members([a, c, c])} == {one.handle for one in people[:3]}
    moved = (await directory.contacts([event_id("ann")]))[event_id("ann")]
    assert moved == replace(people[0], component=c, version=1), "moving is no new version"


async def test_members_move_before_contacts_are_written(directory: Directory) -> None:
    a, b = event_id("a"), event_id("b")
    await directory.commit(Changes(contacts=[contact("ann", component=a), contact("bob", component=a)]))
    await directory.commit(Changes(moved_members=[(a, b)], contacts=[contact("ann", version=1)]))
    assert [one.handle for one in await directory.members([a, b])] == [event_id("bob")]
    assert (await directory.contacts([event_id("ann")]))[event_id("ann")].component is None


async def test_moved_evidence_belongs_to_its_new_contact(directory: Directory) -> None:
    await directory.commit(everything())
    await directory.commit(Changes(fates=[Fate(event_id("bob"), event_id("ann"))]))
    assert await directory.evidence_of([contact("bob")]) == []
    assert [one.event_id for one in await directory.evidence_of([contact("ann")])] == [event_id("ann"), event_id("bob")]
    answer = await directory.contact_of(event_id("bob"))
    assert answer == stored(contact("ann"))


async def test_evidence_of_contacts_comes_in_the_order_of_stamps(directory: Directory) -> None:
    ann, bob = contact("ann", absorbed=[event_id("old")]), contact("bob")
    said = [
        evidence("third", ann.handle, at=3),
        evidence("first", event_id("old"), at=1),
        evidence("second", bob.handle, at=2),
        evidence("other", event_id("eve"), at=0),
        evidence("nobody's", None, at=0),
    ]
    await directory.commit(Changes(contacts=[ann, bob], evidence=said))
    assert await directory.evidence_of([ann, bob]) == stored(said[1], said[2], said[0])


# ------------------------------------------------------------------------------------------ ids never break


async def test_an_absorbed_handle_answers_with_the_contact_that_absorbed_it(directory: Directory) -> None:
    await directory.commit(everything())
    merged = contact("ann", version=1, absorbed=[event_id("bob"), event_id("older")])
    await directory.commit(Changes(contacts=[merged], gone_contacts=[contact("bob", version=1)]))
    assert await directory.contact_by_handle(event_id("bob")) == stored(merged)
    assert await directory.contact_by_handle(event_id("older")) == stored(merged)
    assert await directory.contact_of(event_id("bob")) == stored(merged), "its evidence was written under bob's handle"
    assert await directory.contacts([event_id("bob")]) == {}


async def test_a_handle_that_is_no_longer_absorbed_answers_for_itself_or_not_at_all(directory: Directory) -> None:
    bob, eve = event_id("bob"), event_id("eve")
    await directory.commit(Changes(contacts=[contact("ann", absorbed=[bob, eve])]))
    await directory.commit(Changes(contacts=[contact("ann", version=1), contact("bob")]))
    assert await directory.contact_by_handle(bob) == stored(contact("bob"))
    assert await directory.contact_by_handle(eve) is None


async def test_an_absorbed_handle_may_pass_from_one_contact_to_another_in_one_commit(directory: Directory) -> None:
    old = [event_id("old")]
    await directory.commit(Changes(contacts=[contact("ann", absorbed=old), contact("bob")]))
    passing = [contact("bob", version=1, absorbed=old), contact("ann", version=1)]
    await directory.commit(Changes(contacts=passing))
    assert await directory.contact_by_handle(old[0]) == stored(passing[0])
    await directory.commit(
        Changes(gone_contacts=[contact("bob", version=2)], contacts=[contact("ann", version=2, absorbed=old)])
    )
    assert await directory.contact_by_handle(old[0]) == contact("ann", version=3, absorbed=old)
    await directory.commit(Changes(gone_contacts=[contact("ann", version=3)]))
    assert await directory.contact_by_handle(old[0]) is None


async def test_evidence_of_no_contact_answers_with_none(directory: Directory) -> None:
    await directory.commit(Changes(evidence=[evidence("refused")]))
    assert await directory.contact_of(event_id("refused")) is None
    found = await directory.evidence(event_id("refused"))
    assert found is not None
    assert found.handle is None
