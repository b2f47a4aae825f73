"""Which contacts a rebuild has written, of those it folds anew."""

from contactfold.domain.directory import Claim, Component, Contact
from contactfold.domain.event import Statement
from contactfold.domain.excerpt import Excerpt
from contactfold.domain.rebuild import Past, rebuild
from contactfold.domain.step import step
from contactfold.wire import read_event
from oracle.real import NOW, SCHEMA


def said(member: str, second: int, **more: object) -> Statement:
    """A statement about one of some people who have one phone number and different keys."""
    values = {"member_id": member, "phone": ["+14155550100"], "first_name": f"at {second}"}
    payload = {"id": f"{member}-{second}", "source": "shop", "occurred_at": f"2026-01-01T00:00:{second}Z"}
    statement = read_event({**payload, "values": values, **more}, SCHEMA, source="shop", id="", received_at=NOW)
    assert isinstance(statement, Statement)
    return statement


def stored(statements: list[Statement]) -> tuple[Excerpt, list[Past]]:
    """What these statements leave, as it is loaded again; and their evidence."""
    excerpt = Excerpt(SCHEMA)
    past = [Past(statement, step(excerpt, statement)[1]) for statement in statements]
    objects: list[Contact | Claim | Component] = [*excerpt.contacts.values(), *excerpt.claims.values()]
    for one in [*objects, *excerpt.components.values()]:
        one.version = 1
    excerpt.touched.clear()
    excerpt.touched_claims.clear()
    excerpt.touched_components.clear()
    return excerpt, past


def written(excerpt: Excerpt) -> set[object]:
    """The keys of whom the excerpt writes."""
    return {excerpt.contacts[handle].single["member_id"][1] for handle in excerpt.touched}


def members(excerpt: Excerpt) -> list[Contact]:
    """The contacts as they are there now."""
    return list(excerpt.contacts.values())


def test_of_people_who_hang_together_only_those_are_written_who_change() -> None:
    excerpt, past = stored([said("a", 10), said("b", 20), said("c", 30)])
    rebuild(excerpt, members(excerpt), past, [said("b", 25)])
    assert written(excerpt) == {"b"}
    assert len(excerpt.touched_components) == 1


def test_one_who_hangs_together_with_nobody_is_written_also_where_nothing_changes() -> None:
    excerpt, past = stored([said("a", 20)])
    rebuild(excerpt, members(excerpt), past, [])
    assert written(excerpt) == {"a"}


def test_those_between_whom_evidence_is_moved_are_written_also_where_nothing_else_changes() -> None:
    """A stage of another processor's moves evidence and writes no component: whoever moves it back must collide."""
    excerpt, past = stored([said("a", 10), said("a", 11), said("b", 20), said("c", 30)])
    first, moved = past[:2]
    other = next(contact.handle for contact in members(excerpt) if contact.single["member_id"][1] == "b")
    seen = [Past(one.statement, other) if one is moved else one for one in past]
    rebuild(excerpt, members(excerpt), seen, [said("c", 25)])
    assert [fate.handle for fate in excerpt.fates] == [first.handle]
    assert written(excerpt) == {"a", "b", "c"}


def test_what_was_changed_before_is_written_also_where_a_rebuild_leaves_it_so() -> None:
    excerpt, past = stored([said("a", 10), said("b", 20), said("c", 30)])
    late = said("b", 25)
    ((_, handle),) = rebuild(excerpt, members(excerpt), past, [late]).values()
    rebuild(excerpt, members(excerpt), [*past, Past(late, handle)], [])
    assert written(excerpt) == {"b"}
