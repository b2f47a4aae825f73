"""Why two contacts are two, and why an identifier is not its contact's own: each reason in an example."""

import pytest
from hypothesis import given, settings

from contactfold.domain.apart import (
    NEVER_TOGETHER,
    NOT_WRITTEN,
    OVER_LIMIT,
    OWNED,
    RELEASED,
    RETRACTED,
    SET_ASIDE,
    SHARED,
    Background,
    Cause,
    LeftOut,
    find_causes,
    find_loss,
)
from contactfold.domain.directives import Rule, combine
from contactfold.domain.event import ANONYMOUS, FIRST, IGNORE, REJECT, REPLACE, SEPARATE, SHARE, UPDATE
from contactfold.domain.explain import find_owner
from contactfold.domain.fold import held
from contactfold.domain.obstacles import (
    AMBIGUOUS,
    KEY_DIFFERS,
    NOT_ANONYMOUS,
    NOT_MATCHED,
    ONLY_FIRST,
    SEPARATED,
    TOO_MANY,
)
from contactfold.domain.outcome import IGNORED, REJECTED
from contactfold.domain.retelling import Retelling, retell
from unit.domain.retold import SCHEMA, History, histories, named, rule, say, tell


def causes(told: Retelling, one: str, other: str, background: Background | None = None) -> list[Cause]:
    """Why the contacts of the events called `one` and `other` are two."""
    mine, theirs = told.contact_of(named(one)), told.contact_of(named(other))
    assert mine is not None
    assert theirs is not None
    assert mine is not theirs
    return find_causes(told, mine, theirs, background or Background())


def loss(told: Retelling, name: str, identifier: str, rules: list[Rule] | None = None) -> Cause:
    """Why the contact of the event called `name` does not own an identifier."""
    contact = told.contact_of(named(name))
    assert contact is not None
    assert identifier not in contact.owned
    return find_loss(told, told.deeds_of(contact), identifier, Background(rules or []))


# ---- two contacts


def test_nobody_named_them_together() -> None:
    told = tell(say("a", 1, email="ann@x.com"), say("b", 2, email="bob@x.com"))
    assert causes(told, "a", "b") == [Cause(NEVER_TOGETHER)]


def test_keys_that_differ_are_told_with_the_events_that_gave_them() -> None:
    told = tell(
        say("a", 1, customer="1", email="ann@x.com"),
        say("b", 2, customer="2", web="v1"),
        say("c", 3, email="ann@x.com", web="v1"),
    )
    told_of = Cause(KEY_DIFFERS, named("c"), ("web:v1",), "customer", (named("a"), named("b")))
    assert causes(told, "a", "b") == causes(told, "b", "a") == [told_of]


def test_an_event_whose_own_key_differs_is_told_with_the_event_that_gave_the_other() -> None:
    told = tell(say("a", 1, customer="1", email="ann@x.com"), say("b", 2, customer="2", email="ann@x.com"))
    assert causes(told, "a", "b") == [
        Cause(KEY_DIFFERS, named("b"), ("email:ann@x.com",), "customer", (named("b"), named("a")))
    ]


@pytest.mark.parametrize(
    ("policy", "kind"),
    [({"on_many_": FIRST}, ONLY_FIRST), ({"on_many_": REJECT}, AMBIGUOUS), ({"action_": IGNORE}, IGNORED)],
)
def test_a_policy_that_merges_nobody_is_told(policy: dict[str, str], kind: str) -> None:
    told = tell(
        say("a", 1, email="ann@x.com"), say("b", 2, web="v1"), say("c", 3, email="ann@x.com", web="v1", **policy)
    )
    assert causes(told, "a", "b") == [Cause(kind, named("c"), ("web:v1",))]


def test_only_a_visitor_is_merged_where_the_policy_says_so() -> None:
    told = tell(
        say("a", 1, email="ann@x.com"),
        say("b", 2, telegram="t1", web="v1"),
        say("c", 3, email="ann@x.com", web="v1", on_many_=ANONYMOUS),
    )
    assert causes(told, "a", "b") == [Cause(NOT_ANONYMOUS, named("c"), ("web:v1",))]


def test_what_an_event_did_not_match_on_is_told() -> None:
    told = tell(
        say("a", 1, email="ann@x.com"),
        say("b", 2, web="v1"),
        say("c", 3, email="ann@x.com", web="v1", match_on_=("email",)),
    )
    assert causes(told, "a", "b") == [Cause(NOT_MATCHED, named("c"), ("web:v1",))]


def test_more_values_than_a_channel_holds_are_told() -> None:
    told = tell(
        say("a", 1, customer="1", email=["p1@x.com", "p2@x.com"]),
        say("b", 2, web="v1", email=["p3@x.com", "p4@x.com"]),
        say("c", 3, customer="1", web="v1"),
    )
    assert causes(told, "a", "b") == [Cause(TOO_MANY, named("c"), ("web:v1",), "email")]


