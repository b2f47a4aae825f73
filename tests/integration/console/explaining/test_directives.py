"""What directives do to explanations: every separation, share, retraction and erasure is named where it decided."""

from typing import Any

import httpx

from contactfold.adapters.sqlite_directory import SqliteDirectory
from integration.console.folding import fold, id_of, ruled, said

ANN, WEB, PHONE = "email:zqann@x.com", "web:zqweb", "phone_number:+14155557701"
JOINED = [
    said("a", 1, {"email": "zqann@x.com"}),
    said("b", 2, {"web": "zqweb", "phone_number": "+14155557701"}),
    said("c", 3, {"email": "zqann@x.com", "web": "zqweb"}),
]


async def get(client: httpx.AsyncClient, name: str, what: str, **asked: str) -> dict[str, Any]:
    reply = await client.get(f"/v1/contacts/{id_of(name)}/{what}", params=asked)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def test_a_separation_is_named_where_it_keeps_two_apart(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, [*JOINED, ruled("split", 4, "contact.separate", identifiers=[ANN, WEB])])
    told = await get(unmasked, "a", "explain", a=ANN, b=WEB)
    assert (told["joined"], told["incomplete"]) == (False, None)
    (why,) = told["apart"]
    assert (why["code"], why["directive"], why["event"]["id"]) == ("set_aside", id_of("split", "desk"), "c")
    assert (
        why["message"] == f"Event c of shop named {ANN} and {WEB}, but the directive {why['directive']} separates them."
    )
    (aside,) = (await get(unmasked, "a", "provenance"))["not_held"]
    assert (aside["identifier"], aside["owner"], aside["code"]) == (WEB, id_of("b"), "set_aside")
    assert aside["directive"] == id_of("split", "desk")


async def test_a_separation_of_what_never_met_is_named_without_an_event(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, [*JOINED[:2], ruled("split", 4, "contact.separate", identifiers=[ANN, WEB])])
    (why,) = (await get(unmasked, "a", "explain", b=WEB))["apart"]
    assert (why["code"], why["event"], why["directive"]) == ("separated", None, id_of("split", "desk"))


