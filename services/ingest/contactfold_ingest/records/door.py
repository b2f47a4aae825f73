"""`PUT /records` and `POST /records` (CONTRACT 5)."""

from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import Receive, Scope

from contactfold.config import Source
from contactfold.domain.outcome import Reason
from contactfold.web.access import INGEST, Grant
from contactfold.web.problems import JsonResponse, Problem, problem_response
from contactfold_ingest.accepting import Acceptance, find_id, forbid_source
from contactfold_ingest.bodies import Fields
from contactfold_ingest.deps import IngestDeps
from contactfold_ingest.door import Door
from contactfold_ingest.records.configurations import RECORD, Configuration
from contactfold_ingest.records.forms import read_form, read_query
from contactfold_ingest.records.record import read_record

DEFAULT = "contact"
"""The configuration of a request that names none; it is there, whether contactfold.yaml has it or not."""


class RecordsDoor(Door):
    """One record, in the query or in a form: 200 once the log holds it."""

    def __init__(self, deps: IngestDeps) -> None:
        super().__init__("records", deps.ring, deps.limits, deps.clock)
        self._deps = deps
        self._configurations = {
            name: self._configure(name, source, label=name)
            for name, source in {DEFAULT: Source(), **deps.sources}.items()
        }

    async def _answer(self, scope: Scope, headers: Fields, receive: Receive) -> Response:
        began = self._clock()
        grant = await self._ring.authorize(scope, need=(INGEST,))
        own_id = find_id(headers)
        body = await self._read(headers, receive)
        form = await read_form(headers, body)
        record = read_record(read_query(scope["query_string"]), form.fields, form.files)
        configuration, acceptance = self._find(record.configuration, grant)
        reading = configuration.read(record)
        source = configuration.name
        taken = await acceptance.accept([reading.offer], began=began, source=source, own_id=own_id, grant=grant)
        (fate,) = taken.fates
        if fate.reasons:
            reasons = list(dict.fromkeys(reading.name_as_sent(reason) for reason in fate.reasons))
            detail = " ".join(dict.fromkeys(reason.message for reason in reasons))
            members = {"ignored_fields": reading.ignored} if reading.ignored else {}
            raise Problem(422, "rejected", detail, reasons=reasons, members=members)
        if reading.ignored:
            return JsonResponse({"ignored_fields": reading.ignored})
        return Response()

    def _configure(self, name: str, source: Source, *, label: str) -> tuple[Configuration, Acceptance]:
        deps = self._deps
        acceptance = Acceptance(deps.log, deps.schema, deps.limits, door="records", label=label)
        return Configuration(name, source, deps.schema), acceptance

    def _find(self, name: str | None, grant: Grant) -> tuple[Configuration, Acceptance]:
        """The configuration of this name, by default the one source that the key may write.

        A key's own source that contactfold.yaml does not have is configured as `DEFAULT` is where that is left out.
        """
        named = (grant.source or DEFAULT) if name is None else name
        if grant.source not in {None, named}:
            raise forbid_source(str(grant.source))
        found = self._configurations.get(named)
        if found is None and grant.source is not None:
            found = self._configurations[named] = self._configure(named, Source(), label="")
        if found is None:
            message = f"There is no such configuration: {DEFAULT} is one, and so is each source of contactfold.yaml."
            raise Problem(422, "unknown_source", message, reasons=[Reason("unknown_source", message, "configuration")])
        return found

    def _tell_problem(self, problem: Problem) -> Response:
        if problem.status == 422:
            problem.members["errors"] = _list_errors(problem.reasons)
        return problem_response(problem)


def _list_errors(reasons: Iterable[Reason]) -> dict[str, list[str]]:
    """Every sentence by the field it is about, each once: of several values at fault, `reasons` tell which."""
    errors: dict[str, list[str]] = {}
    for reason in reasons:
        told = errors.setdefault(reason.field or RECORD, [])
        if reason.message not in told:
            told.append(reason.message)
    return errors
