"""Google Cloud Storage as an :class:`~cantilena.ports.objects.ObjectStore`; the only module that imports its client.

Conventions
-----------
Every request has a time limit, and so has the retrying of it; how long they are is for whoever asks to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from cantilena.ports.objects import ANY_TYPE, MAX_READ_BYTES, Download, StorageError, StoredObject

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.storage import Blob, Bucket

PARALLEL: Final = 4
"""Downloads at once: more gain nothing on two cores."""
_BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the bucket is waited for, in seconds.

    Attributes
    ----------
    connect : float
        For a connection.
    request : float
        For the answer to a small request.
    stall : float
        For the next bytes of an object that is read.
    upload : float
        For the answer to an object that was sent.
    small_retry, retry : float
        How long a small request, and one for the content of an object, is begun again.
    """

    connect: float = 3.05
    request: float = 10.0
    stall: float = 15.0
    upload: float = 60.0
    small_retry: float = 5.0
    retry: float = 20.0


PATIENT: Final = Patience()
"""For work in the background: a voicebank on its way, a song that was sung."""
PROMPT: Final = Patience(connect=1.0, request=1.7, stall=1.7, upload=2.0, small_retry=1.0, retry=0.3)
"""For whoever waits for an answer: given up within three seconds."""


class GcsObjects:
    """One bucket.

    Parameters
    ----------
    bucket : str
        Its name. Credentials and project are found as Google's clients do; ``STORAGE_EMULATOR_HOST`` is honoured.
    patience : Patience
        :data:`PATIENT` or :data:`PROMPT`.
    """

    def __init__(self, bucket: str, *, patience: Patience = PATIENT) -> None:
        self._name = bucket
        self._patience = patience

    @property
    def place(self) -> str:
        return f"gs://{self._name}"

    def read(self, name: str) -> bytes:
        content = _BoundedContent(f"{self.place}/{name}")
        with self._translated(name):
            self._blob(name).download_to_file(content, **self._small_request())
        return bytes(content.received)

    def find(self, prefix: str) -> tuple[StoredObject, ...]:
        with self._translated(""):
            blobs = self._bucket.list_blobs(prefix=prefix, **self._small_request())
            found = [_known(blob) for blob in blobs]
        return tuple(sorted(found, key=lambda stored: stored.name))

    def folders(self, prefix: str) -> tuple[str, ...]:
        with self._translated(""):
            listing = self._bucket.list_blobs(prefix=prefix, delimiter="/", **self._small_request())
            for _ in listing:  # the folders are known once every page was read
                pass
            names = [folder.removeprefix(prefix).rstrip("/") for folder in listing.prefixes]
        return tuple(sorted(filter(None, names)))

    def download(self, wanted: Sequence[Download]) -> tuple[Exception | None, ...]:
        from google.cloud.storage import transfer_manager

        with self._translated(""):
            pairs = [(self._bucket.blob(one.name, generation=one.generation), one.sink) for one in wanted]
            results = transfer_manager.download_many(
                pairs,
                download_kwargs={  # whoever reads checks what came, by hashes of their own
                    **self._content_request(self._patience.stall), "checksum": None,
                },
                worker_type=transfer_manager.THREAD,
                max_workers=PARALLEL,
            )  # fmt: skip
        return tuple(
            self._translate(result, one.name) if isinstance(result, Exception) else None
            for result, one in zip(results, wanted, strict=True)
        )

    def find_one(self, name: str) -> StoredObject | None:
        with self._translated(name):
            blob = self._bucket.get_blob(name, **self._small_request())
        return None if blob is None else _known(blob)

    def stream(self, name: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        found = self.find_one(name)
        if found is None:
            raise StorageError("storage_object_missing", f"There is no object {self.place}/{name}.")
        return self._blocks(found, start, found.size if end is None else min(end, found.size))

    def create(self, name: str, source: Path | bytes, *, media_type: str = ANY_TYPE) -> None:
        self._write(name, source, media_type, if_generation_match=0)

    def replace(self, name: str, source: Path | bytes, *, media_type: str = ANY_TYPE) -> None:
        self._write(name, source, media_type)

    def delete(self, name: str) -> None:
        from google.api_core.exceptions import NotFound

        with self._translated(name):
            try:
                self._blob(name).delete(**self._small_request())
            except NotFound:
                return

    def ping(self) -> None:
        with self._translated(""):
            list(self._bucket.list_blobs(max_results=1, **self._small_request()))

    def close(self) -> None:
        """Close the connections."""
        if "_bucket" in self.__dict__:
            self._bucket.client.close()

    def _blocks(self, stored: StoredObject, start: int, end: int) -> Iterator[bytes]:
        """A request for each block: whoever stops reading leaves no answer behind that nobody takes."""
        blob = self._bucket.blob(stored.name, generation=stored.generation)
        request = self._content_request(self._patience.stall)
        for place in range(start, end, _BLOCK_BYTES):
            last = min(place + _BLOCK_BYTES, end) - 1
            with self._translated(stored.name):
                block = blob.download_as_bytes(start=place, end=last, raw_download=True, checksum=None, **request)
            yield block

    def _write(self, name: str, source: Path | bytes, media_type: str, **precondition: int) -> None:
        arguments: dict[str, Any] = {
            **self._content_request(self._patience.upload), "checksum": "crc32c", "content_type": media_type,
            **precondition,
        }  # fmt: skip
        with self._translated(name):
            if isinstance(source, bytes):
                self._blob(name).upload_from_string(source, **arguments)
            else:
                self._blob(name).upload_from_filename(str(source), **arguments)

    @cached_property
    def _bucket(self) -> Bucket:
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage

        try:
            return storage.Client().bucket(self._name)
        except (DefaultCredentialsError, OSError) as error:  # OSError: no project could be told
            raise StorageError(
                "storage_denied",
                f"There are no credentials for {self.place}.",
                hint="Run 'gcloud auth application-default login', or give the service an account that may read it.",
            ) from error

    def _blob(self, name: str) -> Blob:
        return self._bucket.blob(name)

    def _small_request(self) -> dict[str, Any]:
        """Limits of a request whose answer is small."""
        patience = self._patience
        return {"timeout": (patience.connect, patience.request), "retry": _retry(patience.small_retry)}

    def _content_request(self, seconds: float) -> dict[str, Any]:
        """Limits of a request that carries the content of an object."""
        return {"timeout": (self._patience.connect, seconds), "retry": _retry(self._patience.retry)}

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except Exception as error:
            translated = self._translate(error, name)
            if translated is error:
                raise
            raise translated from error

    def _translate(self, error: Exception, name: str) -> Exception:
        """What the client's exceptions mean; those of sinks and of our own stay as they are."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
        from requests.exceptions import RequestException

        named = f"{self.place}/{name}".rstrip("/")
        status = None
        if isinstance(error, InvalidResponse):
            status = error.response.status_code
        elif isinstance(error, GoogleAPICallError):
            status = error.code
        elif isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
            status = 401
        elif not isinstance(
            error, DataCorruption | RequestException | TransportError | RetryError | ConnectionError | TimeoutError
        ):
            return error
        if status == 404 and not name:
            return StorageError(
                "storage_bucket_missing",
                f"There is no bucket {self.place}.",
                hint="Set STORAGE_BUCKET, or VOICEBANK_BUCKET for voicebanks, to the name of a bucket that is there.",
            )
        if status == 404:
            return StorageError("storage_object_missing", f"There is no object {named}.")
        if status == 412:
            return StorageError("storage_object_exists", f"There is an object {named} already.")
        if status in (401, 403):
            return StorageError(
                "storage_denied",
                f"{named} may not be read or written with these credentials.",
                hint="Give the service's account the role Storage Object Viewer on the bucket; "
                "who publishes needs Storage Object User.",
            )
        return StorageError(
            "storage_unreachable",
            f"{named} could not be reached ({type(error).__name__}).",
            hint="Try again in a moment.",
            retryable=True,
        )


class _BoundedContent:
    """What was received of an object that should be small; one that is not is given up on the way."""

    def __init__(self, named: str) -> None:
        self.received = bytearray()
        self._named = named

    def write(self, content: bytes, /) -> int:
        if len(self.received) + len(content) > MAX_READ_BYTES:
            raise StorageError(
                "storage_object_too_large",
                f"{self._named} has more than {MAX_READ_BYTES // 1024**2} MB.",
                hint="Look who wrote it: what is read whole is always small.",
            )
        self.received += content
        return len(content)


def _known(blob: Blob) -> StoredObject:
    return StoredObject(name=blob.name, size=int(blob.size or 0), crc32c=blob.crc32c or "", generation=blob.generation)


def _retry(seconds: float) -> Retry:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return cast("Retry", DEFAULT_RETRY.with_delay(initial=min(1.0, seconds / 8)).with_timeout(seconds))
