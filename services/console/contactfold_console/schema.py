"""The contact schema over HTTP, for programs that draw forms or map columns."""

from fastapi import APIRouter
from starlette.responses import Response

from contactfold.schema_object import schema_object
from contactfold.web.openapi import answers, shows
from contactfold.web.problems import JsonResponse
from contactfold_console import models
from contactfold_console.reading import Admitted

router = APIRouter(prefix="/v1", tags=["schema"])


@router.get(
    "/schema",
    summary="The contact schema",
    response_model=models.ContactSchema,
    responses={**shows(models.SCHEMA_EXAMPLE), **answers(401, 403, 503)},
)
async def get_schema(reader: Admitted) -> Response:
    """Every attribute in its order, which is the order of identifiers too."""
    return JsonResponse(schema_object(reader.schema))
