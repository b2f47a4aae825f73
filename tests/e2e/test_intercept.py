"""The page script in a real browser: pages of a site, `contactfold up` behind them, and the directory they make."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

from e2e.pages import ADMIN_KEY, REFUSED, Readers, Site, Visit, showing
from e2e.processes import serving
from servers.chromium import browsing, browsing_untracked, find_chromium
from servers.commands import eventually
from servers.found import need

NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('not here') }})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing(need("Chromium", find_chromium)) as started:
        yield started


@pytest.fixture(scope="module")
def shop(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Shop"]:
    """A site, and a contactfold with keys that other machines reach, as one behind a public site is."""
    with ExitStack() as stack:
        site = stack.enter_context(showing())
        config: Path = tmp_path_factory.mktemp("intercept") / "contactfold.yaml"
        config.write_text(f"""
sources:
  site: {{allowed_origins: ["{site.shop}"], rate_limit: 10000}}
  news: {{allowed_origins: ["{site.shop}"], rate_limit: 10000}}
""")
        service = stack.enter_context(serving("up", config=config, admin_key=ADMIN_KEY, host="0.0.0.0"))
        readers = Readers(service.address)
        stack.callback(readers.close)
        yield Shop(site, service.address, readers)


class Shop:
    """The site with its pages."""

    def __init__(self, site: Site, contactfold: str, readers: Readers) -> None:
        self.site, self.contactfold, self.readers = site, contactfold, readers
        self.home = site.put("/", self.page())
        self.asking = site.put("/asking", self.page('data-consent="required"'))

    def page(self, attributes: str = "", before: str = "", source: str = "site") -> str:
        script = f'<script src="{self.contactfold}/intercept.js" data-source="{source}" {attributes}></script>'
        return f"<!doctype html><title>Shop</title>{before}{script}"

    def find(self, identifier: str) -> dict[str, Any]:
        """The contact with this identifier, once there is one."""
        eventually(lambda: self.readers.find(identifier) is not None)
        found = self.readers.find(identifier)
        assert found is not None
        return found

    def refusals(self) -> float:
        """How many requests the door has answered with 403."""
        lines = httpx.get(f"{self.contactfold}/metrics", timeout=60).text.splitlines()
        counted = 'contactfold_requests_total{door="intercept",status="403"} '
        return sum(float(line.removeprefix(counted)) for line in lines if line.startswith(counted))


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a page in a browser of its own; at the end none has thrown anything into its page."""
    visits: list[Visit] = []

    def make(*scripts: str, context: BrowserContext | None = None) -> Visit:
        own = context or browser.new_context()
        for script in scripts:
            own.add_init_script(script)
        visits.append(Visit(own))
        return visits[-1]

    yield make
    for made in visits:
        assert made.faults == []
        made.page.context.close()


Visits = Callable[..., Visit]


# ------------------------------------------------------------------------------------------------------ contacts


def test_a_page_visited_and_then_identified_is_one_contact(shop: Shop, visit: Visits) -> None:
    ann = visit().go(shop.home)
    assert re.fullmatch(r"[0-9a-f]{32}", ann.visitor or "")
    before = shop.find(f"web:{ann.visitor}")
    assert before["values"] == {"web": [ann.visitor]}
    ann.run("contactfold.identify({email: 'ann@example.com', 'First name': 'Ann'})")
    after = shop.find("email:ann@example.com")
    assert after["id"] == before["id"]
    assert after["values"] == {"email": ["ann@example.com"], "first_name": "Ann", "web": [ann.visitor]}


def test_two_browsers_identified_as_the_same_person_are_one_contact(shop: Shop, visit: Visits) -> None:
    desk, phone = visit().go(shop.home), visit().go(shop.home)
    apart = {shop.find(f"web:{one.visitor}")["id"] for one in (desk, phone)}
    assert len(apart) == 2
    for one in (desk, phone):
        one.run("contactfold.identify({email: 'bob@example.com', last_name: 'Bobson'})")
    eventually(lambda: len(shop.find("email:bob@example.com")["values"]["web"]) == 2)
    both = shop.find("email:bob@example.com")
    assert both["id"] in apart
    assert {shop.find(f"web:{one.visitor}")["id"] for one in (desk, phone)} == {both["id"]}


def test_a_person_the_directory_knows_is_recognised_and_not_overwritten(shop: Shop, visit: Visits) -> None:
    known = shop.readers.send("crm", "cyd", values={"email": "cyd@example.com", "first_name": "Cyd"})
    cyd = visit().go(shop.home)
    cyd.run("contactfold.identify({email: 'Cyd@example.com', first_name: 'Eve', city: 'Porto'})")
    eventually(lambda: "web" in shop.find("email:cyd@example.com")["values"])
    found = shop.find("email:cyd@example.com")
    assert (found["id"], found["values"]["first_name"], found["values"]["city"]) == (known, "Cyd", "Porto")


