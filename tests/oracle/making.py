"""What the events of random histories say: few people, few identifiers, every action, policy and directive.

Directives name identifiers that the history uses, and some that it does not; a retraction names events by their
place in the history (statements, directives, itself, later ones, and places where no event will ever stand), half
of them by how far they stand before it, so that many retractions are themselves taken back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracle.choosing import Chooser
from oracle.ruling import ERASE, RETRACT, SEPARATE, SHARE

Event = dict[str, Any]


@dataclass(frozen=True)
class Mode:
    """What kind of histories: plain events only, or everything; how many values an identifier may have."""

    name: str
    plain: bool
    pool: int
    per_event: int = 2
    keys: int = 25
    """Percent of events that name a customer: many keep people apart who share everything else."""
    rulings: int = 0
    """Percent of events that are separations, shares and retractions."""
    rows: int = 20
    """Percent of statements that are rows of an import, where there are rulings, and of retractions that name one."""
    erasures: int = 0
    """Percent of events that are erasures."""


PLAIN = Mode("plain", plain=True, pool=4)
SPARSE = Mode("sparse", plain=True, pool=12)
EVERYTHING = Mode("everything", plain=False, pool=4)
SCATTERED = Mode("scattered", plain=False, pool=10)
CROWDED = Mode("crowded", plain=False, pool=3, per_event=3)
CLASHING = Mode("clashing", plain=False, pool=12, keys=75)
RULED_PLAIN = Mode("ruled plain", plain=True, pool=6, rulings=20)
RULED = Mode("ruled", plain=False, pool=4, rulings=25)
RULED_SPARSE = Mode("ruled sparse", plain=False, pool=12, rulings=20)
RULED_ROWS = Mode("ruled rows", plain=True, pool=6, rulings=30, rows=75)
ERASED_PLAIN = Mode("erased plain", plain=True, pool=6, erasures=15)
ERASED = Mode("erased", plain=False, pool=5, rulings=15, erasures=15)
MODES = (PLAIN, SPARSE, EVERYTHING, SCATTERED, CROWDED, CLASHING)
RULED_MODES = (RULED_PLAIN, RULED, RULED_SPARSE, RULED_ROWS)
ERASED_MODES = (ERASED_PLAIN, ERASED)

MAILS: tuple[Callable[[int], str], ...] = (
    lambda n: f"p{n}@x.com",
    lambda n: f"P{n}@x.com",
    lambda n: f"p{n}@X.COM",
    lambda n: f" p{n}@x.com ",
)
JUNK = {"email": "N/A", "web": "-", "phone": "+5555555555", "telegram": "Unknown", "customer_id": "000"}
IDENTIFYING = ("customer_id", "email", "web", "phone", "telegram", "member_id")


def make_event(choose: Chooser, mode: Mode, span: int, size: int) -> Event:
    """One event without its id, somewhere within `span` seconds, of a history of about `size` events."""
    event: Event = {"source": choose.one_of(("shop", "shop", "crm")), "occurred_at": choose.number(0, span)}
    if mode.rulings and choose.chance(mode.rulings):
        return event | _make_ruling(choose, mode, size)
    if mode.erasures and choose.chance(mode.erasures):
        return event | {"type": ERASE, "identifier": _name(choose, mode)}
    if mode.rulings and choose.chance(mode.rows):
        event["import"] = {"id": choose.one_of(("i1", "i1", "i2")), "row": choose.number(0, 9)}
    values = _make_values(choose, mode)
    if not mode.plain:
        _bend_policy(choose, event, values)
        _bend_values(choose, values)
    if choose.chance(8):
        event["organization"] = _make_organization(choose)
    if not mode.plain and choose.chance(4):
        event["received_at"] = choose.number(0, span)
    event["values"] = values
    return event


def _make_ruling(choose: Chooser, mode: Mode, size: int) -> Event:
    """A separation, a share or a retraction; now and then one that must be refused."""
    kind = choose.one_of((SEPARATE, SEPARATE, SHARE, RETRACT, RETRACT))
    if kind == RETRACT:
        if choose.chance(mode.rows):
            return {"type": kind, "import": choose.one_of(("i1", "i1", "i2", "i3"))}
        return {"type": kind, "events": [_place(choose, size) for _ in range(choose.one_of((1, 1, 2, 3)))]}
    names = [_name(choose, mode) for _ in range(choose.one_of((2, 2, 3)) if kind == SEPARATE else choose.number(1, 2))]
    if choose.chance(2):
        names.append(choose.one_of(("first_name:Ann", "shoe_size:44", "email:", "no-colon")))
    return {"type": kind, "identifiers": names}


def _place(choose: Chooser, size: int) -> int:
    """A place in the history, or one of the last few before the retraction's own, as a negative number."""
    return -choose.number(1, 3) if choose.chance(50) else choose.number(0, size)


