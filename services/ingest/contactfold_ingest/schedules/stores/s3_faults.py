"""What goes wrong with S3, as sentences."""

import aiohttp
from botocore import exceptions as boto  # type: ignore[import-untyped]

from contactfold.locations import Location
from contactfold_ingest.schedules.stores.files import (
    FileRefused,
    RemoteFile,
    StoreAway,
    StoreError,
    StoreRefused,
    changed,
    gone,
)

_CREDENTIALS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
)
_REGION = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "301"})
_BUSY = frozenset({"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"})
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_ARCHIVED = "InvalidObjectState"
_SKEWED = "RequestTimeTooSkewed"


_BROKEN: tuple[tuple[tuple[type[Exception], ...], type[StoreError], str], ...] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound),
        StoreRefused,
        "has no credentials to go by: write `access_key` and `secret_key` beside the url, or give this machine its own",
    ),
    ((boto.SSLError,), StoreRefused, "shows a certificate that cannot be trusted: `ca_file` may name one that can"),
    ((boto.ConnectTimeoutError, boto.ReadTimeoutError, TimeoutError), StoreAway, "did not answer in time"),
    ((boto.EndpointConnectionError,), StoreAway, "cannot be reached"),
    (
        (boto.ParamValidationError, boto.InvalidRegionError, ValueError),
        StoreRefused,
        "cannot be asked like this: the url, `endpoint` or `region` is wrong",
    ),
    ((boto.BotoCoreError, aiohttp.ClientError, OSError), StoreAway, "broke the connection off"),
)
"""What is no answer: the first that fits."""


class Faults:
    """The faults of one location."""

    def __init__(self, location: Location) -> None:
        self._bucket = location.bucket
        self._service = f"The S3 service {location.endpoint}" if location.endpoint else "S3"

    def explain(self, error: Exception, file: RemoteFile | None, done: str) -> StoreError:
        """The sentence for an error of s3fs, botocore or aiohttp; `done` is what the file could not be."""
        answered = _find_answer(error)
        if answered is not None:
            code = str(answered.response.get("Error", {}).get("Code", ""))
            status = int(answered.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            return self._explain_service(code, status) or self._explain_file(code, status, file, done)
        if isinstance(error, FileNotFoundError) and file is not None:
            return gone(file)
        for types, kind, sentence in _BROKEN:
            if isinstance(error, types):
                return kind(f"{self._service} {sentence}.")
        return StoreAway(f"{self._service} cannot be used now ({type(error).__name__}).")

    def no_list(self) -> StoreError:
        """The sentence for an answer that is no list of files: a page for people, say, or another service."""
        return StoreRefused(f"{self._service} does not answer as S3 does: `endpoint` is wrong.")

    def no_end(self) -> StoreError:
        """The sentence for a list that begins anew instead of ending."""
        return StoreAway(f"{self._service} sends a list of files that never ends.")

    def _explain_service(self, code: str, status: int) -> StoreError | None:
        if code in _BUSY or status in {408, 429} or status >= 500:
            return StoreAway(f"{self._service} is overloaded or out of order ({code or status}).")
        if code == "NoSuchBucket":
            return StoreRefused(f"{self._service} has no bucket {self._bucket}.")
        if code in _CREDENTIALS:
            return StoreRefused(f"{self._service} refused the credentials ({code}).")
        if code in _REGION:
            return StoreRefused(f"The bucket {self._bucket} is in another region: write its `region` beside the url.")
        if code == _SKEWED:
            return StoreRefused(f"{self._service} refused the login: the clock of this machine is out.")
        return None

    def _explain_file(self, code: str, status: int, file: RemoteFile | None, done: str) -> StoreError:
        why = "access is denied" if status == 403 else f"S3 answers {code or status}"
        if file is None:
            return StoreRefused(f"{self._service} does not show the bucket {self._bucket}: {why}.")
        if code in _MISSING or status == 404:
            return gone(file)
        if status == 412:
            return changed(file)
        if code == _ARCHIVED:
            why = "it lies in cold storage and must be restored first"
        return FileRefused(f"{file.name} cannot be {done}: {why}.")


def _find_answer(error: BaseException | None) -> boto.ClientError | None:
    """The service's answer behind what s3fs made of it."""
    while error is not None:
        if isinstance(error, boto.ClientError):
            return error
        error = error.__cause__
    return None
