"""A rule book takes rules in as they come; what they amount to must not depend on how."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from contactfold.domain.directives import Rule, RuleBook, combine
from contactfold.domain.event import ERASE, SEPARATE, SHARE
from contactfold.domain.stamp import EventId, Stamp

names = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=3, unique=True).map(tuple)
rules = st.builds(
    lambda number, kind, identifiers, in_force: make_rule(number, kind, identifiers, in_force=in_force),
    st.integers(1, 6),
    st.sampled_from([SEPARATE, SHARE, ERASE]),
    names,
    st.booleans(),
)


def make_rule(number: int, kind: str, identifiers: Sequence[str], *, in_force: bool = True) -> Rule:
    """A rule of the directive with this number."""
    name = number.to_bytes(16, "big")
    return Rule(EventId(name), Stamp(name), kind, tuple(identifiers), in_force, number)


@given(st.lists(st.lists(rules, max_size=4), max_size=5))
def test_rules_amount_to_the_same_however_they_were_taken(batches: list[list[Rule]]) -> None:
    book = RuleBook()
    latest: dict[EventId, Rule] = {}
    for batch in batches:
        latest.update({rule.directive: rule for rule in batch})
        expected = combine(latest.values())
        assert book.with_changes(batch) == expected
        book.take(batch)
        assert book.rules == expected
