"""Google Cloud Storage as an :class:`~cantilena.ports.objects.ObjectStore`; the only module that imports its client.

Conventions
-----------
Every request has a time limit, and so has the retrying of it: nothing waits longer than ``REQUEST_SECONDS`` for one
answer to a small request, or ``STALL_SECONDS`` for the next bytes of a large one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from cantilena.ports.objects import MAX_READ_BYTES, Download, StorageError, StoredObject

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.storage import Blob, Bucket

CONNECT_SECONDS: Final = 3.05
STALL_SECONDS: Final = 15.0
REQUEST_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 20.0
"""For the content of an object; a small request is given up sooner, as whoever asks may do without."""
SMALL_RETRY_SECONDS: Final = 5.0
PARALLEL: Final = 4
"""Downloads at once: more gain nothing on two cores."""


class GcsObjects:
    """One bucket.

    Parameters
    ----------
    bucket : str
        Its name. Credentials and project are found as Google's clients do; ``STORAGE_EMULATOR_HOST`` is honoured.
    """

    def __init__(self, bucket: str) -> None:
        self._name = bucket

    @property
    def place(self) -> str:
        return f"gs://{self._name}"

    def read(self, name: str) -> bytes:
        content = _BoundedContent(f"{self.place}/{name}")
        with self._translated(name):
            self._blob(name).download_to_file(content, **_small_request())
        return bytes(content.received)

    def find(self, prefix: str) -> tuple[StoredObject, ...]:
        with self._translated(""):
            blobs = self._bucket.list_blobs(prefix=prefix, **_small_request())
            found = [
                StoredObject(
                    name=blob.name, size=int(blob.size or 0), crc32c=blob.crc32c or "", generation=blob.generation
                )
                for blob in blobs
            ]
        return tuple(sorted(found, key=lambda stored: stored.name))

    def folders(self, prefix: str) -> tuple[str, ...]:
        with self._translated(""):
            listing = self._bucket.list_blobs(prefix=prefix, delimiter="/", **_small_request())
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
                    "timeout": _timeout(STALL_SECONDS), "retry": _retry(RETRY_SECONDS), "checksum": None,
                },
                worker_type=transfer_manager.THREAD,
                max_workers=PARALLEL,
            )  # fmt: skip
        return tuple(
            self._translate(result, one.name) if isinstance(result, Exception) else None
            for result, one in zip(results, wanted, strict=True)
        )

    def create(self, name: str, source: Path | bytes) -> None:
        self._write(name, source, if_generation_match=0)

    def replace(self, name: str, source: Path | bytes) -> None:
        self._write(name, source)

    def delete(self, name: str) -> None:
        from google.api_core.exceptions import NotFound

        with self._translated(name):
            try:
                self._blob(name).delete(**_small_request())
            except NotFound:
                return

    def close(self) -> None:
        """Close the connections."""
        if "_bucket" in self.__dict__:
            self._bucket.client.close()

    def _write(self, name: str, source: Path | bytes, **precondition: int) -> None:
        arguments: dict[str, Any] = {
            "timeout": _timeout(4 * STALL_SECONDS), "retry": _retry(RETRY_SECONDS), "checksum": "crc32c",
            **precondition,
        }  # fmt: skip
        with self._translated(name):
            if isinstance(source, bytes):
                self._blob(name).upload_from_string(source, content_type="application/json", **arguments)
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
                hint="Set VOICEBANK_BUCKET to the name of the bucket that holds the voicebanks.",
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


def _small_request() -> dict[str, Any]:
    """Limits of a request whose answer is small."""
    return {"timeout": _timeout(REQUEST_SECONDS), "retry": _retry(SMALL_RETRY_SECONDS)}


def _timeout(seconds: float) -> tuple[float, float]:
    return (CONNECT_SECONDS, seconds)


def _retry(seconds: float) -> Retry:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return cast("Retry", DEFAULT_RETRY.with_timeout(seconds))
