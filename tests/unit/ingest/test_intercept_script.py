"""`GET /intercept.js`: small, cached, and fit for pages with a strict policy."""

from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from contactfold_ingest.intercept.script import read_script
from fakes.ingest_service import Ingest

ROOT = Path(__file__).parents[3]


async def test_the_script_is_small_and_cached(ingest: Ingest) -> None:
    reply = await ingest.client.get("/intercept.js")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert len(reply.content) < 4096
    assert "max-age=3600" in reply.headers["cache-control"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    held = reply.headers["etag"]
    for tag in (held, f"W/{held}", f'"other", {held}', "*"):
        again = await ingest.client.get("/intercept.js", headers={"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", held)
    assert (await ingest.client.get("/intercept.js", headers={"if-none-match": '"other"'})).status_code == 200
    assert (await ingest.client.head("/intercept.js")).content == b""


async def test_the_script_is_there_for_everybody_at_any_host(ingest: Ingest) -> None:
    await ingest.add_key("k" * 40, "ingest")
    reply = await ingest.client.get("/intercept.js", headers={"host": "cdn.example", "origin": "https://any.example"})
    assert reply.status_code == 200
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    "word", ["eval", "Function(", "innerHTML", "document.write", "style", "setAttribute", "import("]
)
def test_the_script_does_nothing_that_a_strict_policy_forbids(word: str) -> None:
    assert word not in read_script().decode()


def test_the_served_script_has_lost_its_comments_and_nothing_else() -> None:
    served = read_script().decode()
    assert "//" not in served
    assert served.startswith("((w, d, n) => {\n")
    assert served.endswith("})(window, document, navigator);\n")


def test_the_script_is_part_of_what_is_installed() -> None:
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert "contactfold_ingest/intercept/intercept.js" in packed
