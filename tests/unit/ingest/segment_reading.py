"""Reading Segment's messages in tests: what each becomes, by the default schema unless another is configured."""

from typing import Any

from contactfold.config import check_config
from contactfold.sections import Source
from contactfold_ingest.segment.messages import Messages


def make_messages(**segment: Any) -> Messages:
    """Messages as a configuration with these settings of the source `segment` reads them, by the default schema."""
    config = check_config({"sources": {"segment": segment}} if segment else {})
    return Messages(config.contact_schema, config.sources.get("segment", Source()))


def read(message: Any, call: str | None = None, **segment: Any) -> dict[str, Any]:
    """The event that a message becomes."""
    offer = make_messages(**segment).read(call, message, {})
    assert offer is not None
    assert offer.faults == []
    assert isinstance(offer.payload, dict)
    return offer.payload
