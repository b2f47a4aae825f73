"""What only HTTPS has: conditional requests, logins, redirects and where they may lead, certificates, proxies."""

import base64
import gzip
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp.resolver import ThreadedResolver

from contactfold.locations import Location
from contactfold_ingest.schedules.stores import (
    FileAway,
    FileRefused,
    RemoteFile,
    Store,
    StoreAway,
    StoreError,
    StoreRefused,
)
from contactfold_ingest.schedules.stores.public_addresses import is_public
from integration.schedules.stores.sites import Opened, variables
from servers.https import Answer, HttpsServer
from servers.relay import Relay

PEOPLE = b"email,first_name\nann@example.com,Ann\n"
LIMIT = 1 << 20

At = Callable[..., Store]


@pytest.fixture
def server(https_server: HttpsServer) -> HttpsServer:
    https_server.pages.clear()
    https_server.asked.clear()
    return https_server


@pytest.fixture
def at(server: HttpsServer, open_site: Opened) -> At:
    """Opens the store of a path."""

    def open_path(path: str, **settings: Any) -> Store:
        settings = {"ca_file": str(server.ca_file)} | settings
        return open_site(Location(url=f"{server.url}{path}", **settings))

    return open_path


def redirect(target: str, status: int = 302) -> Callable[[dict[str, str]], Answer]:
    return lambda _: (status, {"Location": target}, b"")


async def test_the_file_is_found_and_fetched_whole(server: HttpsServer, at: At, tmp_path: Path) -> None:
    server.put("/exports/people%20of%20today.csv", PEOPLE)
    store = at("/exports/people%20of%20today.csv?sig=a%2Fb%3D")
    (file,) = await store.list("*.xlsx")
    assert (file.name, file.size) == ("people of today.csv", len(PEOPLE))
    assert file.modified is not None
    assert file.tag is not None
    assert await store.fetch(file, tmp_path / "copy", LIMIT) == sha256(PEOPLE).hexdigest()
    assert {path for path, _ in server.asked} == {"/exports/people%20of%20today.csv?sig=a%2Fb%3D"}


async def test_a_file_that_was_seen_is_asked_for_under_the_condition_that_it_is_new(
    server: HttpsServer, at: At
) -> None:
    server.put("/people.csv", PEOPLE)
    store = at("/people.csv")
    (file,) = await store.list("*")
    assert await store.list("*", seen=file) == [file]
    assert server.asked[-1][1]["if-none-match"] == file.tag
    server.put("/people.csv", PEOPLE * 2)
    (newer,) = await store.list("*", seen=file)
    assert newer != file
    timed = RemoteFile("people.csv", 5, 1_700_000_000_000_000)
    await store.list("*", seen=timed)
    assert server.asked[-1][1]["if-modified-since"] == "Tue, 14 Nov 2023 22:13:20 GMT"


async def test_a_file_of_another_length_than_a_moment_before_is_left_for_later(
    server: HttpsServer, at: At, tmp_path: Path
) -> None:
    server.put("/people.csv", PEOPLE)
    store = at("/people.csv")
    (file,) = await store.list("*")
    server.put("/people.csv", PEOPLE * 2)
    with pytest.raises(FileAway, match=r"^people\.csv has changed since it was found"):
        await store.fetch(file, tmp_path / "copy", LIMIT)


async def test_a_file_over_the_limit_is_refused_whether_its_length_is_told_or_not(
    server: HttpsServer, at: At, tmp_path: Path
) -> None:
    server.put("/told.csv", PEOPLE)
    packed = gzip.compress(bytes(10_000_000))
    server.pages["/bomb.csv"] = lambda _: (200, {"Content-Encoding": "gzip"}, packed)
    for path, size in (("/told.csv", len(PEOPLE)), ("/bomb.csv", None)):
        store = at(path)
        (file,) = await store.list("*")
        assert file.size == size
        with pytest.raises(FileRefused, match=r"has .*, and a file to import may have 30 "):
            await store.fetch(file, tmp_path / "copy", 30)
        assert not (tmp_path / "copy").exists()


