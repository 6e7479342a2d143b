"""Firestore: documents read, written and asked for; the only module that imports its client.

Conventions
-----------
Every call has a time limit, shorter than whoever asks over HTTP may wait. What only reads is begun again when the
connection breaks; what writes is not, as nobody could tell whether it was written. Revisions are the times of the last
update, in all their digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Literal, TypeVar, cast

import grpc
from google.api_core import exceptions
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports.grpc import FirestoreGrpcTransport

from cantilena.adapters.silence import Silence, StillSilent
from cantilena.errors import OptionError

WRITE_SECONDS: Final = 2.0
READ_SECONDS: Final = 1.7
READ_AGAIN_SECONDS: Final = 0.8
"""How long a read is begun again: the last one begun may take ``READ_SECONDS`` more."""
_CHANNEL: Final = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 3_000),  # how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 1_000),  # the usual two minutes are two minutes of 503
    ("grpc.max_receive_message_length", -1),
)
_ID: Final = re.compile(r"(?!__)[A-Za-z0-9_.-]{1,200}(?<!\.)")
_NEVER: Final = Retry(predicate=if_exception_type())
"""No retry at all: the client takes None for its own usual one in some places."""

Fields = dict[str, Any]
Operator = Literal["==", "in", "<=", ">"]
Condition = tuple[str, Operator, Any]
Direction = Literal["ASCENDING", "DESCENDING"]
Reason = Literal["exists", "missing", "changed", "unreachable", "denied", "refused", "index_missing", "no_database"]
_T = TypeVar("_T")
_REASONS: Final[Mapping[type[Exception], Reason]] = {
    exceptions.AlreadyExists: "exists",
    exceptions.NotFound: "no_database",
    exceptions.InvalidArgument: "refused",
    exceptions.Forbidden: "denied",
    exceptions.Unauthorized: "denied",
}
"""What errors mean; all others: the server cannot now."""
_WRITING: Final[Mapping[type[Exception], Reason]] = {
    **_REASONS, exceptions.NotFound: "missing", exceptions.FailedPrecondition: "changed", exceptions.Aborted: "changed",
}  # fmt: skip
_ASKING: Final[Mapping[type[Exception], Reason]] = {**_REASONS, exceptions.FailedPrecondition: "index_missing"}


class DocumentError(Exception):
    """What was asked was not done; the message says why, for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as it was read, with the revision that writing it asks for."""

    id: str
    fields: Fields
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which documents are asked for.

    Attributes
    ----------
    collection : str
        Where they lie.
    where : tuple of Condition
        What their fields must be.
    order : tuple of (str, Direction)
        How they come; ``__name__`` is the document's id.
    limit : int
        How many at most.
    """

    collection: str
    where: tuple[Condition, ...]
    order: tuple[tuple[str, Direction], ...] = ()
    limit: int


