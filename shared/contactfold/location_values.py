"""What single settings of a location may hold, each checked when it is read. No sentence here shows what it got."""

import re
from typing import Annotated, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

Kind = Literal["folder", "sftp", "s3", "https"]

SCHEMES: dict[str, Kind] = {"file": "folder", "sftp": "sftp", "s3": "s3", "https": "https"}
"""Which kind a url's scheme is of."""

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]*")
_OWN_HEADERS = frozenset({"accept-encoding", "connection", "content-length", "host", "range", "transfer-encoding"})
_OWN_CONDITIONS = "if-"
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_PUBLIC_KEY = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]{20,}={0,3}(?: .*)?")
_LOCAL_HOSTS = ("", "localhost")
_IN_URL = "holds a password: leave it out, and write `password: ${VAR}` beside the url"
_USER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,256}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")


def fault(sentence: str) -> PydanticCustomError:
    """What pydantic is told; braces in a sentence would else be taken for a template."""
    return PydanticCustomError("location", "{sentence}", {"sentence": sentence})


def _check_secret_text(value: object) -> object:
    # Pydantic's own sentence would show what it got: a password of digits alone is a number in YAML.
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise fault("must be text; put it in quotes")
    if not value.strip():
        raise fault("must not be empty")
    return value


def _check_header_value(value: SecretStr) -> SecretStr:
    if not _HEADER_VALUE.fullmatch(value.get_secret_value()):
        raise fault("holds a character that no header may have: use printable ASCII in one line")
    return value


def _check_header_name(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise fault("is no name of a header")
    if name.lower() in _OWN_HEADERS or name.lower().startswith(_OWN_CONDITIONS):
        raise fault("is a header that is set for each request; leave it out")
    return name


def _check_host_key(text: str) -> str:
    if not _FINGERPRINT.fullmatch(text) and not _PUBLIC_KEY.fullmatch(text):
        raise fault("is no host key: write `ssh-ed25519 AAAA...` as `ssh-keyscan` shows it, or `SHA256:...`")
    return text


def listed(value: object) -> object:
    """One text stands for a list of it alone."""
    return (value,) if isinstance(value, str) else value


def _check_endpoint(text: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise fault("is no address of an S3 service: write https://host or https://host:port")
    if parts.username is not None or parts.password is not None:
        raise fault("holds a password: leave it out, and write `access_key` and `secret_key` beside it")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise fault("has a path: write https://host or https://host:port, and the bucket in `url`")
    return text


def _check_user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise fault("must be a user's name")
    return text


def _check_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise fault("is no name of a region, such as eu-central-1")
    return text


def _check_path(text: str) -> str:
    if not text.strip() or _CONTROL.search(text):
        raise fault("must be the path of a file")
    return text


def _check_url(text: str) -> str:
    if not text.strip():
        raise fault("must not be empty")
    if _CONTROL.search(text) or text != text.strip():
        raise fault("holds a character that no address may have (a line break, a space at an end)")
    named = SCHEME.match(text)
    if named is None:
        return text
    scheme = named[1].lower()
    if scheme not in SCHEMES:
        hint = "; use https:// instead" if scheme == "http" else ""
        raise fault(f"begins with {scheme}://, which is none of file://, sftp://, s3:// and https://{hint}")
    if scheme == "s3":
        _check_bucket(text)
    else:
        _check_parts(scheme, _split(text))
    return text


def _check_bucket(text: str) -> None:
    bucket = text.partition("://")[2].partition("/")[0]
    if "@" in bucket:
        raise fault("holds credentials: leave them out, and write `access_key` and `secret_key` beside the url")
    if not _BUCKET.fullmatch(bucket):
        raise fault("names no bucket: write s3://bucket/folder")


def _check_parts(scheme: str, parts: SplitResult | None) -> None:
    if parts is None:
        raise fault(f"is no address: write {scheme}://host/path, a port as a number from 1 to 65535")
    if parts.password is not None:
        raise fault(_IN_URL)
    if scheme == "file":
        if (parts.netloc or "").lower() not in _LOCAL_HOSTS or not parts.path:
            raise fault("names another machine: write file:///folder, or the folder's path alone")
    elif not parts.hostname:
        raise fault(f"names no server: write {scheme}://host/path")
    if scheme == "https" and parts.username is not None:
        raise fault("holds a user's name: leave it out, and write `username` and `password` beside the url")
    if scheme != "https" and (parts.query or parts.fragment or parts.path != parts.path.strip("?#")):
        raise fault("has a `?` or `#`: write them as %3F and %23")
    if "\x00" in unquote(parts.path):
        raise fault("holds a character that no path may have")


def _split(text: str) -> SplitResult | None:
    """The parts of an address; None where it is none."""
    try:
        parts = urlsplit(text)
        usable = parts.port != 0 and " " not in parts.netloc
    except ValueError:
        return None
    return parts if usable else None


Secret = Annotated[SecretStr, BeforeValidator(_check_secret_text)]
HeaderSecret = Annotated[Secret, AfterValidator(_check_header_value)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
HostKey = Annotated[str, AfterValidator(_check_host_key)]
FilePath = Annotated[str, AfterValidator(_check_path)]
UserName = Annotated[str, AfterValidator(_check_user)]
Region = Annotated[str, AfterValidator(_check_region)]
Endpoint = Annotated[str, AfterValidator(_check_endpoint)]
Url = Annotated[str, AfterValidator(_check_url)]