def test_a_separation_is_told_with_its_directive_and_the_event_it_kept_from_joining() -> None:
    apart = rule("split", SEPARATE, "email:ann@x.com", "web:v1")
    told = tell(
        say("a", 1, email="ann@x.com"),
        say("b", 2, web="v1", telegram="t1"),
        say("c", 3, email="ann@x.com", telegram="t1"),
        rules=[apart],
    )
    found = causes(told, "a", "b", Background([apart]))
    assert found == [Cause(SEPARATED, named("c"), ("email:ann@x.com", "web:v1"), directive=apart.directive)]


def test_an_identifier_that_a_separation_set_aside_is_told() -> None:
    apart = rule("split", SEPARATE, "email:ann@x.com", "web:v1")
    told = tell(say("a", 1, email="ann@x.com", web="v1"), say("b", 2, web="v1"), rules=[apart])
    found = causes(told, "a", "b", Background([apart]))
    assert found == [Cause(SET_ASIDE, named("a"), ("email:ann@x.com", "web:v1"), directive=apart.directive)]


def test_a_separation_of_people_who_never_met_is_told_without_an_event() -> None:
    apart = rule("split", SEPARATE, "email:ann@x.com", "web:v1", "web:v9")
    told = tell(say("a", 1, email="ann@x.com"), say("b", 2, web="v1"), rules=[apart])
    found = causes(
        told, "a", "b", Background([rule("old", SEPARATE, "email:ann@x.com", "web:v1", in_force=False), apart])
    )
    assert found == [Cause(SEPARATED, None, ("email:ann@x.com", "web:v1"), directive=apart.directive)]


def test_an_identifier_that_both_share_and_that_identifies_nobody_is_told() -> None:
    share = rule("switchboard", SHARE, "telegram:t1")
    told = tell(
        say("a", 1, email="ann@x.com", telegram="t1"), say("b", 2, email="bob@x.com", telegram="t1"), rules=[share]
    )
    assert causes(told, "a", "b", Background([share])) == [
        Cause(SHARED, None, ("telegram:t1",), directive=share.directive)
    ]


def test_a_retracted_event_that_named_both_is_told_with_its_retraction() -> None:
    told = tell(say("a", 1, email="ann@x.com"), say("b", 2, web="v1"))
    gone = [
        LeftOut(say("g", 3, email="ann@x.com", web="v1"), named("undo")),
        LeftOut(say("h", 4, email="ann@x.com", web="v7"), named("undo")),
    ]
    assert causes(told, "a", "b", Background(left_out=gone)) == [
        Cause(RETRACTED, named("g"), ("email:ann@x.com", "web:v1"), directive=named("undo"))
    ]


def test_an_identifier_that_one_let_go_of_and_the_other_claimed_is_told() -> None:
    told = tell(
        say("a", 1, customer="1", email="ann@x.com"),
        say("r", 2, customer="1", action_=REPLACE),
        say("b", 3, customer="2", email="ann@x.com"),
    )
    assert causes(told, "a", "b") == [Cause(RELEASED, named("r"), ("email:ann@x.com",))]


def test_each_cause_is_told_once_at_its_first_event() -> None:
    told = tell(
        say("a", 1, customer="1", email="ann@x.com"),
        say("b", 2, customer="2", email="ann@x.com"),
        say("c", 3, customer="2", email="ann@x.com"),
    )
    assert [cause.event for cause in causes(told, "a", "b")] == [named("b")]


# ---- one identifier


def test_a_contested_identifier_is_told_with_what_kept_it_from_its_owner() -> None:
    told = tell(say("a", 1, customer="1", email="ann@x.com"), say("b", 2, customer="2", email="ann@x.com"))
    assert loss(told, "b", "email:ann@x.com") == Cause(
        KEY_DIFFERS, named("b"), ("email:ann@x.com",), "customer", (named("b"), named("a"))
    )


def test_a_contested_identifier_kept_apart_by_a_rule_is_told_with_what_is_apart() -> None:
    apart = rule("split", SEPARATE, "customer:1", "web:v1")
    told = tell(say("a", 1, customer="1", email="ann@x.com"), say("b", 2, web="v1", email="ann@x.com"), rules=[apart])
    assert loss(told, "b", "email:ann@x.com", [apart]) == Cause(
        SEPARATED, named("b"), ("email:ann@x.com", "web:v1", "customer:1"), directive=apart.directive
    )


def test_an_identifier_is_still_contested_when_its_owner_has_let_go_of_it() -> None:
    told = tell(
        say("a", 1, customer="1", email="ann@x.com"),
        say("b", 2, customer="2", email="ann@x.com"),
        say("r", 3, customer="1", action_=REPLACE),
    )
    assert find_owner(told, "email:ann@x.com") is None
    assert loss(told, "b", "email:ann@x.com").kind == KEY_DIFFERS
    assert loss(told, "a", "email:ann@x.com") == Cause(RELEASED, named("r"), ("email:ann@x.com",))


