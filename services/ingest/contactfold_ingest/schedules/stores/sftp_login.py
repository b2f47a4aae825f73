"""Logging in at an SFTP server: who one is, and whether the server is the one it should be.

A server is held against `host_key` or `known_hosts` before anything is said to it: another one would get the password,
and could hand over files of its own.
"""

import asyncio
import socket
from pathlib import Path

import asyncssh

from contactfold.locations import Location, reveal
from contactfold_ingest.schedules.stores.files import StoreAway, StoreError, StoreRefused

_KEY_TEXT = "-----BEGIN "
_FINGERPRINT = "SHA256:"
_LOGINS = "publickey,keyboard-interactive,password"
_KEY_FAULTS = (
    ("bcrypt", "is locked in OpenSSH's own form, for which the package bcrypt must be installed"),
    ("assphrase", "is locked: its `passphrase` must be given"),
    ("decrypt", "cannot be opened with this `passphrase`"),
)
_KEPT_ALIVE = 15  # seconds
_REFUSALS = (asyncssh.PermissionDenied, asyncssh.IllegalUserName)


_Known = asyncssh.SSHKnownHosts | tuple[list[asyncssh.SSHKey], list[str], list[str]] | None


class Login:
    """How to log in at a location. One is made for each connection: it remembers the key that was shown."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self.shown_key: str | None = None
        self._fingerprints = {text.rstrip("=") for text in location.host_key if text.startswith(_FINGERPRINT)}

    async def connect(self, seconds: float) -> asyncssh.SSHClientConnection:
        """A connection that is logged in. Raises `StoreAway` or `StoreRefused`."""
        location = self._location
        known, key = await asyncio.to_thread(self._read_keys)
        try:
            async with asyncio.timeout(seconds):
                return await asyncssh.connect(
                    location.host,
                    location.port or 22,
                    config=None,
                    username=location.user or "",
                    password=reveal(location.password),
                    client_keys=[key] if key else None,
                    agent_path=None,
                    gss_kex=False,
                    gss_auth=False,
                    preferred_auth=_LOGINS,
                    known_hosts=known,
                    client_factory=lambda: _Watching(self),
                    keepalive_interval=_KEPT_ALIVE,
                    login_timeout=seconds,
                )
        except (asyncssh.Error, OSError, ValueError) as error:
            raise self._explain(error) from None

    def trusts(self, key: asyncssh.SSHKey) -> bool:
        """Whether a key that is not among the known ones has a fingerprint that is."""
        self.shown_key = key.get_fingerprint("sha256").rstrip("=")
        return self.shown_key in self._fingerprints

    def _read_keys(self) -> tuple[_Known, asyncssh.SSHKey | None]:
        return self._read_known(), self._read_private()

    def _read_known(self) -> _Known:
        location = self._location
        if not location.verify_host_key:
            return None
        if location.known_hosts is not None:
            try:
                return asyncssh.read_known_hosts(str(Path(location.known_hosts).expanduser()))
            except (OSError, ValueError):
                raise StoreRefused(f"The file {location.known_hosts} (`known_hosts`) cannot be read.") from None
        try:
            keys = [asyncssh.import_public_key(text) for text in location.host_key if not text.startswith(_FINGERPRINT)]
        except asyncssh.KeyImportError:
            raise StoreRefused("A `host_key` is no public key: write it as `ssh-keyscan` shows it.") from None
        return keys, [], []

    def _read_private(self) -> asyncssh.SSHKey | None:
        written = reveal(self._location.private_key)
        if written is None:
            return None
        passphrase = reveal(self._location.passphrase)
        try:
            if _KEY_TEXT not in written:
                written = Path(written.strip()).expanduser().read_text(encoding="ascii")
            return asyncssh.import_private_key(written.strip() + "\n", passphrase)
        except asyncssh.KeyEncryptionError:
            raise StoreRefused("The `private_key` cannot be opened with this `passphrase`.") from None
        except asyncssh.KeyImportError as error:
            why = next((why for word, why in _KEY_FAULTS if word in str(error)), "is no private key that can be used")
            raise StoreRefused(f"The `private_key` {why}.") from None
        except (OSError, ValueError):
            # What it holds may be a key after all: it is not shown.
            raise StoreRefused("The `private_key` is neither a key nor the path of a file that can be read.") from None

    def _explain(self, error: Exception) -> StoreError:
        location = self._location
        server = f"The SFTP server {location.host}"
        if isinstance(error, _REFUSALS):
            return StoreRefused(f"{server} refused the login of {location.user}.")
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            shown = f" ({self.shown_key})" if self.shown_key else ""
            return StoreRefused(
                f"{server} shows another host key{shown} than the configuration says: it was replaced, or this is "
                "another machine. Nothing was sent to it."
            )
        if isinstance(error, asyncssh.KeyExchangeFailed):
            return StoreRefused(
                f"{server} and this one agree on no way to speak: it has no host key of the kind "
                "that the configuration says, or is too old."
            )
        return away(server, error)


class _Watching(asyncssh.SSHClient):
    """What asyncssh asks about a server's key that it does not know."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        del host, addr, port
        return self._login.trusts(key)


def away(who: str, error: Exception) -> StoreAway:
    """The sentence where a server cannot be reached."""
    if isinstance(error, socket.gaierror):
        return StoreAway(f"{who} cannot be found: no such name is known now.")
    if isinstance(error, TimeoutError):
        return StoreAway(f"{who} did not answer in time.")
    if isinstance(error, ConnectionRefusedError):
        return StoreAway(f"{who} takes no connections.")
    return StoreAway(f"{who} broke the connection off.")