class FirestoreDatabase:
    """One database of a project.

    Parameters
    ----------
    project : str
        Its id; never empty, as Google's client would go on with a project of its own invention.
    database : str
        Id of the database.

    Raises
    ------
    OptionError
        ``project_missing``, ``credentials_missing``.
    DocumentError
        From every method: ``unreachable``, ``denied``, and what is said there.

    Notes
    -----
    Credentials are found as Google's clients do; ``FIRESTORE_EMULATOR_HOST`` is honoured.
    """

    def __init__(self, project: str, *, database: str = "(default)") -> None:
        if not project:
            raise OptionError(
                "project_missing",
                "No project is named whose documents are meant.",
                hint="Set GOOGLE_CLOUD_PROJECT.",
            )
        try:
            self._client = _Client(project=project, database=database)
        except (DefaultCredentialsError, OSError) as error:
            raise OptionError(
                "credentials_missing",
                f"There are no credentials for the documents of the project {project}.",
                hint="Run 'gcloud auth application-default login', or set FIRESTORE_EMULATOR_HOST.",
            ) from error
        self._place = f"{project}/{database}"
        self._silence = Silence()
        self._reads = 0
        self._lock = Lock()

    @property
    def document_reads(self) -> int:
        """How many documents were read so far: what Google's bill counts."""
        return self._reads

    def read(self, collection: str, document_id: str) -> Document | None:
        """A document; None: there is none."""
        if not is_document_id(document_id):
            return None
        reference = self._client.collection(collection).document(document_id)
        snapshot = self._ask(lambda: reference.get(retry=_NEVER, timeout=READ_SECONDS))
        self._count(1)
        return _document(snapshot) if snapshot.exists else None

    def create(self, collection: str, document_id: str, fields: Mapping[str, Any]) -> None:
        """Write a new document; ``exists``, ``refused``: it is too large."""
        reference = self._client.collection(collection).document(document_id)
        self._call(lambda: reference.create(dict(fields), retry=None, timeout=WRITE_SECONDS))

    def write(self, collection: str, document_id: str, fields: Mapping[str, Any], *, revision: str) -> str:
        """Write fields of a document that was read at a revision; gives the new one.

        ``changed``, ``missing``; ``refused``: it is too large.
        """
        reference = self._client.collection(collection).document(document_id)
        read_at = self._client.write_option(last_update_time=_update_time(revision))
        try:
            result = self._call(
                lambda: reference.update(dict(fields), option=read_at, retry=None, timeout=WRITE_SECONDS),
                reasons=_WRITING,
            )
        except DocumentError as error:
            if error.reason == "changed" and self.read(collection, document_id) is None:
                raise DocumentError("missing", str(error)) from error
            raise
        return _revision(result.update_time)

    def find(self, query: Query, *, after: Mapping[str, Any] | None = None) -> tuple[Document, ...]:
        """The documents of a query, from the one after the values ``after`` of its order on."""
        asked = self._query(query)
        if after is not None:
            asked = asked.start_after(dict(after))
        snapshots = self._ask(lambda: list(asked.stream(retry=_NEVER, timeout=READ_SECONDS)))
        self._count(max(len(snapshots), 1))
        return tuple(map(_document, snapshots))

    def count(self, query: Query) -> int:
        """How many documents a query has, up to its limit."""
        counted = self._query(query).count(alias="n")
        answer = self._ask(lambda: counted.get(retry=_NEVER, timeout=READ_SECONDS))
        self._count(1)
        return int(answer[0][0].value)

    def delete(self, collection: str, document_id: str) -> None:
        """Remove a document; one that is not there is no error."""
        if not is_document_id(document_id):
            return
        reference = self._client.collection(collection).document(document_id)
        self._call(lambda: reference.delete(retry=None, timeout=WRITE_SECONDS))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _query(self, query: Query) -> Any:  # noqa: ANN401 -- the client's types are not known to mypy
        asked = self._client.collection(query.collection).limit(query.limit)
        for field, operator, value in query.where:
            asked = asked.where(filter=FieldFilter(field, operator, value))
        for field, direction in query.order:
            asked = asked.order_by(field, direction=direction)
        return asked

    def _count(self, documents: int) -> None:
        with self._lock:
            self._reads += documents

    def _ask(self, read: Callable[[], _T]) -> _T:
        """A call that changes nothing, begun again when the connection breaks."""
        again = Retry(
            predicate=if_exception_type(exceptions.ServiceUnavailable),
            initial=0.1, maximum=0.4, timeout=READ_AGAIN_SECONDS,
        )  # fmt: skip
        return self._call(again(read), reasons=_ASKING)

    def _call(self, call: Callable[[], _T], *, reasons: Mapping[type[Exception], Reason] = _REASONS) -> _T:
        try:
            with self._silence.call():
                try:
                    return call()
                except exceptions.DeadlineExceeded as error:
                    raise TimeoutError from error
                except (exceptions.ServiceUnavailable, exceptions.RetryError) as error:
                    raise self._unreachable(type(error).__name__) from error
                except (exceptions.GoogleAPICallError, GoogleAuthError) as error:
                    answer = error
        except (TimeoutError, StillSilent) as error:
            raise self._unreachable("no answer") from error
        reason: Reason = next((what for kind, what in reasons.items() if isinstance(answer, kind)), "unreachable")
        raise DocumentError(reason, f"{self._place}: {type(answer).__name__}") from answer

    def _unreachable(self, why: str) -> DocumentError:
        return DocumentError("unreachable", f"{self._place}: {why}")


class _Client(firestore.Client):
    """Google's client with a channel that looks for a lost server every second."""

    def __init__(self, *, project: str, database: str) -> None:
        super().__init__(project=project, database=database)
        if self._emulator_host is not None:
            channel = grpc.insecure_channel(self._emulator_host, options=_CHANNEL)
        else:
            channel = FirestoreGrpcTransport.create_channel(
                self._target, credentials=self._credentials, options=_CHANNEL
            )
        self._transport = FirestoreGrpcTransport(host=self._target, channel=channel)
        self._firestore_api_internal = FirestoreClient(transport=self._transport)


def is_document_id(text: str) -> bool:
    """Whether a text can be the id of a document of ours; what is asked for comes from outside."""
    return _ID.fullmatch(text) is not None


def _document(snapshot: Any) -> Document:  # noqa: ANN401 -- the client's types are not known to mypy
    return Document(id=snapshot.id, fields=snapshot.to_dict(), revision=_revision(snapshot.update_time))


def _update_time(revision: str) -> DatetimeWithNanoseconds:
    return cast("DatetimeWithNanoseconds", DatetimeWithNanoseconds.from_rfc3339(revision))  # type: ignore[no-untyped-call]


def _revision(update_time: Any) -> str:  # noqa: ANN401 -- the client's types are not known to mypy
    return str(update_time.rfc3339())