async def test_a_file_is_never_moved_or_removed(server: HttpsServer, at: At) -> None:
    server.put("/people.csv", PEOPLE)
    store = at("/people.csv")
    (file,) = await store.list("*")
    for work in (store.archive(file, "done"), store.delete(file)):
        with pytest.raises(StoreRefused, match="can only be read"):
            await work


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"token": "t0ken"}, "authorization", "Bearer t0ken"),
        (
            {"username": "ann", "password": "pa:ß"},
            "authorization",
            "Basic " + base64.b64encode("ann:pa:ß".encode()).decode(),
        ),
        ({"headers": {"X-Api-Key": "k3y"}}, "x-api-key", "k3y"),
    ],
    ids=["token", "basic", "header"],
)
async def test_a_login_is_sent_to_the_server_and_to_no_other(
    server: HttpsServer, at: At, settings: dict[str, Any], header: str, value: str
) -> None:
    server.put("/people.csv", PEOPLE)
    server.pages["/own"] = redirect("/people.csv")
    await at("/own", **settings).list("*")
    assert [headers.get(header) for _, headers in server.asked] == [value, value]
    server.asked.clear()
    with Relay(server.port) as other:  # another port is another server
        server.pages["/away"] = redirect(f"https://localhost:{other.port}/people.csv")
        await at("/away", **settings).list("*")
    assert [headers.get(header) for _, headers in server.asked] == [value, None]


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1:{port}/people.csv",
        "https://[::1]:{port}/people.csv",
        "https://[::ffff:127.0.0.1]:{port}/people.csv",
        "https://2130706433:{port}/people.csv",
        "https://127.1:{port}/people.csv",
        "https://0x7f.0.0.1:{port}/people.csv",
        "https://localhost.:{port}/people.csv",
        "https://10.0.0.1/people.csv",
        "https://169.254.169.254/latest/meta-data/",
        "https://[64:ff9b::7f00:1]/people.csv",
        "http://localhost:{port}/people.csv",
        "http://example.com/people.csv",
        "ftp://example.com/people.csv",
        "file:///etc/passwd",
        "https://ann:secret@localhost:{port}/people.csv",
        "",
    ],
)
async def test_a_redirect_never_leads_inside_or_out_of_https(server: HttpsServer, at: At, target: str) -> None:
    server.put("/people.csv", PEOPLE)
    server.pages["/start"] = redirect(target.format(port=server.port))
    with pytest.raises(StoreError, match=r"redirects|cannot be found|cannot be used") as told:
        await at("/start").list("*")
    assert "secret" not in str(told.value)
    assert [path for path, _ in server.asked] == ["/start"]


async def test_a_redirect_to_a_name_of_an_address_inside_is_refused_where_the_connection_is_made(
    server: HttpsServer, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ThreadedResolver.resolve

    async def resolve(self: ThreadedResolver, host: str, *rest: Any) -> Any:  # a name server that somebody else runs
        return await real(self, "localhost" if host == "files.example.com" else host, *rest)

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    server.pages["/start"] = redirect(f"https://files.example.com:{server.port}/people.csv")
    with pytest.raises(StoreRefused, match=r"redirects to files\.example\.com, which is no public address"):
        await at("/start").list("*")


async def test_a_circle_of_redirects_ends(server: HttpsServer, at: At) -> None:
    server.pages["/circle"] = redirect("/circle", 307)
    with pytest.raises(StoreRefused, match=r"redirects more than 5 times\.$"):
        await at("/circle").list("*")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, StoreRefused), (403, StoreRefused), (404, StoreRefused), (410, StoreRefused), (418, StoreRefused),
        (204, StoreRefused), (304, StoreRefused), (300, StoreRefused), (408, StoreAway), (429, StoreAway),
        (500, StoreAway), (503, StoreAway),
    ],
)  # fmt: skip
async def test_what_a_server_answers_decides_whether_to_try_again(
    server: HttpsServer, at: At, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    server.pages["/people.csv"] = lambda _: (status, {}, b"")
    store = at("/people.csv?token=secret")
    for work in (store.list("*"), store.fetch(RemoteFile("people.csv"), tmp_path / "copy", LIMIT)):
        with pytest.raises(kind, match=rf"\(it answers {status}\)\.$") as told:
            await work
        assert "secret" not in str(told.value)


async def test_a_certificate_that_nobody_vouches_for_is_refused(server: HttpsServer, at: At, tmp_path: Path) -> None:
    server.put("/people.csv", PEOPLE)
    with pytest.raises(StoreRefused, match="shows a certificate that cannot be trusted"):
        await at("/people.csv", ca_file=None).list("*")
    (tmp_path / "empty.pem").write_bytes(b"no certificate")
    for path in (tmp_path / "absent.pem", tmp_path / "empty.pem"):
        with pytest.raises(StoreRefused, match=r"\(`ca_file`\) holds no certificates that can be read\.$"):
            await at("/people.csv", ca_file=str(path)).list("*")
    assert server.asked == []


async def test_a_proxy_is_used_as_the_environment_says(server: HttpsServer, at: At) -> None:
    server.put("/people.csv", PEOPLE)
    with variables(HTTPS_PROXY=None, https_proxy="http://ann:secret@127.0.0.1:1", NO_PROXY=None, no_proxy=None):
        with pytest.raises(StoreAway) as told:
            await at("/people.csv").list("*")
        assert "secret" not in str(told.value)
        with variables(no_proxy="localhost"):
            assert len(await at("/people.csv").list("*")) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False),
        ("224.0.0.1", False), ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fd00::1", False),
        ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:7f00:1::", False), ("no address", False),
    ],
)  # fmt: skip
def test_public_addresses_are_those_of_the_internet_alone(address: str, public: bool) -> None:
    assert is_public(address) is public
