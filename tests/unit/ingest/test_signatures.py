"""Signed hooks, with the Standard Webhooks library as the sender."""

import base64
import gzip
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from contactfold.domain.errors import Misconfigured
from contactfold.domain.stamp import format_event_id, make_event_id
from contactfold.web.problems import Problem
from contactfold_ingest.hooks.signatures import Signatures
from fakes.ingest_service import OLD_SECRET, SECRET, Ingest

BODY = '{"email": "ann@example.com"}'


def signed(ingest: Ingest, *secrets: str, body: str = BODY, late: int = 0) -> dict[str, str]:
    seconds = ingest.clock() // 1_000_000 - late
    moment = datetime.fromtimestamp(seconds, UTC)
    signatures = [Webhook(secret).sign("msg_1", moment, body) for secret in secrets]
    return {
        "content-type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }


async def test_a_signed_request_needs_no_key_and_its_id_names_the_event(ingest: Ingest) -> None:
    await ingest.add_key("k" * 40, "ingest")
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=signed(ingest, SECRET))
    assert reply.status_code == 202, reply.text
    assert reply.json()["results"][0]["event_id"] == format_event_id(make_event_id("signed", "msg_1"))


async def test_a_signed_request_may_come_from_any_host_and_origin(ingest: Ingest) -> None:
    headers = {**signed(ingest, SECRET), "host": "hooks.example.com", "origin": "https://shop.example.com"}
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    assert reply.status_code == 202


async def test_any_secret_and_any_signature_will_do_while_secrets_change(ingest: Ingest) -> None:
    stranger = "whsec_c3RyYW5nZXIgc3RyYW5nZXIgc3RyYW5nZXI="
    for secrets in ([OLD_SECRET], [stranger, SECRET], [OLD_SECRET, stranger]):
        reply = await ingest.client.post("/hooks/signed", content=BODY, headers=signed(ingest, *secrets))
        assert reply.status_code == 202


async def test_a_wrong_signature_is_401_with_a_key_or_without(ingest: Ingest) -> None:
    await ingest.add_key("k" * 40, "ingest")
    stranger = signed(ingest, "whsec_c3RyYW5nZXIgc3RyYW5nZXIgc3RyYW5nZXI=")
    for headers in (stranger, {**stranger, "x-api-key": "k" * 40}):
        reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
        assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (401, "wrong_signature")


async def test_a_changed_body_or_id_or_timestamp_is_401(ingest: Ingest) -> None:
    headers = signed(ingest, SECRET)
    other_time = str(int(headers["webhook-timestamp"]) + 1)
    for body, changes in ((BODY + " ", {}), (BODY, {"webhook-id": "msg_2"}), (BODY, {"webhook-timestamp": other_time})):
        reply = await ingest.client.post("/hooks/signed", content=body, headers={**headers, **changes})
        assert reply.status_code == 401


@pytest.mark.parametrize(("late", "status"), [(299, 202), (301, 401), (-299, 202), (-302, 401)])
async def test_a_timestamp_is_good_for_five_minutes(ingest: Ingest, late: int, status: int) -> None:
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=signed(ingest, SECRET, late=late))
    assert reply.status_code == status


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_header_is_401_and_says_which_are_needed(ingest: Ingest, missing: str) -> None:
    headers = signed(ingest, SECRET)
    del headers[missing]
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (401, "signature_missing")
    assert "webhook-timestamp" in reply.json()["detail"]


@pytest.mark.parametrize("signature", ["v1,", "v1,%%%", "v1", ",", "v2,abc", "v1,é", "v1, v1, v1,"])
async def test_a_signature_of_any_other_shape_is_401(ingest: Ingest, signature: str) -> None:
    headers = {**signed(ingest, SECRET), "webhook-signature": signature.encode("latin-1").decode("latin-1")}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=raw)
    assert reply.status_code == 401


