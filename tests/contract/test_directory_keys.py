"""API keys and the tokens given out for them, of every adapter."""

from dataclasses import replace

import pytest

from contactfold.adapters.mongo_directory import MongoDirectory
from contactfold.adapters.sqlite_directory import SqliteDirectory
from contactfold.domain.errors import RetryOnFreshState
from contactfold.ports import AccessToken, Directory
from contactfold.ports.keys import MOST_REMOVED
from contract.directory_objects import Place, key


def token(name: str, expires_at: int = 100) -> AccessToken:
    return AccessToken(name.encode().ljust(32, b"\xff"), "a", frozenset({"ingest", "read"}), expires_at)


async def test_keys_are_listed_oldest_first_with_the_revoked_ones(directory: Directory) -> None:
    await directory.add_key(key("b", created_at=5))
    await directory.add_key(key("a", created_at=9))
    assert await directory.revoke_key("b", 11)
    assert await directory.keys() == [replace(key("b", created_at=5), revoked_at=11), key("a", created_at=9)]


async def test_a_key_that_is_revoked_twice_stays_revoked_since_the_first_time(directory: Directory) -> None:
    await directory.add_key(key("a"))
    assert await directory.revoke_key("a", 11)
    assert await directory.revoke_key("a", 12)
    assert [one.revoked_at for one in await directory.keys()] == [11]
    assert not await directory.revoke_key("nobody's", 11)


async def test_adding_a_key_again_neither_doubles_it_nor_takes_its_revocation_back(directory: Directory) -> None:
    """A caller that was told `Unavailable` may add it again."""
    await directory.add_key(key("a"))
    await directory.revoke_key("a", 11)
    await directory.add_key(key("a"))
    assert [one.revoked_at for one in await directory.keys()] == [11]
    with pytest.raises(RetryOnFreshState):
        await directory.add_key(replace(key("a"), digest=b"another".ljust(32)))


async def test_a_key_keeps_its_own_limit_of_requests_and_that_it_has_none(directory: Directory) -> None:
    limits = {"a": 5, "b": 0, "c": None}
    for name, limit in limits.items():
        await directory.add_key(replace(key(name), requests_per_minute=limit))
    await directory.revoke_key("a", 11)
    assert {one.id: one.requests_per_minute for one in await directory.keys()} == limits


async def test_a_token_is_found_by_its_digest_alone(directory: Directory) -> None:
    await directory.add_token(token("one"), now=1)
    await directory.add_token(token("two"), now=1)
    assert await directory.tokens([token("two").digest, token("three").digest]) == [token("two")]
    assert await directory.tokens([]) == []


async def test_a_token_given_out_by_one_process_is_found_by_another_at_once(place: Place) -> None:
    one, other = await place.another(), await place.another()
    for number in range(5):
        await one.add_token(token(f"{number}"), now=1)
        assert await other.tokens([token(f"{number}").digest]) == [token(f"{number}")]


async def test_a_token_that_is_added_again_is_kept_once(directory: Directory) -> None:
    """A caller that was told `Unavailable` may add it again."""
    await directory.add_token(token("one"), now=1)
    await directory.add_token(token("one"), now=1)
    assert await directory.tokens([token("one").digest]) == [token("one")]


async def test_expired_tokens_go_when_others_come(directory: Directory) -> None:
    tokens = [token(f"{number}", expires_at=number) for number in (10, 20, 30)]
    for one in tokens:
        await directory.add_token(one, now=1)
    await directory.add_token(token("new"), now=20)
    found = await directory.tokens([one.digest for one in tokens])
    assert found == [tokens[2]], "what has not expired stays"


async def test_a_pile_of_expired_tokens_shrinks_by_a_bounded_number_at_a_time(directory: Directory) -> None:
    tokens = [token(f"{number}", expires_at=10) for number in range(MOST_REMOVED + 20)]
    for one in tokens:
        await directory.add_token(one, now=1)
    digests = [one.digest for one in tokens]
    await directory.add_token(token("new"), now=50)
    assert len(await directory.tokens(digests)) == 20
    await directory.add_token(token("newer"), now=50)
    assert await directory.tokens(digests) == []


@pytest.mark.parametrize("place", ["sqlite", "mongo"], indirect=True)
async def test_a_directory_made_before_there_were_tokens_keeps_its_keys_and_takes_tokens(place: Place) -> None:
    old = await place.another()
    await old.add_key(key("a"))
    if isinstance(old, SqliteDirectory):
        await old._writer.run(lambda connection: connection.execute("DROP TABLE tokens").fetchall())
    else:
        assert isinstance(old, MongoDirectory)
        await old._home.drop_collection("tokens")
    await old.close()
    now = await place.another()
    await now.add_token(token("one"), now=1)
    assert await now.keys() == [key("a")]
    assert await now.tokens([token("one").digest]) == [token("one")]