def _name(choose: Chooser, mode: Mode) -> str:
    """An identifier as a directive names it: most events use it, or nobody does."""
    kind = choose.one_of(("email", "email", "email", "phone", "web", "customer_id", "telegram", "member_id"))
    number = choose.number(0, mode.pool)
    if kind == "email":
        mail = choose.one_of(MAILS) if choose.chance(10) else MAILS[0]
        return f"{kind}:{mail(number)}"
    patterns = {"phone": f"+1415555{number + 100:04}", "web": f"v{number}", "telegram": f"@t{number}"}
    return f"{kind}:{patterns.get(kind, f'm{number}' if kind == 'member_id' else str(number or 1))}"


def _make_values(choose: Chooser, mode: Mode) -> dict[str, Any]:
    values = _make_identifiers(choose, mode)
    if not values:
        values["email"] = MAILS[0](choose.number(0, mode.pool - 1))
    if choose.chance(35):
        values["first_name"] = choose.one_of(("Ann", "Bob", "Eve"))
    if choose.chance(20):
        values["labels"] = [f"l{choose.number(0, 3)}" for _ in range(choose.number(1, mode.per_event))]
    return values


def _make_identifiers(choose: Chooser, mode: Mode) -> dict[str, Any]:
    def several(make: Callable[[int], Any]) -> Any:
        values = [make(choose.number(0, mode.pool - 1)) for _ in range(choose.number(1, mode.per_event))]
        return values[0] if len(values) == 1 else values

    values: dict[str, Any] = {}
    if choose.chance(75):
        values["email"] = several(choose.one_of(MAILS) if choose.chance(25) else MAILS[0])
    if choose.chance(mode.keys):
        number = choose.number(1, mode.pool)
        values["customer_id"] = number if choose.chance(20) else str(number)
    if choose.chance(25):
        values["phone"] = several(lambda n: f"+1415555{n + 100:04}")
    if choose.chance(20):
        values["web"] = several(lambda n: f"v{n}")
    if choose.chance(8):
        values["member_id"] = f"m{choose.number(1, 2)}"
    if not mode.plain and choose.chance(12):
        values["telegram"] = f"@t{choose.number(0, mode.pool - 1)}"
    return values


def _bend_policy(choose: Chooser, event: Event, values: dict[str, Any]) -> None:
    """Actions and policies that are not the plain ones."""
    if choose.chance(40):
        event["action"] = choose.one_of(("append", "update", "replace", "ignore"))
    if choose.chance(20):
        names = [key for key in IDENTIFYING if key in values] if choose.chance(80) else list(IDENTIFYING)
        event["match_on"] = [key for key in names if choose.chance(60)] or names[:1]
    if choose.chance(25):
        event["on_many"] = choose.one_of(("merge", "first", "reject", "anonymous"))


def _bend_values(choose: Chooser, values: dict[str, Any]) -> None:
    """Deletions, junk, faults and unknown keys."""
    for key in (*IDENTIFYING, "first_name", "labels"):
        if key not in values and choose.chance(5):
            values[key] = choose.one_of(("", [])) if key in ("email", "labels") else ""
    if choose.chance(5):
        key = choose.one_of(tuple(JUNK))
        present = values.get(key)
        if key in ("email", "web", "phone"):
            others = [] if present in (None, "") else present if isinstance(present, list) else [present]
            values[key] = [JUNK[key], *others]
        else:
            values[key] = JUNK[key]
    if choose.chance(3):
        values["email"] = choose.one_of(("no mail", ["p1@x.com", "two@@x.com"]))
    if choose.chance(3):
        values["shoe_size"] = 44
    if choose.chance(2):
        values["first_name"] = None


def _make_organization(choose: Chooser) -> dict[str, Any]:
    organization: dict[str, Any] = {"account_id": choose.one_of(("A-1", "A-2"))}
    if choose.chance(60):
        organization["name"] = choose.one_of(("Office", "Mart", ""))
    if choose.chance(20):
        organization["city"] = choose.one_of(("Rome", "Oslo"))
    return organization
