"""Where a schedule fetches from, as the configuration says it: `from: ./inbox`, or `from: {url: sftp://..., ...}`.

A `Location` is checked in two steps, like every section: `url` and each secret when they are read, and what fits
together by `find_location_faults`. No sentence here shows a secret, or a url that could hold one.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from contactfold.location_values import (
    SCHEME,
    SCHEMES,
    Endpoint,
    FilePath,
    HeaderName,
    HeaderSecret,
    HostKey,
    Kind,
    Region,
    Secret,
    Url,
    UserName,
    fault,
    listed,
)

_SETTINGS: dict[Kind, tuple[str, ...]] = {
    "folder": (),
    "sftp": ("username", "password", "private_key", "passphrase", "host_key", "known_hosts", "verify_host_key"),
    "s3": ("access_key", "secret_key", "session_token", "endpoint", "region", "ca_file"),
    "https": ("username", "password", "token", "headers", "ca_file"),
}
_CALLED: dict[Kind, str] = {"folder": "a local folder", "sftp": "SFTP", "s3": "S3", "https": "HTTPS"}


class Location(BaseModel):
    """A place with files. `url` is a folder's path, or begins with `file://`, `sftp://`, `s3://` or `https://`.

    `private_key` is the key itself in OpenSSH or PEM form, or the path of its file. `host_key` are public keys or
    SHA256 fingerprints, of which the server must show one. `token` is sent as `Authorization: Bearer`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[Url, Field(repr=False)]
    username: UserName | None = None
    password: Secret | None = None
    private_key: Secret | None = None
    passphrase: Secret | None = None
    host_key: Annotated[tuple[HostKey, ...], BeforeValidator(listed)] = ()
    known_hosts: FilePath | None = None
    verify_host_key: bool = True
    access_key: HeaderSecret | None = None
    secret_key: Secret | None = None
    session_token: HeaderSecret | None = None
    endpoint: Endpoint | None = None
    region: Region | None = None
    ca_file: FilePath | None = None
    token: HeaderSecret | None = None
    headers: dict[HeaderName, HeaderSecret] = Field(default_factory=dict)

    @cached_property
    def kind(self) -> Kind:
        """What it is: a local folder, or which service."""
        named = SCHEME.match(self.url)
        return SCHEMES[named[1].lower()] if named else "folder"

    @property
    def shown(self) -> str:
        """The place as it may be shown and logged: without what a query may hold, such as a signature."""
        if self.kind != "https":
            return self.url
        parts = self._parts
        return f"https://{parts.netloc}{parts.path}{'?...' if parts.query else ''}"

    @property
    def host(self) -> str:
        """The server's name or address, for SFTP and HTTPS."""
        return self._parts.hostname or ""

    @property
    def port(self) -> int | None:
        """The port, where the url names one."""
        return self._parts.port

    @property
    def user(self) -> str | None:
        """Who logs in: `username`, or the name in an sftp:// url."""
        in_url = unquote(self._parts.username) if self.kind == "sftp" and self._parts.username else None
        return self.username or in_url

    @property
    def folder(self) -> str:
        """The folder's path: on this machine, on an SFTP server (`.` is the login's own), or the prefix in a bucket.

        `sftp://host` and `sftp://host/~/in` go by the login's own folder, as curl has it; `sftp://host/in` is `/in`.
        """
        if self.kind == "s3":
            return self.url.partition("://")[2].partition("/")[2].strip("/")
        if self.kind == "folder":
            path = unquote(self._parts.path) if SCHEME.match(self.url) else self.url
            return str(Path(path).expanduser()) if path.startswith("~") else path
        path = unquote(self._parts.path)
        if path in {"", "/~"}:
            return "."
        return path.removeprefix("/~/").rstrip("/") or ("." if path.startswith("/~/") else "/")

    @property
    def bucket(self) -> str:
        """The bucket of an s3:// url."""
        return self.url.partition("://")[2].partition("/")[0]

    @cached_property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)


def reveal(secret: SecretStr | None) -> str | None:
    """The text of a secret, for whoever logs in with it."""
    return None if secret is None else secret.get_secret_value()


def spell_out(value: object) -> object:
    """A location written as plain text is its url, with no settings beside it."""
    if isinstance(value, str):
        return {"url": value}
    if not isinstance(value, dict | Location):
        raise fault("must be a folder or a url, or have a `url`; put it in quotes")
    return value


From = Annotated[Location, BeforeValidator(spell_out)]
"""The type of a setting `from`: a url alone, or a mapping with `url` and what goes with it."""


def find_location_faults(location: Location, place: str) -> list[str]:
    """Faults that no single setting shows, each a sentence that begins with its place: `PLACE.password: ...`."""
    known, called = _SETTINGS[location.kind], _CALLED[location.kind]
    given = [name for name in type(location).model_fields if name != "url" and name in location.model_fields_set]
    faults = [
        f"{place}.{name}: says nothing about {called}; leave it out"
        for name in given
        if name not in known and not _is_default(location, name)
    ]
    match location.kind:
        case "sftp":
            found = _find_sftp_faults(location)
        case "s3":
            found = _find_s3_faults(location)
        case "https":
            found = _find_https_faults(location)
        case _:
            found = []
    return faults + [f"{place}.{name}: {sentence}" for name, sentence in found]


def _is_default(location: Location, name: str) -> bool:
    default: Any = type(location).model_fields[name].get_default(call_default_factory=True)
    return bool(getattr(location, name) == default)


def _find_sftp_faults(location: Location) -> list[tuple[str, str]]:
    faults = []
    if location.user is None:
        faults.append(("url", "names no user: write sftp://user@host/folder, or `username` beside it"))
    if location.password is None and location.private_key is None:
        faults.append(("url", "goes with no credentials: write `password: ${VAR}` or `private_key: ${VAR}` beside it"))
    if location.passphrase is not None and location.private_key is None:
        faults.append(("passphrase", "opens a `private_key`, and there is none"))
    named = bool(location.host_key) or location.known_hosts is not None
    if location.verify_host_key and not named:
        how = "write `host_key` (`ssh-keyscan HOST` shows it; compare it with what the server's owner says) or"
        faults.append(
            ("host_key", f"must be given, so that no other server is taken for this one: {how} `known_hosts`")
        )
    if not location.verify_host_key and named:
        faults.append(("verify_host_key", "cannot be false where `host_key` or `known_hosts` say which key is right"))
    return faults


def _find_s3_faults(location: Location) -> list[tuple[str, str]]:
    if location.access_key is not None and location.secret_key is None:
        return [("secret_key", "must be given with `access_key`")]
    if location.access_key is None and location.secret_key is not None:
        return [("access_key", "must be given with `secret_key`")]
    if location.session_token is not None and location.access_key is None:
        return [("session_token", "goes with `access_key` and `secret_key`, and there are none")]
    return []


def _find_https_faults(location: Location) -> list[tuple[str, str]]:
    if location.username is None and location.password is not None:
        return [("username", "must be given with `password`")]
    if location.username is not None and location.password is None:
        return [("password", "must be given with `username`")]
    says = [location.token is not None, location.username is not None]
    if any(name.lower() == "authorization" for name in location.headers):
        says.append(True)
    if sum(says) > 1:
        return [("url", "goes with several logins: keep one of `token`, `username` and a header `Authorization`")]
    return []
