"""What the doors count, by door and status, never by anything a request says."""

from prometheus_client import REGISTRY

from fakes.ingest_service import Ingest


def read(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_requests_and_events_are_counted(ingest: Ingest) -> None:
    def counts() -> list[float]:
        return [
            read("contactfold_requests_total", door="events", status="207"),
            read("contactfold_events_received_total", door="events", source="", status="accepted"),
            read("contactfold_events_received_total", door="events", source="", status="rejected"),
            read("contactfold_append_seconds_count"),
        ]

    before = counts()
    await ingest.send([{"values": {"email": "ann@example.com"}}, {"values": {"email": "b@example.com"}}, 7])
    assert [after - earlier for after, earlier in zip(counts(), before, strict=True)] == [1, 2, 1, 1]


async def test_requests_that_met_a_closed_door_are_counted(ingest: Ingest) -> None:
    before = read("contactfold_requests_total", door="events", status="503")
    ingest.log.away = True
    assert (await ingest.send({"values": {"email": "ann@example.com"}})).status_code == 503
    assert read("contactfold_requests_total", door="events", status="503") == before + 1


async def test_metrics_are_served(ingest: Ingest) -> None:
    await ingest.send({"source": "s3cr3t", "values": {"email": "ann@example.com"}})
    reply = await ingest.client.get("/metrics")
    assert reply.status_code == 200
    assert "contactfold_requests_total" in reply.text
    assert "s3cr3t" not in reply.text
