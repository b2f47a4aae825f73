"""What `contactfold keys` does. A key is `cf_<id>_<secret>`; the directory keeps its SHA-256 alone."""

import secrets
from collections.abc import Sequence
from hashlib import sha256

from contactfold.config import Config, Misconfigured, Settings
from contactfold.domain.event import LONGEST_NAME
from contactfold.domain.stamp import format_time
from contactfold.exits import Exit
from contactfold.faults import suggest
from contactfold.lifetime import machine_clock, run_loop
from contactfold.ports import ApiKey
from contactfold.scopes import ADMIN, DEFAULT_SCOPES, SCOPES
from contactfold_cli.composition import opened_directory, print_json
from contactfold_cli.tables import print_table


def run_create(
    _: Config,
    settings: Settings,
    *,
    scopes: Sequence[str] | None,
    name: str,
    source: str | None,
    requests_per_minute: int | None = None,
    json: bool,
) -> int:
    """Make a key and show it. Raises `Misconfigured` for a scope that is none, and for a name nobody could read."""
    wanted = _check_scopes(scopes)
    if source == "":
        raise Misconfigured(["--source: name the source, or leave it out for a key that may write any."])
    if source is not None and ADMIN in wanted:
        raise Misconfigured(
            ["--source: a key that writes one source alone cannot have the scope admin, which rules over every source."]
        )
    for option, text in (("--source", source or ""), ("--name", name)):
        if not text.isprintable() or len(text) > LONGEST_NAME:
            raise Misconfigured([f"{option}: use up to {LONGEST_NAME} characters that can be printed."])
    key_id = secrets.token_hex(6)
    key = f"cf_{key_id}_{secrets.token_hex(32)}"
    stored = ApiKey(
        key_id,
        sha256(key.encode()).digest(),
        frozenset(wanted),
        name,
        machine_clock(),
        source,
        requests_per_minute=requests_per_minute,
    )

    async def add() -> int:
        async with opened_directory(settings, makes=True) as directory:
            await directory.add_key(stored)
        return Exit.DONE

    run_loop(add())
    if json:
        print_json({"id": key_id, "key": key, "scopes": wanted})
    else:
        print(f"{key}\nThis key has the scopes {', '.join(wanted)} and the id {key_id}. It is not shown again.")
    return Exit.DONE


def _check_scopes(scopes: Sequence[str] | None) -> list[str]:
    named = {one.strip() for scope in scopes or DEFAULT_SCOPES for one in scope.split(",")}
    for one in sorted(named - set(SCOPES)):
        raise Misconfigured([f"{one!r} is no scope{suggest(one, SCOPES)}; there are {', '.join(SCOPES)}."])
    return [scope for scope in SCOPES if scope in named]


def run_list(_: Config, settings: Settings, *, json: bool) -> int:
    """Show every key but its secret."""

    async def find() -> int:
        async with opened_directory(settings) as directory:
            _show(await directory.keys(), json=json)
        return Exit.DONE

    return run_loop(find())


def _show(keys: Sequence[ApiKey], *, json: bool) -> None:
    shown = [
        {
            "id": key.id,
            "name": key.name,
            "scopes": [scope for scope in SCOPES if scope in key.scopes],
            "source": key.source,
            "requests_per_minute": key.requests_per_minute,
            "created_at": format_time(key.created_at),
            "revoked_at": format_time(key.revoked_at) if key.revoked_at is not None else None,
        }
        for key in keys
    ]
    if json:
        print_json(shown)
    elif shown:
        print_table(shown)
    else:
        print("There are no API keys; doors answer without one, on loopback addresses only.")


def run_revoke(_: Config, settings: Settings, *, key_id: str, json: bool) -> int:
    """Revoke a key; exit code 1 where there is none of that id."""

    async def revoke() -> int:
        async with opened_directory(settings) as directory:
            return Exit.DONE if await directory.revoke_key(key_id, machine_clock()) else Exit.NO

    code = run_loop(revoke())
    if json:
        print_json({"id": key_id, "revoked": code == Exit.DONE})
    elif code == Exit.DONE:
        print(f"The key {key_id} is revoked.")
    else:
        print(f"There is no API key with the id {key_id!r}; `contactfold keys list` shows them.")
    return code
