"""A small directory for the console's tests: Ann, who was two contacts once, and Bob, who contests her address.

Every personal value of theirs is in `PERSONAL`, in forms that occur nowhere else, and so is whatever the events
hold that no schema vouches for: a reader without the scope `pii` must meet none of it.
"""

import msgspec

from contactfold.domain.directory import LINKS, Claim, Contact, Fragment, Said
from contactfold.domain.event import Scalar
from contactfold.domain.outcome import CREATED, IGNORED, UPDATED, Outcome, Reason
from contactfold.domain.schema import compared_by, default_schema, name_identifier
from contactfold.domain.stamp import EventId, Stamp, make_event_id, pack_stamp
from contactfold.ports import Changes, Evidence

SCHEMA = default_schema()
PARTITION = "contactfold.events/0"
DAY = 1_795_219_200_000_000
"""2026-11-21T00:00:00Z in microseconds."""

ANN = make_event_id("shop", "o-1")
ANN_ABSORBED = make_event_id("shop", "o-2")
ANN_ODD = make_event_id("shop", "o-3")
BOB = make_event_id("crm", "b-1")

ANN_VALUES: dict[str, Scalar | list[Scalar]] = {
    "external_customer_id": "zqcustomer",
    "first_name": "Zqfirst",
    "last_name": "Zqlast",
    "email": ["Zqmail@zqdomain.example", "zqother@zqdomain.example"],
    "phone_number": ["+14155557701"],
    "facebook": ["zqfacebook"],
    "whatsapp": ["+14155557702"],
    "instagram": ["zqinstagram"],
    "web": ["zqweb"],
    "voice": ["+14155557703"],
    "viber": ["zqviber"],
    "youtube": ["zqyoutube"],
    "linkedin": ["zqlinkedin"],
    "twitter": ["zqtwitter"],
    "telegram": ["zqtelegram"],
    "date_of_birth": "1977-03-09",
}
PUBLIC: dict[str, Scalar | list[Scalar]] = {"city": "Bergen", "labels": ["vip", "north"], "title": "Dr"}
ODD_EVENT = {
    "id": "o-3",
    "source": "shop",
    "type": "zqtype",
    "occurred_at": "zqtime",
    "action": "zqaction",
    "on_many": {"zqdeep": "zqdeep"},
    "match_on": ["email", "zqmatch"],
    "values": {
        "First Name": "zqodd",
        "emial": "zqtypo",
        "email": {"zqkey": ["zqnested"]},
        "city": {"zqcity": "zqcity"},
    },
    "remarks": [{"code": "junk", "field": "email", "position": 0, "message": "zqremark"}],
    "note": [["zqnote"]],
    "huge": 10**30,
}
PERSONAL = (
    *("zqcustomer", "zqfirst", "zqlast", "zqmail", "zqdomain", "zqother", "7701", "7702", "7703", "1977-03-09"),
    *("zqfacebook", "zqinstagram", "zqweb", "zqviber", "zqyoutube", "zqlinkedin", "zqtwitter", "zqtelegram"),
)
ODD = (
    "zqtype",
    "zqtime",
    "zqaction",
    "zqdeep",
    "zqmatch",
    "zqodd",
    "zqtypo",
    "zqnested",
    "zqremark",
    "zqnote",
)


def stamp(event_id: EventId, seconds: int) -> Stamp:
    """The stamp of an event so many seconds into the day."""
    return pack_stamp(DAY + seconds * 1_000_000, event_id)


def make_contact(
    event_id: EventId, seconds: int, values: dict[str, Scalar | list[Scalar]], source: str = "shop"
) -> Contact:
    """A contact that one event made, owning every identifier of its own."""
    at = stamp(event_id, seconds)
    contact = Contact(handle=event_id, id=event_id, birth=at, last=at, updated=at, size=1)
    for key, value in values.items():
        attribute = SCHEMA.by_key[key]
        if isinstance(value, list):
            contact.multi[key] = {
                compared_by(attribute, one): (at, place, one, source) for place, one in enumerate(value)
            }
        else:
            said: Said = (at, value, source)
            contact.single[key] = said
        if attribute.identifies:
            contact.owned |= {
                name_identifier(attribute, one) for one in (value if isinstance(value, list) else [value])
            }
    return contact


def make_evidence(
    source: str,
    own_id: str,
    seconds: int,
    handle: EventId,
    event: object,
    *,
    offset: int,
    outcome: Outcome | None = None,
) -> Evidence:
    """One event in evidence."""
    event_id = make_event_id(source, own_id)
    fate = outcome or Outcome(event_id, source, own_id, CREATED, handle)
    at = stamp(event_id, seconds)
    return Evidence(event_id, at, msgspec.json.encode(event), None, handle, fate, PARTITION, offset)


def stock() -> Changes:
    """Everything there is, as one batch would write it."""
    ann = make_contact(ANN, 1, ANN_VALUES | PUBLIC)
    ann.absorbed = [ANN_ABSORBED]
    ann.updated = ann.last = stamp(ANN_ODD, 3)
    ann.multi[LINKS] = {"A-1/ä": (ann.birth, 0, "A-1/ä", "shop")}
    bob = make_contact(BOB, 2, {"external_customer_id": "B-7", "city": "Oslo"}, "crm")
    contested: Scalar = "zqmail@zqdomain.example"
    bob.multi["email"] = {contested: (bob.birth, 0, contested, "crm")}
    bob.named = {"email:zqmail@zqdomain.example"}
    claims = [
        Claim(identifier, contact.handle, {contact.handle}) for contact in (ann, bob) for identifier in contact.owned
    ]
    claims.append(Claim("email:released@zqdomain.example", None, {ANN}))
    for claim in claims:
        if claim.identifier in bob.named:
            claim.mentions.add(BOB)
    fragment = Fragment("A-1/ä", PARTITION, ann.birth, {"name": (ann.birth, "Office Mart", "shop")})
    return Changes(contacts=[ann, bob], claims=claims, fragments=[fragment], evidence=list(_evidence()))


def _evidence() -> list[Evidence]:
    time = "2026-11-21T00:00:01.000000Z"
    told = {
        "id": "o-1",
        "source": "shop",
        "type": "contact.upsert",
        "occurred_at": time,
        "received_at": time,
        "match_on": ["email"],
        "values": ANN_VALUES | PUBLIC,
        "organization": {"account_id": "A-1/ä", "name": "Office Mart"},
    }
    merging = Outcome(make_event_id("shop", "o-2"), "shop", "o-2", UPDATED, ANN, merged=[ANN_ABSORBED])
    merging.contested = ["email:zqmail@zqdomain.example"]
    merging.set_aside = ["web:zqweb"]
    merging.over_limit = ["phone_number:+14155557701"]
    ignored = Outcome(ANN_ODD, "shop", "o-3", IGNORED, ANN)
    ignored.reasons = [
        Reason("invalid_string", "Text was expected.", "City"),
    ]
    ignored.ignored_fields = ("emial", "note")
    return [
        make_evidence("shop", "o-1", 1, ANN, told, offset=0),
        make_evidence(
            "shop", "o-2", 2, ANN_ABSORBED, {"values": {"email": "zqmail@zqdomain.example"}}, offset=1, outcome=merging
        ),
        make_evidence("shop", "o-3", 3, ANN, ODD_EVENT, offset=2, outcome=ignored),
        make_evidence("crm", "b-1", 2, BOB, {"values": {"external_customer_id": "B-7"}}, offset=3),
    ]