async def test_a_share_is_named_for_both_who_have_what_identifies_nobody(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    events = [
        said("a", 1, {"email": "zqann@x.com", "phone_number": "+14155557701"}),
        said("b", 2, {"email": "zqbob@x.com", "phone_number": "+14155557701"}),
    ]
    await fold(directory, events)
    assert (await get(unmasked, "a", "explain", b=id_of("b")))["joined"]
    await fold(directory, [ruled("switchboard", 3, "identifier.share", identifiers=[PHONE])])
    told = await get(unmasked, "a", "explain", b=id_of("b"))
    (why,) = told["apart"]
    assert (why["code"], why["identifiers"], why["directive"]) == ("shared", [PHONE], id_of("switchboard", "desk"))
    (shared,) = (await get(unmasked, "a", "explain", b=PHONE))["apart"]
    assert (shared["code"], shared["directive"]) == ("shared", id_of("switchboard", "desk"))
    provenance = await get(unmasked, "a", "provenance")
    assert [(one["identifier"], one["code"]) for one in provenance["not_held"]] == [(PHONE, "shared")]
    assert provenance["contested"] == []


async def test_a_retraction_is_named_where_the_event_would_have_joined(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, [*JOINED, ruled("undo", 4, "event.retract", events=[id_of("c")])])
    (why,) = (await get(unmasked, "a", "explain", a=ANN, b=WEB))["apart"]
    assert (why["code"], why["event"]["id"], why["directive"]) == ("retracted", "c", id_of("undo", "desk"))
    assert why["message"] == (
        f"Event c of shop named {ANN} and {WEB}, but the directive {id_of('undo', 'desk')} retracts it."
    )
    (lost,) = (await get(unmasked, "a", "explain", b=id_of("c")))["apart"]
    assert (lost["code"], lost["directive"]) == ("retracted", id_of("undo", "desk"))


async def test_a_retraction_taken_back_is_named_no_more(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    undo = ruled("undo", 4, "event.retract", events=[id_of("c")])
    redo = ruled("redo", 5, "event.retract", events=[id_of("undo", "desk")])
    await fold(directory, [*JOINED, undo, redo])
    told = await get(unmasked, "a", "explain", a=ANN, b=WEB)
    assert ([step["id"] for step in told["steps"]], told["apart"]) == (["c"], [])
    again = ruled("again", 6, "event.retract", events=[id_of("c")])
    await fold(directory, [again])
    (why,) = (await get(unmasked, "a", "explain", a=ANN, b=WEB))["apart"]
    assert why["directive"] == id_of("again", "desk")


async def test_of_two_retractions_the_one_in_force_is_named(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    undo = ruled("undo", 4, "event.retract", events=[id_of("c")])
    again = ruled("again", 5, "event.retract", events=[id_of("c")])
    redo = ruled("redo", 6, "event.retract", events=[id_of("again", "desk")])
    await fold(directory, [*JOINED, undo, again, redo])
    (why,) = (await get(unmasked, "a", "explain", a=ANN, b=WEB))["apart"]
    assert why["directive"] == id_of("undo", "desk")


async def test_evidence_tells_that_it_is_retracted_and_by_what(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, [*JOINED, ruled("undo", 4, "event.retract", events=[id_of("c")])])
    items = (await get(unmasked, "a", "evidence"))["items"]
    assert [(one["id"], one["retracted"], one["retracted_by"]) for one in items] == [
        ("a", False, []),
        ("c", True, [id_of("undo", "desk")]),
    ]
    assert items[1]["outcome"]["status"] == "updated"


async def test_the_rows_of_a_retracted_import_are_told_with_its_retraction(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    row = said("c", 3, {"email": "zqann@x.com", "web": "zqweb"}, **{"import": {"id": "i-1", "row": 7}})
    await fold(directory, [*JOINED[:2], row, ruled("undo", 4, "event.retract", **{"import": "i-1"})])
    (why,) = (await get(unmasked, "a", "explain", a=ANN, b=WEB))["apart"]
    assert (why["code"], why["directive"]) == ("retracted", id_of("undo", "desk"))
    items = (await get(unmasked, "a", "evidence"))["items"]
    assert [(one["id"], one["retracted"], one["retracted_by"]) for one in items] == [
        ("a", False, []),
        ("c", True, [id_of("undo", "desk")]),
    ]


async def test_outcomes_stay_as_they_were_said_over_rebuilds_and_merges(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    """A late elder event, a merge, a separation and a retraction fold everybody anew; no outcome is said again."""
    await fold(directory, [*JOINED[1:], said("r", 9, {"web": "zqweb", "city": "Oslo"}, action="replace")])
    first = {one: (await evidence_of(unmasked, one))["outcome"] for one in ("b", "c", "r")}
    assert first["c"]["status"] == "updated"
    later = [
        [JOINED[0]],
        [said("m", 8, {"email": "zqann@x.com", "instagram": "zqinsta"})],
        [ruled("split", 10, "contact.separate", identifiers=[ANN, WEB])],
        [ruled("undo", 11, "event.retract", events=[id_of("b")])],
        [ruled("redo", 12, "event.retract", events=[id_of("undo", "desk")])],
        [ruled("share", 13, "identifier.share", identifiers=[WEB])],
    ]
    for events in later:
        await fold(directory, events)
        for one, said_then in first.items():
            assert (await evidence_of(unmasked, one))["outcome"] == said_then


async def evidence_of(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = (await get(client, name, "evidence"))["items"]
    return next(one for one in items if one["event_id"] == id_of(name))


async def test_an_erased_event_is_told_to_be_one_and_nothing_else_of_it(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    erase = ruled("erase", 4, "contact.erase", identifier=ANN)
    await fold(directory, [*JOINED, erase, said("new", 5, {"email": "zqann@x.com"})])
    for name in ("a", "b", "c"):
        reply = await unmasked.get(f"/v1/contacts/{id_of(name)}")
        assert (reply.status_code, reply.json()["detail"]) == (404, "The event of this id was erased.")
    told = await get(unmasked, "new", "explain", b=id_of("c"))
    (why,) = told["apart"]
    assert (told["joined"], why["code"], why["message"]) == (False, "erased", "The event of this id was erased.")
    story = await get(unmasked, "new", "explain")
    assert [step["id"] for step in story["steps"]] == ["new"]
    assert story["incomplete"] == (
        "Somebody who had to do with these contacts was erased, so not all of this can be told."
    )
    assert (await get(unmasked, "new", "provenance"))["not_held"] == []


async def test_what_an_erased_person_had_to_do_with_is_not_told_wrongly(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    """Without who was erased, the other's own evidence would claim what it never claimed."""
    events = [
        said("a", 1, {"external_customer_id": "K1", "email": "zqann@x.com"}),
        said("b", 2, {"external_customer_id": "K2", "email": "zqann@x.com"}),
        ruled("erase", 3, "contact.erase", identifier=ANN),
    ]
    await fold(directory, events)
    story = await get(unmasked, "b", "explain")
    assert (story["steps"], story["others"], story["incomplete"][:8]) == ([], 0, "Somebody")
    told = await get(unmasked, "b", "provenance")
    assert told["identifiers"] == [{"identifier": "external_customer_id:K2", "event": None}]
    assert [(one["identifier"], one["owner"], one["code"]) for one in told["contested"]] == [(ANN, None, None)]
    assert told["incomplete"] == story["incomplete"]
