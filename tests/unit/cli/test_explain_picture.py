"""The picture that `contactfold explain` draws."""

from typing import Any

from contactfold_cli.explaining import draw

ANN, WEB, PHONE = "email:ann@x.com", "web:v-1", "phone_number:+14155550199"


def end(identifier: str | None = None, event: str | None = None, contact: str | None = "C1") -> dict[str, Any]:
    return {"identifier": identifier, "event_id": event, "contact_id": contact}


def step(
    message: str, before: list[str] | None = None, after: list[str] | None = None, apart: list[Any] | None = None
) -> dict[str, Any]:
    return {
        "occurred_at": "T1",
        "message": message,
        "before": before or [],
        "after": after or [],
        "kept_apart": apart or [],
    }


def told(**members: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "id": "C1",
        "a": None,
        "b": None,
        "joined": True,
        "since": None,
        "steps": [],
        "others": 0,
        "apart": [],
    }
    return {**empty, "incomplete": None, **members}


def test_a_chain_goes_from_end_to_end() -> None:
    steps = [step("One named both.", [ANN], [WEB]), step("Two named both.", [WEB], [PHONE])]
    assert list(draw(told(a=end(ANN), b=end(PHONE), since="T2", steps=steps))) == [
        "email:ann@x.com",
        "   │",
        "   ●  T1  One named both.",
        "   │",
        "web:v-1",
        "   │",
        "   ●  T1  Two named both.",
        "   │",
        "phone_number:+14155550199",
        "",
        "They are one contact, C1, since T2.",
    ]


def test_ends_that_are_events_are_named_by_their_ids() -> None:
    lines = list(draw(told(a=end(event="E1"), b=end(event="E2"), since="T2", steps=[step("x.", [], [])])))
    assert (lines[0], lines[4]) == ("event E1", "event E2")


def test_a_sentence_is_wrapped_to_the_terminal_and_stays_at_its_place() -> None:
    steps = [step("One named one thing and another thing.", [ANN], [WEB])]
    lines = list(draw(told(a=end(ANN), b=end(WEB), since="T2", steps=steps), 30))
    assert lines[2:5] == ["   ●  T1  One named one thing", "   │  and another thing.", "   │"]


def test_the_story_of_one_contact_is_a_tree_with_whom_it_did_not_join() -> None:
    steps = [step("One made it."), step("Two met another.", apart=[{"contact_id": "C2", "message": "Keys differ."}])]
    assert list(draw(told(steps=steps))) == [
        "contact C1",
        "├─ T1  One made it.",
        "└─ T1  Two met another.",
        "      It did not join contact C2: Keys differ.",
    ]
    assert list(draw(told(steps=steps, others=1)))[-1] == "└─ One more event changed nothing of who is who."
    assert list(draw(told(steps=steps, others=7)))[-1] == "└─ 7 more events changed nothing of who is who."


def test_two_contacts_are_told_with_every_reason() -> None:
    apart = [{"message": "Keys differ."}, {"message": "A directive separates them."}]
    assert list(draw(told(a=end(ANN), b=end(WEB, contact=None), joined=False, apart=apart))) == [
        "They are not one contact:",
        "   email:ann@x.com, of contact C1",
        "   web:v-1, of nobody",
        "",
        " - Keys differ.",
        " - A directive separates them.",
    ]


def test_what_is_nobodys_is_told_once() -> None:
    nobody = told(a=end(ANN, contact=None), b=end(ANN, contact=None), joined=False, apart=[{"message": "Never named."}])
    assert list(draw(nobody)) == ["It is no contact's:", "   email:ann@x.com, of nobody", "", " - Never named."]


def test_what_is_not_all_says_so() -> None:
    assert list(draw(told(incomplete="Only some.")))[-2:] == ["", "Only some."]


def test_one_contact_whose_story_cannot_be_told_is_one_all_the_same() -> None:
    lines = list(draw(told(a=end(ANN), b=end(WEB), incomplete="Somebody was erased.")))
    assert lines == ["They are one contact, C1.", "", "Somebody was erased."]


def test_a_value_cannot_move_the_cursor_or_change_colours() -> None:
    steps = [step("One named web:\x1b[2J\u202e.", ["web:\x1b[2J"], [ANN])]
    drawn = "".join(draw(told(a=end("web:\x1b[2J"), b=end(ANN), since="T2", steps=steps)))
    assert drawn.isprintable()
    assert "web:\\x1b[2J" in drawn
