"""Whoever forges what a page says overwrites nothing and joins no two people: through a real log and processor."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.pages import ADMIN_KEY, Readers
from e2e.processes import serving
from servers.commands import eventually

SITE = "https://www.shop.example"
CONFIG = f"""
sources:
  site: {{allowed_origins: ["{SITE}"], rate_limit: 10000}}
  few: {{allowed_origins: ["{SITE}"], rate_limit: 2}}
"""
_numbers = itertools.count(1)


class Forger:
    """Somebody with curl who knows people's addresses, and a site's name."""

    def __init__(self, address: str, readers: Readers) -> None:
        self._client = httpx.Client(base_url=address, timeout=30)
        self._readers = readers

    def say(self, values: dict[str, Any], *, visitor: str | None = None, source: str = "site", **more: Any) -> str:
        """Say it, and return the visitor's mark once the directory has heard."""
        mark = visitor or f"forged-{next(_numbers)}"
        body = {"source": source, "visitor_id": mark, "values": values, **more}
        reply = self._client.post("/intercept", json=body, headers={"origin": SITE})
        assert reply.status_code == 202, reply.text
        if visitor is None:
            eventually(lambda: self._readers.find(f"web:{mark}") is not None)
        return mark

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config: Path = tmp_path_factory.mktemp("forged") / "contactfold.yaml"
    config.write_text(CONFIG)
    with serving("up", config=config, admin_key=ADMIN_KEY) as service:
        yield service.address


@pytest.fixture
def readers(address: str) -> Iterator[Readers]:
    made = Readers(address)
    yield made
    made.close()


@pytest.fixture
def forger(address: str, readers: Readers) -> Iterator[Forger]:
    made = Forger(address, readers)
    yield made
    made.close()


class Victim:
    """A person the directory knows, by an address at least."""

    def __init__(self, readers: Readers, **values: Any) -> None:
        self.number = next(_numbers)
        self.email = f"victim-{self.number}@example.com"
        self._readers = readers
        readers.send(
            "crm",
            f"v-{self.number}",
            values={"email": self.email, "first_name": "Ann", **values},
            organization={"account_id": f"A-{self.number}", "name": "Office Mart"},
        )
        self.before = self.look()

    def look(self) -> dict[str, Any]:
        """The contact, but for the marks of visitors and the time of the last statement."""
        found = self._readers.find(f"email:{self.email}")
        assert found is not None
        values = {key: value for key, value in found["values"].items() if key != "web"}
        identifiers = [one for one in found["identifiers"] if not one.startswith("web:")]
        contested = [one for one in found["contested"] if not one.startswith("web:")]
        kept = {"id": found["id"], "created_at": found["created_at"], "organizations": found["organizations"]}
        return {**kept, "values": values, "identifiers": identifiers, "contested": contested}


def full_of(number: int) -> dict[str, Any]:
    """Values such that nothing a page would say is empty."""
    return {
        "external_customer_id": f"c-{number}",
        "phone_number": f"+1415555{number:04}",
        "city": "Porto",
        "labels": ["vip"],
    }


FORGED = {
    "another name": {"first_name": "Eve"},
    "another key": {"external_customer_id": "eve"},
    "another phone": {"phone_number": "+14155559999"},
    "other labels": {"labels": ["evil"]},
    "deletions": {"first_name": "", "city": "", "labels": [], "phone_number": "", "external_customer_id": ""},
    "every name of a field": {"First name": "Eve", "CITY": "Rome", "Customer": "x"},
}


@pytest.mark.parametrize("values", FORGED.values(), ids=FORGED)
def test_who_names_somebody_s_address_overwrites_nothing(
    readers: Readers, forger: Forger, values: dict[str, Any]
) -> None:
    victim = Victim(readers, **full_of(next(_numbers)))
    forger.say({"email": victim.email, **values})
    assert victim.look() == victim.before


