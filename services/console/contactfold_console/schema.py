"""The contact schema over HTTP, for programs that draw forms or map columns."""

from fastapi import APIRouter
from starlette.responses import Response

from contactfold.domain.schema import Attribute
from contactfold.web.openapi import answers
from contactfold.web.problems import JsonResponse
from contactfold_console import models
from contactfold_console.reading import Admitted

router = APIRouter(prefix="/v1", tags=["schema"])


@router.get(
    "/schema",
    summary="The contact schema",
    response_model=models.ContactSchema,
    responses=answers(401, 403, 503),
)
async def get_schema(reader: Admitted) -> Response:
    """Every attribute in its order, which is the order of identifiers too."""
    return JsonResponse(
        {
            "attributes": [_attribute_object(attribute) for attribute in reader.schema.attributes],
            "default_country": reader.schema.default_country,
            "fingerprint": reader.schema.fingerprint,
        }
    )


def _attribute_object(attribute: Attribute) -> dict[str, object]:
    return {
        "key": attribute.key,
        "name": attribute.name,
        "type": attribute.type,
        "is_key": attribute.is_key,
        "channel": attribute.channel,
        "multi": attribute.multi,
        "pii": attribute.pii,
        "max_values": attribute.max_values if attribute.channel else None,
        "anonymous": attribute.anonymous,
        "mandatory": attribute.mandatory,
        "values": list(dict.fromkeys(attribute.choices.values())),
        "aliases": list(attribute.aliases),
    }