def test_after_a_reset_the_browser_is_another_visitor(shop: Shop, visit: Visits) -> None:
    kiosk = visit().go(shop.home)
    visitors = [kiosk.visitor]
    for name in ("dan", "eva"):
        kiosk.run("name => { contactfold.identify({email: name + '@example.com'}); contactfold.reset() }", name)
        visitors.append(kiosk.visitor)
    dan, eva = shop.find("email:dan@example.com"), shop.find("email:eva@example.com")
    assert dan["id"] != eva["id"]
    assert (dan["values"]["web"], eva["values"]["web"]) == ([visitors[0]], [visitors[1]])
    assert len(set(visitors)) == 3


def test_what_is_said_just_before_leaving_arrives(shop: Shop, visit: Visits) -> None:
    visit().go(shop.home).run("contactfold.identify({email: 'fay@example.com'}); location = '/gone'")
    assert shop.find("email:fay@example.com")["values"]["email"] == ["fay@example.com"]


# ------------------------------------------------------------------------------------------------------- consent


def test_without_consent_nothing_is_stored_or_sent_and_with_it_all_of_it_is(shop: Shop, visit: Visits) -> None:
    gil = visit().go(shop.asking)
    gil.run("contactfold.identify({email: 'gil@example.com'}); contactfold.visit()")
    gil.settle()
    assert (gil.sent, gil.stored(), gil.visitor) == ([], [], None)
    gil.run("contactfold.consent(true)")
    assert shop.find("email:gil@example.com")["values"]["web"] == [gil.visitor]
    gil.run("contactfold.consent(false); contactfold.identify({email: 'gil2@example.com'})")
    gil.settle()
    assert (len(gil.sent), gil.stored(), gil.visitor) == (1, [], None)


@pytest.mark.parametrize("answer", ["contactfold.consent(false)", "contactfold.consent()", "contactfold.consent('no')"])
def test_whoever_refuses_is_left_alone(shop: Shop, visit: Visits, answer: str) -> None:
    hal = visit().go(shop.asking)
    hal.run(f"contactfold.identify({{email: 'hal@example.com'}}); {answer}; contactfold.visit()")
    hal.settle()
    assert (hal.sent, hal.stored()) == ([], [])


def test_do_not_track_is_respected_whatever_the_page_says(
    shop: Shop, visit: Visits, browser: Browser, tmp_path: Path
) -> None:
    with browsing_untracked(browser, tmp_path / "profile") as context:
        ida = visit(context=context).go(shop.home)
        assert ida.run("navigator.doNotTrack") == "1"
        ida.run("contactfold.consent(true); contactfold.identify({email: 'ida@example.com'}); contactfold.visit()")
        ida.settle()
        assert (ida.sent, ida.stored(), ida.visitor) == ([], [], None)
        said = {"source": "site", "values": {"email": "ida@example.com"}}
        send = "([url, said]) => fetch(url, {method: 'POST', body: JSON.stringify(said)}).then(r => r.status)"
        assert ida.run(send, [f"{shop.contactfold}/intercept", said]) == 202, "the door sees what the browser sends"
    shop.readers.send("crm", "after ida", values={"email": "later@example.com"})
    assert shop.readers.find("email:ida@example.com") is None


def test_global_privacy_control_is_respected(shop: Shop, visit: Visits) -> None:
    jan = visit("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})").go(shop.home)
    jan.run("contactfold.identify({email: 'jan@example.com'})")
    jan.settle()
    assert (jan.sent, jan.stored()) == ([], [])


# ------------------------------------------------------------------------------------------------- other people's pages


def test_a_page_of_a_foreign_origin_is_refused_and_goes_on(shop: Shop, visit: Visits) -> None:
    before = shop.refusals()
    eve = visit().go(f"{shop.site.stranger}/")
    eve.run("contactfold.identify({email: 'kim@example.com'})")
    eve.settle()
    assert eve.answers == [REFUSED] * len(eve.sent)
    assert shop.refusals() - before == len(eve.sent) > 0
    assert shop.readers.find(f"web:{eve.visitor}") is None
    assert shop.readers.find("email:kim@example.com") is None


def test_a_page_of_an_allowed_origin_can_read_nothing_else(shop: Shop, visit: Visits) -> None:
    page = visit().go(shop.home)
    read = "url => fetch(url).then(r => r.status, e => e.name)"
    for path in ("/v1/contacts", "/v1/contacts?identifier=email:ann@example.com", "/metrics", "/openapi.json"):
        assert page.run(read, shop.contactfold + path) == "TypeError"


def test_json_from_a_page_of_an_allowed_origin_passes_the_preflight(shop: Shop, visit: Visits) -> None:
    page = visit().go(shop.home)
    send = """([url, body]) => fetch(url, {method: 'POST', body, headers: {'content-type': 'application/json'}})
        .then(r => r.json())"""
    reply = page.run(send, [f"{shop.contactfold}/intercept", '{"source": "site", "values": {"shoe": 4}}'])
    assert reply["ignored_fields"] == ["shoe"]
    assert shop.find(f"web:{reply['visitor_id']}")["values"] == {"web": [reply["visitor_id"]]}