async def test_the_headers_older_names_are_taken_too_and_name_the_event(ingest: Ingest) -> None:
    headers = {name.replace("webhook-", "svix-"): value for name, value in signed(ingest, SECRET).items()}
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    assert reply.status_code == 202, reply.text
    assert reply.json()["results"][0]["id"] == "msg_1"


@pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
async def test_headers_of_both_names_are_never_mixed(ingest: Ingest, name: str) -> None:
    headers = signed(ingest, SECRET)
    headers[f"svix-{name}"] = headers.pop(f"webhook-{name}")
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (401, "signature_missing")


@pytest.mark.parametrize("added", [{"idempotency-key": "other"}, {"webhook-id": "other"}], ids=str)
async def test_a_copy_within_the_window_is_the_same_event_whatever_is_added_to_it(
    ingest: Ingest, added: dict[str, str]
) -> None:
    """Somebody who listened to a request may send it again, and add headers that nobody signed."""
    headers = {name.replace("webhook-", "svix-"): value for name, value in signed(ingest, SECRET).items()}
    first = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    ingest.clock.now += 60_000_000
    again = await ingest.client.post("/hooks/signed", content=BODY, headers={**headers, **added})
    assert first.json()["results"] == again.json()["results"]


async def test_the_same_request_is_refused_once_its_window_is_over(ingest: Ingest) -> None:
    headers = signed(ingest, SECRET)
    assert (await ingest.client.post("/hooks/signed", content=BODY, headers=headers)).status_code == 202
    ingest.clock.now += 301_000_000
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (401, "signature_expired")


@pytest.mark.parametrize(
    ("receiver", "sender"),
    [
        ([OLD_SECRET], [OLD_SECRET]),
        ([SECRET, OLD_SECRET], [OLD_SECRET]),  # first the receiver takes both,
        ([SECRET, OLD_SECRET], [OLD_SECRET, SECRET]),  # then the sender signs with both,
        ([SECRET, OLD_SECRET], [SECRET]),  # then with the new one alone,
        ([SECRET], [SECRET]),  # and the old one goes
    ],
)
async def test_secrets_are_changed_without_a_request_lost(
    ingest: Ingest, receiver: list[str], sender: list[str]
) -> None:
    fields = {name.encode(): value.encode() for name, value in signed(ingest, *sender).items()}
    assert Signatures(receiver).check(fields, BODY.encode(), ingest.clock()) == "msg_1"


async def test_a_secret_that_is_gone_signs_nothing_any_more(ingest: Ingest) -> None:
    fields = {name.encode(): value.encode() for name, value in signed(ingest, OLD_SECRET).items()}
    with pytest.raises(Problem, match="No webhook-signature fits"):
        Signatures([SECRET]).check(fields, BODY.encode(), ingest.clock())


async def test_a_signed_gzip_body_is_signed_as_it_travels(ingest: Ingest) -> None:
    packed = gzip.compress(BODY.encode())
    seconds = str(ingest.clock() // 1_000_000)
    content = b".".join((b"msg_1", seconds.encode(), packed))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, content, "sha256").digest()).decode()
    headers = {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "webhook-id": "msg_1",
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }
    reply = await ingest.client.post("/hooks/signed", content=packed, headers=headers)
    assert reply.status_code == 202, reply.text


async def test_a_signed_id_that_is_too_long_to_name_an_event_is_422(ingest: Ingest) -> None:
    seconds = ingest.clock() // 1_000_000
    own_id = "m" * 513
    headers = {
        **signed(ingest, SECRET),
        "webhook-id": own_id,
        "webhook-signature": Webhook(SECRET).sign(own_id, datetime.fromtimestamp(seconds, UTC), BODY),
    }
    reply = await ingest.client.post("/hooks/signed", content=BODY, headers=headers)
    assert (reply.status_code, reply.json()["reasons"][0]["code"]) == (422, "too_long")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%"])
def test_an_empty_secret_is_refused(secret: str) -> None:
    with pytest.raises(Misconfigured):
        Signatures([secret])