def test_who_names_two_people_joins_them_neither_at_once_nor_one_after_the_other(
    readers: Readers, forger: Forger
) -> None:
    ann, bob = (Victim(readers, **full_of(next(_numbers))) for _ in range(2))
    forger.say({"email": ann.email, "phone_number": bob.before["values"]["phone_number"][0]})
    forger.say({"email": bob.email, "external_customer_id": ann.before["values"]["external_customer_id"]})
    mark = forger.say({"email": ann.email})
    forger.say({"email": bob.email}, visitor=mark)
    forger.say({"email": ann.email}, visitor=mark)
    forger.say({"email": ann.email})  # returns when all of it is applied
    eventually(lambda: f"web:{mark}" in whole(readers, bob)["contested"])
    assert (ann.look(), bob.look()) == (ann.before, bob.before)
    assert ann.before["id"] != bob.before["id"]


def whole(readers: Readers, victim: Victim) -> dict[str, Any]:
    found = readers.find(f"email:{victim.email}")
    assert found is not None
    return found


def test_who_sends_directives_ids_times_and_organisations_is_not_heard(readers: Readers, forger: Forger) -> None:
    victim = Victim(readers, **full_of(next(_numbers)))
    forger.say(
        {"email": victim.email, "first_name": "Eve"},
        id=f"v-{victim.number}",
        type="contact.erase",
        identifier=f"email:{victim.email}",
        identifiers=[f"email:{victim.email}", "email:eve@example.com"],
        action="replace",
        on_many="merge",
        occurred_at="1999-01-01T00:00:00Z",
        organization={"account_id": f"A-{victim.number}", "name": "Evil Mart"},
    )
    assert victim.look() == victim.before
    assert readers.get(f"/v1/organizations/A-{victim.number}")["fields"]["name"] == "Office Mart"


def test_who_repeats_it_changes_no_more(readers: Readers, forger: Forger) -> None:
    victim = Victim(readers, **full_of(next(_numbers)))
    mark = forger.say({"email": victim.email, "first_name": "Eve"})
    for _ in range(20):
        forger.say({"email": victim.email, "first_name": "Eve"}, visitor=mark)
    forger.say({"email": victim.email})
    assert victim.look() == victim.before


def test_who_speaks_first_is_overwritten_by_who_has_a_key(readers: Readers, forger: Forger) -> None:
    email = f"early-{next(_numbers)}@example.com"
    forger.say({"email": email, "first_name": "Eve"})
    readers.send("crm", email, values={"email": email, "first_name": "Ann"})
    found = readers.find(f"email:{email}")
    assert found is not None
    assert found["values"]["first_name"] == "Ann"


# ------------------------------------------------- what honest systems say afterwards, and the visitor's own page


def test_people_of_whom_little_is_known_stay_two_when_a_system_with_a_key_says_more_of_them(
    readers: Readers, forger: Forger
) -> None:
    """A page names one kind of identifier, so none that is empty is filled for a later event to be joined by."""
    kay, lee = Victim(readers, first_name="Kay"), Victim(readers, first_name="Lee")
    number, key = f"+1415557{next(_numbers):04}", f"k-{next(_numbers)}"
    mark = forger.say({"email": kay.email})
    forger.say({"phone_number": number, "external_customer_id": key}, visitor=mark)
    forger.say({"email": kay.email, "phone_number": number, "external_customer_id": key, "telegram": "lee"})
    readers.send("crm", f"more-{lee.number}", values={"email": lee.email, "phone_number": number})
    readers.send("crm", f"key-{lee.number}", values={"email": lee.email, "external_customer_id": key})
    readers.send("crm", f"chat-{lee.number}", values={"email": lee.email, "telegram": "lee"})
    readers.send("crm", f"kay-{kay.number}", values={"email": kay.email})
    assert kay.look() == kay.before
    after = lee.look()
    assert (after["id"], after["values"]["first_name"], after["contested"]) == (lee.before["id"], "Lee", [])
    assert after["identifiers"] == sorted(
        [f"email:{lee.email}", f"external_customer_id:{key}", f"phone_number:{number}", "telegram:lee"]
    )


