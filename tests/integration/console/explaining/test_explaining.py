"""Why two things are one contact, or why not, over HTTP, of directories that the processor has folded."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold_console import explaining, gathering, history_models, owning
from integration.console.folding import fold, id_of, said

ANN, PHONE, WEB = "email:zqann@x.com", "phone_number:+14155557701", "web:zqweb"

JOINING = [
    said("a", 1, {"email": "zqann@x.com", "first_name": "Zqann"}),
    said("b", 2, {"phone_number": "+14155557701", "web": "zqweb", "city": "Bergen"}),
    said("c", 3, {"email": "zqann@x.com", "phone_number": "+14155557701"}),
    said("d", 4, {"email": "zqann@x.com", "web": "zqweb"}),
]


async def ask(client: httpx.AsyncClient, name: str, **asked: str) -> dict[str, Any]:
    """The explanation of the contact of an event."""
    reply = await client.get(f"/v1/contacts/{id_of(name)}/explain", params=asked)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    assert history_models.Explanation.model_validate(body, strict=True).model_dump() == body
    return body


async def provenance(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    reply = await client.get(f"/v1/contacts/{id_of(name)}/provenance")
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    assert history_models.ContactProvenance.model_validate(body, strict=True).model_dump() == body
    return body


# ---- one contact


async def test_a_chain_tells_each_event_and_what_it_shares_with_the_next(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, JOINING)
    told = await ask(unmasked, "a", a=ANN, b=WEB)
    assert (told["id"], told["joined"], told["since"]) == (id_of("a"), True, "2026-11-21T00:00:03.000000Z")
    assert told["a"] == {"identifier": ANN, "event_id": None, "contact_id": id_of("a")}
    assert told["b"] == {"identifier": WEB, "event_id": None, "contact_id": id_of("a")}
    assert [(step["id"], step["before"], step["after"], step["did"]) for step in told["steps"]] == [
        ("c", [ANN], [PHONE], "merged"),
        ("b", [PHONE], [WEB], "created"),
    ]
    assert told["steps"][0]["event_id"] == id_of("c")
    assert told["steps"][0]["source"] == "shop"
    assert told["steps"][0]["occurred_at"] == "2026-11-21T00:00:03.000000Z"
    assert told["steps"][0]["merged"] == [id_of("b")]
    assert [step["message"] for step in told["steps"]] == [
        f"Event c of shop named {ANN} and {PHONE}, which 2 contacts owned, and made them one.",
        f"Event b of shop made the contact and claimed {PHONE} and {WEB}.",
    ]
    assert (told["apart"], told["incomplete"]) == ([], None)


async def test_events_are_ends_too_and_one_end_alone_is_asked_about_with_the_contact(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, JOINING)
    told = await ask(unmasked, "b", a=id_of("b"), b=id_of("a").lower())
    assert [step["id"] for step in told["steps"]] == ["b", "c", "a"]
    assert told["a"] == {"identifier": None, "event_id": id_of("b"), "contact_id": id_of("a")}
    alone = await ask(unmasked, "a", a=WEB)
    assert (alone["a"]["identifier"], alone["b"]["event_id"]) == (WEB, id_of("a"))
    other = await ask(unmasked, "a", b=WEB)
    assert (other["a"]["event_id"], other["b"]["identifier"]) == (id_of("a"), WEB)
    assert [step["id"] for step in other["steps"]] == [step["id"] for step in alone["steps"]][::-1] == ["a", "c", "b"]


async def test_without_ends_every_event_that_decided_is_told_in_order(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, JOINING)
    told = await ask(unmasked, "b")
    assert [(step["id"], step["did"]) for step in told["steps"]] == [
        ("a", "created"),
        ("b", "created"),
        ("c", "merged"),
    ]
    assert (told["others"], told["a"], told["b"], told["since"]) == (1, None, None, None)
    assert told["steps"][2]["recognised_by"] == [ANN, PHONE]
    assert told["steps"][0]["claimed"] == [ANN]


async def test_the_story_is_that_of_the_order_things_happened_in_not_of_arrival(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, JOINING[::-1])
    assert [step["id"] for step in (await ask(unmasked, "d"))["steps"]] == ["a", "b", "c"]


# ---- two contacts


async def test_two_contacts_are_told_apart_with_the_event_and_the_keys(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    events = [
        said("a", 1, {"external_customer_id": "1", "email": "zqann@x.com"}),
        said("b", 2, {"external_customer_id": "2", "web": "zqweb"}),
        said("c", 3, {"email": "zqann@x.com", "web": "zqweb"}),
    ]
    await fold(directory, events)
    told = await ask(unmasked, "a", a=ANN, b=WEB)
    assert (told["joined"], told["steps"], told["since"]) == (False, [], None)
    assert (told["a"]["contact_id"], told["b"]["contact_id"]) == (id_of("a"), id_of("b"))
    (why,) = told["apart"]
    assert (why["code"], why["attribute"], why["event"]["id"]) == ("key_differs", "external_customer_id", "c")
    assert [event["id"] for event in why["events"]] == ["a", "b"]
    assert why["message"] == (
        f"Event c of shop named {WEB} of the other contact, but their values of external_customer_id differ "
        "(a of shop gave one, b of shop the other)."
    )
    (kept,) = (await ask(unmasked, "a"))["steps"][-1]["kept_apart"]
    assert (kept["contact_id"], kept["code"]) == (id_of("b"), "key_differs")


async def test_who_never_met_is_told_so(unmasked: httpx.AsyncClient, directory: SqliteDirectory) -> None:
    await fold(directory, [said("a", 1, {"email": "zqann@x.com"}), said("b", 2, {"web": "zqweb"})])
    told = await ask(unmasked, "a", b=id_of("b"))
    assert [why["code"] for why in told["apart"]] == ["never_together"]


async def test_an_identifier_that_nobody_owns_is_told_with_what_became_of_it(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    events = [
        said("a", 1, {"email": ["zqann@x.com", "zqold@x.com"]}),
        said("b", 2, {"email": "zqann@x.com"}, action="replace"),
    ]
    await fold(directory, events)
    told = await ask(unmasked, "a", a="email:zqold@x.com")
    assert (told["joined"], told["a"]["contact_id"]) == (False, None)
    assert [(why["code"], why["event"]["id"]) for why in told["apart"]] == [("released", "b")]
    never = await ask(unmasked, "a", a="email:never@x.com")
    assert [why["code"] for why in never["apart"]] == ["never_together"]
    assert never["apart"][0]["message"] == "No event that counts has named email:never@x.com."


async def test_an_event_that_was_refused_is_told_so(unmasked: httpx.AsyncClient, directory: SqliteDirectory) -> None:
    await fold(directory, [said("a", 1, {"email": "zqann@x.com"}), said("b", 2, {"email": "nobody"})])
    told = await ask(unmasked, "a", b=id_of("b"))
    assert [why["message"] for why in told["apart"]] == ["Event b of shop was refused, so it is part of no contact."]
    reply = await unmasked.get(f"/v1/contacts/{id_of('b')}")
    assert reply.status_code == 404
    assert reply.json()["detail"] == "Event b of shop was refused, so it is part of no contact."


# ---- what cannot be answered


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("text", ["", "zqann", "email:", "email:n/a", "city:Bergen", "0" * 25, "\0", "x" * 2000])
async def test_an_end_that_is_neither_identifier_nor_id_is_422(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory, name: str, text: str
) -> None:
    await fold(directory, JOINING)
    reply = await unmasked.get(f"/v1/contacts/{id_of('a')}/explain", params={name: text})
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    assert reply.json()["reasons"][0]["field"] == name
    assert text == "" or text not in reply.json()["detail"]


async def test_an_event_that_is_not_in_evidence_is_404(unmasked: httpx.AsyncClient, directory: SqliteDirectory) -> None:
    await fold(directory, JOINING)
    reply = await unmasked.get(f"/v1/contacts/{id_of('a')}/explain", params={"b": id_of("nobody")})
    assert (reply.status_code, reply.json()["type"]) == (404, "urn:contactfold:problem:event_not_found")


async def test_more_evidence_than_may_be_looked_through_is_refused_with_a_sentence(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, [said(f"e{n}", n, {"email": "zqann@x.com", "city": f"C{n}"}) for n in range(11)])
    reply = await unmasked.get(f"/v1/contacts/{id_of('e0')}/explain")
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:contactfold:problem:too_much_evidence")
    assert reply.json()["detail"].startswith("11 pieces of evidence hang together here, and at most 10 are retold")
    told = await provenance(unmasked, "e0")
    assert told["identifiers"] == [{"identifier": ANN, "event": None}]
    assert told["provenance"]["city"]["value"] == "C10"
    assert told["incomplete"] == reply.json()["detail"]


@pytest.mark.parametrize("together", [0, 1, 2])
async def test_evidence_is_read_in_pages_of_any_size(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """Contacts that hang together, some larger than what is read at once and some smaller."""
    monkeypatch.setattr(gathering, "_TOGETHER", together)
    monkeypatch.setattr(gathering, "_PAGE", 2)
    others = [
        said(f"o{n}", 5 + n, {"external_customer_id": f"K{n}", "email": "zqann@x.com", "city": "Oslo"})
        for n in range(4)
    ]
    await fold(directory, [*JOINING, *others])
    assert (await provenance(unmasked, "o0"))["incomplete"] is None
    told = await ask(unmasked, "a", b=id_of("o3"))
    assert [(why["code"], why["event"]["id"]) for why in told["apart"]] == [("key_differs", "o3")]
    assert told["incomplete"] is None


async def test_evidence_past_so_many_bytes_is_refused_with_a_sentence(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_BYTES", 1 << 20)
    await fold(directory, [said(f"e{n}", n, {"email": "zqann@x.com", "city": "C" * 400_000}) for n in range(3)])
    reply = await unmasked.get(f"/v1/contacts/{id_of('e0')}/explain")
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("The evidence that hangs together here is larger than 1 MiB")


async def test_a_long_story_is_cut_with_a_sentence(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "STEPS", 2)
    await fold(directory, JOINING)
    told = await ask(unmasked, "a")
    assert ([step["id"] for step in told["steps"]], told["others"]) == (["a", "b"], 2)
    assert told["incomplete"] == "Only the first 2 steps are told."


# ---- provenance


async def test_provenance_tells_which_event_claimed_each_identifier_and_what_merged(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    await fold(directory, JOINING)
    told = await provenance(unmasked, "a")
    assert [(one["identifier"], one["event"]["id"]) for one in told["identifiers"]] == [
        (ANN, "a"),
        (PHONE, "b"),
        (WEB, "b"),
    ]
    (merge,) = told["merges"]
    assert (merge["id"], merge["merged"], merge["through"]) == ("c", [id_of("b")], [ANN, PHONE])
    assert (told["contested"], told["not_held"], told["incomplete"]) == ([], [], None)


async def test_provenance_tells_who_owns_what_is_contested_and_why(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory
) -> None:
    events = [
        said("a", 1, {"external_customer_id": "1", "email": "zqann@x.com"}),
        said("b", 2, {"external_customer_id": "2", "email": "zqann@x.com"}),
    ]
    await fold(directory, events)
    (contested,) = (await provenance(unmasked, "b"))["contested"]
    assert (contested["identifier"], contested["owner"], contested["code"]) == (ANN, id_of("a"), "key_differs")
    assert contested["event"]["id"] == "b"
    assert contested["message"] == (
        f"Event b of shop named {ANN}, which another contact owned, and did not make them one: their values of "
        "external_customer_id differ (b of shop gave one, a of shop the other)."
    )


async def test_provenance_tells_what_became_of_identifiers_it_does_not_hold(
    unmasked: httpx.AsyncClient, directory: SqliteDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = [f"zq{n:02}@x.com" for n in range(11)]
    events = [
        said("a", 1, {"email": mails, "web": ["zqweb", "zqold"]}),
        said("b", 2, {"email": mails[0], "web": "zqnew"}, action="update"),
        said("c", 3, {"email": [mails[0], "zqnew@x.com"]}, action="ignore"),
        said("d", 4, {"email": mails[0], "web": ""}),
    ]
    await fold(directory, events)
    told = await provenance(unmasked, "a")
    found = {one["identifier"]: (one["code"], one["event"]["id"], one["owner"]) for one in told["not_held"]}
    assert found == {
        "email:zq10@x.com": ("over_limit", "a", None),
        "email:zqnew@x.com": ("ignored", "c", None),
        "web:zqnew": ("released", "d", None),
        "web:zqold": ("released", "d", None),
        "web:zqweb": ("released", "d", None),
    }
    monkeypatch.setattr(owning, "NAMES", 2)
    told = await provenance(unmasked, "a")
    assert [one["identifier"] for one in told["not_held"]] == ["email:zq10@x.com", "email:zqnew@x.com"]
    assert told["incomplete"] == "Only the first 2 identifiers that it does not hold are told."


# ---- masking


async def test_nothing_personal_is_told_without_the_scope(
    client: Callable[[str], httpx.AsyncClient], directory: SqliteDirectory
) -> None:
    events = [*JOINING, said("e", 5, {"external_customer_id": "zqone", "web": "zqweb"})]
    events += [said("f", 6, {"external_customer_id": "zqtwo", "email": "zqann@x.com", "instagram": "zqinsta"})]
    await fold(directory, events)
    masked, unmasked = client("read"), client("read-pii")
    asked: list[tuple[str, dict[str, str]]] = [
        ("explain", {}),
        ("explain", {"a": ANN, "b": WEB}),
        ("explain", {"b": id_of("f")}),
        ("explain", {"b": "instagram:zqinsta"}),
        ("explain", {"b": "instagram:zqnever"}),
        ("provenance", {}),
    ]
    for name in ("a", "f"):
        for what, query in asked:
            reply = await masked.get(f"/v1/contacts/{id_of(name)}/{what}", params=query)
            assert reply.status_code == 200
            assert "zq" not in reply.text.casefold()
            assert "7701" not in reply.text
            whole = await unmasked.get(f"/v1/contacts/{id_of(name)}/{what}", params=query)
            assert "zq" in whole.text
    step = (await masked.get(f"/v1/contacts/{id_of('a')}/explain")).json()["steps"][0]
    assert step["message"] == "Event a of shop made the contact and claimed email:***."
