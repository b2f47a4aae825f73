"""Chains of events and identifiers: there is one exactly where the fold made one contact, and every link holds."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from contactfold.domain.directives import combine
from contactfold.domain.event import IGNORE, REJECT, REPLACE
from contactfold.domain.explain import Chain, End, find_chain, find_owner
from contactfold.domain.obstacles import TOO_MANY
from contactfold.domain.retelling import Retelling, retell, strip
from contactfold.domain.stamp import stamp_time
from unit.domain.retold import SCHEMA, History, histories, named, say, tell

playing = settings(max_examples=150, deadline=None)


def chain_of(retelling: Retelling, one: End, other: End) -> Chain:
    chain = find_chain(retelling, one, other)
    assert chain is not None
    return chain


def links_of(chain: Chain) -> list[tuple[tuple[str, ...], str, tuple[str, ...]]]:
    return [(link.before, link.deed.statement.id, link.after) for link in chain.links]


def ends_of(retelling: Retelling) -> list[End]:
    return [*retelling.deeds, *sorted(retelling.tenures)]


# ---- in examples


def test_two_identifiers_that_one_event_named_are_one_link() -> None:
    told = tell(say("a", 1, email="ann@x.com", web="v1"))
    chain = chain_of(told, "email:ann@x.com", "web:v1")
    assert links_of(chain) == [(("email:ann@x.com",), "a", ("web:v1",))]


def test_a_chain_goes_from_identifier_to_identifier_over_the_events_that_name_both() -> None:
    told = tell(
        say("a", 1, email="ann@x.com"), say("b", 2, web="v1", telegram="t1"), say("c", 3, email="ann@x.com", web="v1")
    )
    chain = chain_of(told, "email:ann@x.com", "telegram:t1")
    assert links_of(chain) == [
        (("email:ann@x.com",), "c", ("web:v1",)),
        (("web:v1",), "b", ("telegram:t1",)),
    ]
    assert stamp_time(chain.since) == 3_000_000


def test_a_later_event_that_names_both_ends_does_not_hide_what_joined_them() -> None:
    told = tell(
        say("a", 1, email="ann@x.com", customer="1"),
        say("b", 2, web="v1", telegram="t1"),
        say("c", 3, customer="1", web="v1"),
        say("late", 4, email="ann@x.com", telegram="t1"),
    )
    chain = chain_of(told, "email:ann@x.com", "telegram:t1")
    assert [link.deed.statement.id for link in chain.links] == ["a", "c", "b"]
    assert stamp_time(chain.since) == 3_000_000


def test_of_two_chains_the_shorter_is_told() -> None:
    told = tell(
        say("a", 1, email="ann@x.com", web="v1"),
        say("b", 2, web="v1", telegram="t1"),
        say("c", 3, telegram="t1", customer="1", email="ann@x.com"),
    )
    assert [link.deed.statement.id for link in chain_of(told, "email:ann@x.com", "customer:1").links] == ["c"]


def test_an_ignored_event_and_a_rejected_one_hang_on_the_contact_they_belong_to() -> None:
    told = tell(
        say("a", 1, email="ann@x.com"),
        say("b", 2, web="v1"),
        say("i", 3, email="ann@x.com", telegram="t9", action_=IGNORE),
        say("r", 4, email="ann@x.com", web="v1", on_many_=REJECT),
    )
    assert links_of(chain_of(told, named("i"), named("r"))) == [
        ((), "i", ("email:ann@x.com",)),
        (("email:ann@x.com",), "r", ()),
    ]
    assert find_chain(told, named("r"), named("b")) is None
    assert find_owner(told, "telegram:t9") is None


def test_an_event_joins_by_what_it_was_matched_on_and_by_nothing_else() -> None:
    told = tell(say("a", 1, email="ann@x.com", web="v1"), say("b", 2, email="ann@x.com", web="v1", match_on_=("web",)))
    assert links_of(chain_of(told, named("a"), named("b"))) == [((), "a", ("web:v1",)), (("web:v1",), "b", ())]


def test_an_identifier_that_was_given_up_and_claimed_by_another_leads_to_the_other() -> None:
    told = tell(
        say("a", 1, email="ann@x.com", customer="1"),
        say("b", 2, customer="1", action_=REPLACE),
        say("c", 3, email="ann@x.com", customer="2"),
    )
    assert find_chain(told, "email:ann@x.com", named("a")) is None
    assert [link.deed.statement.id for link in chain_of(told, "email:ann@x.com", "customer:2").links] == ["c"]


def test_of_events_that_would_do_the_earliest_is_told() -> None:
    told = tell(
        say("a", 1, email="ann@x.com"),
        say("b", 2, web="v1"),
        say("c", 3, email="ann@x.com", web="v1"),
        say("d", 3.5, email="ann@x.com", web="v1"),
        say("e", 4, telegram="t1", web="v1"),
    )
    for end in (named("e"), "telegram:t1"):
        assert [link.deed.statement.id for link in chain_of(told, "email:ann@x.com", end).links] == ["c", "e"]


def test_what_stands_between_is_judged_after_the_merges_before_it() -> None:
    """With the first alone the third would fit; with both there are four addresses, and three may be."""
    told = tell(
        say("a", 1, email=["p1@x.com", "p2@x.com"], customer="1"),
        say("b", 2, email="p3@x.com", web="v2"),
        say("c", 3, email="p4@x.com", web="v3"),
        say("m", 4, customer="1", web=["v2", "v3"]),
    )
    met = told.deeds[named("m")].met
    assert [(one.id, one.obstacle and one.obstacle.kind) for one in met] == [
        (named("a"), None),
        (named("b"), None),
        (named("c"), TOO_MANY),
    ]


# ---- for all histories


@playing
@given(history=histories())
def test_there_is_a_chain_exactly_where_the_fold_made_one_contact(history: History) -> None:
    """And what hangs together by tenures alone is a contact: nothing joined people in another way."""
    statements, rules = history
    told = retell(statements, SCHEMA, combine(rules))
    for one, other in combinations(ends_of(told), 2):
        owner, owner_of_other = find_owner(told, one), find_owner(told, other)
        joined = owner is not None and owner is owner_of_other
        assert (find_chain(told, one, other) is not None) == joined
    for one, other in combinations(told.deeds, 2):
        assert (other in _reached(told, one)) == (told.contact_of(one) is told.contact_of(other))


def _reached(told: Retelling, start: bytes) -> set[bytes]:
    """Everything that hangs together with an event, found by going on until nothing is new."""
    reached, tenures = {start}, set[int]()
    while True:
        tenures |= {id(tenure) for event in reached for tenure in told.deeds[event].touched}
        more = {event for event, deed in told.deeds.items() if any(id(tenure) in tenures for tenure in deed.touched)}
        if more <= reached:
            return reached
        reached |= more


@playing
@given(history=histories(), data=st.data())
def test_every_link_of_a_chain_shares_what_it_says_with_the_next(history: History, data: st.DataObject) -> None:
    """The two events of each step both name the identifiers between them, and the ends are what was asked about."""
    statements, rules = history
    told = retell(statements, SCHEMA, combine(rules))
    one, other = data.draw(st.sampled_from(ends_of(told))), data.draw(st.sampled_from(ends_of(told)))
    chain = find_chain(told, one, other)
    if chain is None:
        return
    for link in chain.links:
        assert {*link.before, *link.after} <= {*link.deed.statement.identifiers}
    for link, following in zip(chain.links, chain.links[1:], strict=False):
        assert link.after == following.before != ()
    first, last = chain.links[0], chain.links[-1]
    assert first.before == ((one,) if isinstance(one, str) else ())
    assert last.after == ((other,) if isinstance(other, str) else ())
    assert isinstance(one, str) or first.deed.statement.event_id == one
    assert isinstance(other, str) or last.deed.statement.event_id == other


@playing
@given(history=histories(), data=st.data())
def test_a_chain_joins_at_the_moment_it_tells_and_no_sooner(history: History, data: st.DataObject) -> None:
    """The fold of the events until then has both in one contact; the fold of those before has not."""
    statements, rules = history
    told = retell(statements, SCHEMA, combine(rules))
    one, other = data.draw(st.sampled_from(list(told.deeds))), data.draw(st.sampled_from(list(told.deeds)))
    chain = find_chain(told, one, other)
    if chain is None:
        return
    until = retell([each for each in statements if each.stamp <= chain.since], SCHEMA, combine(rules))
    assert until.contact_of(one) is until.contact_of(other) is not None
    before = retell([each for each in statements if each.stamp < chain.since], SCHEMA, combine(rules))
    assert before.contact_of(one) is None or before.contact_of(one) is not before.contact_of(other)
    assert all(link.deed.statement.stamp <= chain.since for link in chain.links)


@playing
@given(history=histories(), data=st.data())
def test_no_chain_of_the_same_events_is_shorter(history: History, data: st.DataObject) -> None:
    statements, rules = history
    told = retell(statements, SCHEMA, combine(rules))
    one, other = data.draw(st.sampled_from(list(told.deeds))), data.draw(st.sampled_from(list(told.deeds)))
    chain = find_chain(told, one, other)
    if chain is None:
        return
    near = {one}
    for _ in range(len(chain.links) - 1):
        assert other not in near
        tenures = {id(tenure) for event in near for tenure in told.deeds[event].touched}
        near |= {
            event
            for event, deed in told.deeds.items()
            if deed.statement.stamp <= chain.since and any(id(tenure) in tenures for tenure in deed.touched)
        }
    assert other in near


@playing
@given(history=histories())
def test_a_retelling_says_who_owns_what_as_the_fold_does(history: History) -> None:
    statements, rules = history
    told = retell(statements, SCHEMA, combine(rules))
    for identifier, claim in told.excerpt.claims.items():
        owner = find_owner(told, identifier)
        assert (owner.handle if owner is not None else None) == claim.owner
        tenure = told.tenure(identifier)
        assert tenure is None or identifier in told.deeds[tenure.claimed_by].statement.identifiers


@playing
@given(history=histories())
def test_what_stood_between_is_told_exactly_of_those_that_were_not_merged(history: History) -> None:
    """`obstacles` asks the questions of `step` once more; both must come to one answer, whatever the history."""
    statements, rules = history
    told = retell(statements, SCHEMA, combine(rules))
    for deed in told.deeds.values():
        free = [met.id for met in deed.met if met.obstacle is None]
        if deed.outcome.contact_id == deed.statement.event_id:
            assert not free
            continue
        assert sorted(free) == sorted([*deed.outcome.merged, deed.outcome.contact_id or b""])


@playing
@given(history=histories())
def test_what_identifies_nobody_decides_nothing(history: History) -> None:
    statements, rules = history
    for statement in statements:
        statement.values["city"] = ("Rome",)
    whole = retell(statements, SCHEMA, combine(rules))
    bare = retell([strip(statement, SCHEMA) for statement in statements], SCHEMA, combine(rules))
    assert {each: deed.handle for each, deed in whole.deeds.items()} == {
        each: deed.handle for each, deed in bare.deeds.items()
    }
    assert {name: claim.owner for name, claim in whole.excerpt.claims.items()} == {
        name: claim.owner for name, claim in bare.excerpt.claims.items()
    }