def test_what_an_update_did_not_write_is_told() -> None:
    told = tell(say("a", 1, email="ann@x.com"), say("b", 2, email=["ann@x.com", "new@x.com"], action_=UPDATE))
    assert loss(told, "a", "email:new@x.com") == Cause(NOT_WRITTEN, named("b"), ("email:new@x.com",))


def test_what_passed_the_limit_is_told() -> None:
    told = tell(say("a", 1, email=[f"p{n}@x.com" for n in range(5)]))
    assert loss(told, "a", "email:p4@x.com") == Cause(OVER_LIMIT, named("a"), ("email:p4@x.com",), "email")


@pytest.mark.parametrize(
    ("policy", "kind"), [({"action_": IGNORE}, IGNORED), ({"on_many_": REJECT}, REJECTED)], ids=["ignored", "rejected"]
)
def test_what_an_event_without_effect_named_is_told(policy: dict[str, str], kind: str) -> None:
    told = tell(
        say("a", 1, email="ann@x.com"),
        say("b", 2, web="v1"),
        say("c", 3, email=["ann@x.com", "n@x.com"], web="v1", **policy),
    )
    assert loss(told, "c", "email:n@x.com") == Cause(kind, named("c"), ("email:n@x.com",))


def test_a_shared_identifier_is_told_with_its_directive() -> None:
    share = rule("switchboard", SHARE, "telegram:t1")
    told = tell(say("a", 1, email="ann@x.com", telegram="t1"), rules=[share])
    assert loss(told, "a", "telegram:t1", [share]) == Cause(
        SHARED, named("a"), ("telegram:t1",), directive=share.directive
    )


def test_a_value_that_another_replaced_is_told_with_the_event_that_did() -> None:
    told = tell(
        say("a", 1, customer="1", telegram="t1"),
        say("b", 2, customer="2", telegram="t1"),
        say("c", 3, customer="2", telegram="t2"),
    )
    assert loss(told, "b", "telegram:t1") == Cause(RELEASED, named("c"), ("telegram:t1",))


def test_an_identifier_of_retracted_evidence_alone_is_told_with_the_retraction() -> None:
    gone = LeftOut(say("g", 3, web="v1"), named("undo"))
    found = find_loss(tell(), [], "web:v1", Background(left_out=[gone]))
    assert found == Cause(RETRACTED, named("g"), ("web:v1",), directive=named("undo"))


# ---- for all histories


@settings(max_examples=150, deadline=None)
@given(history=histories())
def test_every_reason_is_true(history: History) -> None:
    """Whatever the history: two contacts have a reason, and what it says of events and identifiers can be seen."""
    statements, rules = history
    told, background = retell(statements, SCHEMA, combine(rules)), Background(rules)
    contacts = list(told.excerpt.contacts.values())
    for mine in contacts:
        for theirs in contacts:
            if mine is not theirs:
                found = find_causes(told, mine, theirs, background)
                assert found
                for cause in found:
                    check(told, cause, {mine.handle, theirs.handle})


def check(told: Retelling, cause: Cause, handles: set[bytes]) -> None:
    deed = told.deeds.get(cause.event or b"")
    if deed is not None:
        assert told.excerpt.present_handle(deed.handle) in handles
    if cause.kind in {AMBIGUOUS, IGNORED, ONLY_FIRST, NOT_ANONYMOUS, NOT_MATCHED}:
        assert deed is not None
        assert {*cause.identifiers} <= {*deed.statement.identifiers}
    if cause.kind == KEY_DIFFERS:
        values = {told.deeds[event].statement.values[cause.attribute] for event in cause.events}
        assert len(values) == 2
    if cause.kind in {SEPARATED, SET_ASIDE}:
        one, other = cause.identifiers[-2:]
        assert other in told.excerpt.rules.apart[one]
        assert cause.directive is not None


@settings(max_examples=150, deadline=None)
@given(history=histories())
def test_whatever_a_contact_names_and_does_not_own_has_a_reason(history: History) -> None:
    statements, rules = history
    told, background = retell(statements, SCHEMA, combine(rules)), Background(rules)
    for contact in told.excerpt.contacts.values():
        deeds = told.deeds_of(contact)
        holds = held(contact, SCHEMA, told.excerpt.rules.shared)
        for identifier in contact.named | contact.shared:
            cause = find_loss(told, deeds, identifier, background)
            assert cause.kind != NEVER_TOGETHER
            assert cause.event in {deed.statement.event_id for deed in deeds}
            assert identifier in cause.identifiers
            met = {KEY_DIFFERS, SEPARATED, TOO_MANY, NOT_MATCHED, ONLY_FIRST, NOT_ANONYMOUS, OWNED}
            assert (identifier in holds) == (cause.kind in met)