def test_who_says_it_of_a_visitor_first_and_names_the_person_then_overwrites_nothing(
    readers: Readers, forger: Forger
) -> None:
    """What joins a person brings nothing but the mark: of two single values the later would be kept."""
    victim = Victim(readers, **full_of(next(_numbers)))
    mark = forger.say({"first_name": "Eve", "last_name": "Evil", "labels": ["evil"], "city": "Rome"})
    forger.say({"email": "unknown", "first_name": "Eve"}, visitor=mark)  # a placeholder names nobody
    forger.say({"email": "", "title": "Eve"}, visitor=mark)
    forger.say({"email": victim.email}, visitor=mark)
    forger.say({"email": victim.email})  # returns when all of it is applied
    assert victim.look() == victim.before
    assert f"web:{mark}" in whole(readers, victim)["identifiers"]


def test_a_mark_that_a_server_passes_on_joins_nobody_where_its_event_is_matched_by_the_address(
    readers: Readers, forger: Forger
) -> None:
    """Somebody signs up as himself, in a browser whose mark he has put on the victim before."""
    victim = Victim(readers)
    mark = forger.say({"email": victim.email})
    eve = f"eve-{victim.number}@example.com"
    said = {"email": eve, "web": mark, "external_customer_id": f"e-{victim.number}", "first_name": "Eve"}
    readers.send("shop", f"signed-{victim.number}", values=said, match_on=["external_customer_id", "email"])
    assert victim.look() == victim.before
    found = readers.find(f"email:{eve}")
    assert found is not None
    assert found["id"] != victim.before["id"]
    assert found["contested"] == [f"web:{mark}"]


def test_what_a_forged_page_can_do_is_fill_what_is_empty_and_that_can_be_taken_back(
    readers: Readers, forger: Forger
) -> None:
    """This is the limit of what docs/doors/intercept.md promises."""
    victim = Victim(readers)
    mark = forger.say({"email": victim.email, "city": "Rome", "labels": ["evil"]})
    assert victim.look()["values"] == {**victim.before["values"], "city": "Rome", "labels": ["evil"]}
    evidence = readers.get(f"/v1/contacts/{victim.before['id']}/evidence")["items"]
    (forged,) = (one["event_id"] for one in evidence if one["source"] == "site")
    readers.send("desk", mark, "/v1/retract", events=[forged])
    assert victim.look() == victim.before


def test_what_is_said_first_of_an_address_comes_along_when_a_system_with_a_key_gives_it_to_somebody(
    readers: Readers, forger: Forger
) -> None:
    """The other limit: two contacts become one as any two do, and of single values the later is kept."""
    victim = Victim(readers)
    second = f"second-{victim.number}@example.com"
    mark = forger.say({"email": second, "first_name": "Eve"})
    readers.send("crm", f"both-{victim.number}", values={"email": [victim.email, second]})
    assert victim.look()["values"]["first_name"] == "Eve"
    found = readers.get(f"/v1/contacts/{victim.before['id']}/evidence")["items"]
    (forged,) = (one["event_id"] for one in found if one["source"] == "site")
    readers.send("desk", mark, "/v1/retract", events=[forged])
    assert victim.look()["values"] == {**victim.before["values"], "email": [victim.email, second]}


def test_behind_a_proxy_each_visitor_s_address_has_its_own_rate(address: str) -> None:
    """The proxy on this machine adds the address that it sees last; what stands before it is the sender's own tale."""

    def post(forwarded: str) -> int:
        headers = {"origin": SITE, "x-forwarded-for": forwarded}
        return httpx.post(f"{address}/intercept", json={"source": "few"}, headers=headers, timeout=60).status_code

    # One more may be taken where the clock's minute turns meanwhile.
    assert {post("203.0.113.1") for _ in range(4)} == {202, 429}
    assert post("198.51.100.7, 203.0.113.1") == 429
    assert post("203.0.113.2") == 202