def test_a_page_with_a_strict_policy_loses_nothing(shop: Shop, visit: Visits) -> None:
    """With calls made before the script is there."""
    policy = f"default-src 'none'; script-src 'self' {shop.contactfold}; connect-src {shop.contactfold}"
    policy += "; require-trusted-types-for 'script'; trusted-types 'none'"
    early = "window.contactfold = window.contactfold || []; contactfold.push(['identify', {email: 'lea@example.com'}])"
    shop.site.put("/early.js", early, "text/javascript")
    text = shop.page('crossorigin="anonymous"', '<script src="/early.js"></script>')
    lea = visit("addEventListener('securitypolicyviolation', e => { window.violated = e.violatedDirective })")
    lea.go(shop.site.put("/strict", text, content_security_policy=policy, cross_origin_embedder_policy="require-corp"))
    assert shop.find("email:lea@example.com")["values"]["web"] == [lea.visitor]
    lea.settle()
    assert (len(lea.sent), lea.run("window.violated ?? null")) == (1, None)


# ------------------------------------------------------------------------------------------------ storage and scripts


def test_what_is_known_is_not_told_again_page_after_page(shop: Shop, visit: Visits) -> None:
    mia = visit().go(shop.home)
    identify = "city => contactfold.identify({email: 'mia@example.com', city})"
    mia.run(identify, "Porto")
    mia.settle()
    visitor, before = mia.visitor, len(mia.sent)
    for _ in range(3):
        mia.go(shop.home).run(identify, "Porto")
        mia.settle()
    assert (len(mia.sent), mia.visitor) == (before, visitor)
    mia.run(identify, "Lisbon")
    mia.settle()
    assert [one["city"] for one in mia.told] == ["Porto", "Lisbon"]


@pytest.mark.parametrize(("days", "kept"), [(394, True), (396, False), (-2, False)])
def test_a_visitor_s_id_is_kept_for_thirteen_months(shop: Shop, visit: Visits, days: int, kept: bool) -> None:
    nan = visit().go(shop.site.put("/blank", "<!doctype html>"))
    old = "0123456789abcdef0123456789abcdef"
    nan.run("([id, days]) => localStorage.setItem('contactfold', `${id}.${Date.now() - days * 864e5}`)", [old, days])
    assert (nan.go(shop.home).visitor == old) is kept


def test_without_storage_a_cookie_keeps_the_visitor(shop: Shop, visit: Visits) -> None:
    ole = visit(NO_STORAGE).go(shop.home)
    visitor = ole.visitor
    (cookie,) = ole.page.context.cookies()
    assert (cookie["name"], cookie["value"].split(".")[0], cookie["sameSite"]) == ("contactfold", visitor, "Lax")
    days = (cookie["expires"] - ole.run("Date.now() / 1000")) / 86_400
    assert 390 < days <= 396
    assert ole.go(shop.home).visitor == visitor
    assert shop.find(f"web:{visitor}")["values"] == {"web": [visitor]}
    ole.run("contactfold.consent(false)")
    assert ole.page.context.cookies() == []


def test_several_scripts_on_a_page_are_one_visitor(shop: Shop, visit: Visits) -> None:
    """The same one twice says nothing twice; one of another source hears all that was said."""
    both = shop.page(before=shop.page() + shop.page(source="news"))
    pia = visit().go(shop.site.put("/both", both))
    pia.run("contactfold.identify({email: 'pia@example.com'})")
    pia.settle()
    assert pia.told == [{"email": "pia@example.com"}] * 2
    assert {one["source"] for one in pia.sent if one["values"]} == {"site", "news"}
    assert {one["visitor_id"] for one in pia.sent} == {pia.visitor}


def test_a_script_that_need_not_tell_visits_waits_for_a_name(shop: Shop, visit: Visits) -> None:
    rex = visit().go(shop.site.put("/silent", shop.page('data-visit="off" async')))
    rex.settle()
    assert rex.sent == []
    rex.run("contactfold.identify({email: 'rex@example.com'})")
    assert shop.find("email:rex@example.com")["values"]["web"] == [rex.visitor]


def test_nothing_is_ever_thrown_into_the_page(shop: Shop, visit: Visits, tmp_path: Path) -> None:
    page = visit().go(shop.home)
    page.run("""() => {
        const round = {}; round.round = round;
        for (const odd of [undefined, null, 5, 'x', [], round, {a: 10n}, () => 1, Symbol('x'), new Date(NaN)]) {
            for (const name of Object.keys(contactfold)) { contactfold[name](odd); contactfold.push([name, odd]); }
        }
    }""")
    page.settle()
    for script in (NO_STORAGE, "delete window.fetch", "delete window.crypto; window.crypto = undefined"):
        visit(script, "window.contactfold = 5").go(shop.home).settle()
    gone = "<!doctype html><script src='http://127.0.0.1:9/intercept.js' data-source='site'></script>"
    visit().go(shop.site.put("/away", gone))
    file = tmp_path / "page.html"
    file.write_text(shop.page())
    local = visit().go(file.as_uri())
    local.hear()
    local.settle()
    assert set(local.answers) == {REFUSED}, "a page without an origin is nobody's"
