"""Small histories to retell: few identifiers, every action and policy, and rules over some of the identifiers."""

from typing import Any, TypeAlias

from hypothesis import strategies as st

from contactfold.domain.directives import Rule, combine
from contactfold.domain.event import ACTIONS, ON_MANY, SEPARATE, SHARE, Statement
from contactfold.domain.identity import list_identifiers
from contactfold.domain.retelling import Retelling, retell
from contactfold.domain.schema import Attribute, Schema
from contactfold.domain.stamp import EventId, make_event_id, pack_stamp

History: TypeAlias = tuple[list[Statement], list[Rule]]

SCHEMA = Schema(
    (
        Attribute("customer", "Customer", is_key=True, pii=True),
        Attribute("email", "Email", "email", channel="email", multi=True, pii=True, max_values=3),
        Attribute("web", "Web", channel="web", multi=True, anonymous=True),
        Attribute("telegram", "Telegram", channel="telegram"),
        Attribute("city", "City"),
    )
)


def say(name: str, seconds: float, **said: Any) -> Statement:
    """A statement called `name` of the source `shop`; policies are given as `action_`, `on_many_` and `match_on_`."""
    event_id = make_event_id("shop", name)
    policies = {key[:-1]: said.pop(key) for key in ("action_", "on_many_", "match_on_") if key in said}
    values = {key: tuple(given) if isinstance(given, list) else (given,) for key, given in said.items()}
    stamp = pack_stamp(int(seconds * 1_000_000), event_id)
    return Statement(event_id, stamp, "shop", name, 0, values, list_identifiers(values, SCHEMA), **policies)


def named(name: str) -> EventId:
    """The id of the statement called `name`."""
    return make_event_id("shop", name)


def rule(name: str, kind: str, *identifiers: str, in_force: bool = True) -> Rule:
    """A rule made by the directive called `name`."""
    event_id = make_event_id("desk", name)
    return Rule(event_id, pack_stamp(0, event_id), kind, identifiers, in_force, 1)


def tell(*statements: Statement, rules: list[Rule] | None = None) -> Retelling:
    """Retell statements under rules."""
    return retell(statements, SCHEMA, combine(rules or []))


_POOL = {
    "customer": st.sampled_from(["1", "2"]),
    "email": st.lists(st.sampled_from([f"p{n}@x.com" for n in range(4)]), min_size=1, max_size=2, unique=True),
    "web": st.lists(st.sampled_from(["v1", "v2"]), min_size=1, max_size=2, unique=True),
    "telegram": st.sampled_from(["t1", "t2"]),
}
_IDENTIFIERS = [f"email:p{n}@x.com" for n in range(4)] + ["web:v1", "web:v2", "telegram:t1", "customer:1"]


@st.composite
def _statements(draw: st.DrawFn, number: int) -> Statement:
    chosen = draw(st.lists(st.sampled_from(sorted(_POOL)), min_size=1, max_size=2, unique=True))
    said: dict[str, Any] = {key: draw(_POOL[key]) for key in chosen}
    absent = [key for key in _POOL if key not in chosen]
    if draw(st.integers(0, 9)) == 0:
        said[draw(st.sampled_from(absent))] = []
    if draw(st.integers(0, 2)) == 0:
        said["action_"] = draw(st.sampled_from(ACTIONS))
    if draw(st.integers(0, 2)) == 0:
        said["on_many_"] = draw(st.sampled_from(ON_MANY))
    if draw(st.integers(0, 4)) == 0:
        said["match_on_"] = tuple(draw(st.lists(st.sampled_from(sorted(_POOL)), min_size=1, max_size=2, unique=True)))
    return say(f"e{number}", draw(st.integers(0, 9)), **said)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to twelve statements in the order of their stamps, and up to two rules in force."""
    count = draw(st.integers(1, 12))
    statements = sorted((draw(_statements(number)) for number in range(count)), key=lambda each: each.stamp)
    rules = []
    for number in range(draw(st.integers(0, 2))):
        two = draw(st.lists(st.sampled_from(_IDENTIFIERS), min_size=2, max_size=2, unique=True))
        kind = draw(st.sampled_from([SEPARATE, SEPARATE, SHARE]))
        rules.append(rule(f"r{number}", kind, *two[: 1 if kind == SHARE else 2]))
    return statements, rules
