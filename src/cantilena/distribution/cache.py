"""Voicebanks of a bucket on this machine's disk: fetched when first asked for, verified, shared, evicted.

Conventions
-----------
A version never changes once it is there (:mod:`cantilena.distribution.cache_folder` says where). Whoever sings holds a
lease; what is leased is not evicted. One process at a time asks the bucket about an id and downloads it; the others
wait and share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cantilena.distribution.cache_folder import CacheFolder, RemoteState, bytes_in
from cantilena.distribution.fetch import OnDownload, disk_error, fetch_files, is_intact
from cantilena.distribution.locks import SharedLock, alone, alone_if_free
from cantilena.distribution.manifest import Manifest, manifest_of_listing, read_manifest
from cantilena.distribution.names import MANIFEST_NAME, PUBLISHING_NAME, check_id
from cantilena.errors import VoicebankError
from cantilena.findings import Finding
from cantilena.ports.objects import ObjectStore, StorageError
from cantilena.tracing import log_voicebank, stopwatch

_WAIT_SECONDS: Final = 900.0
_SPARE_BYTES: Final = 64 * 1024**2
"""Room left on the disk beside a voicebank, for the audio and whatever else is written."""
_ABANDONED_SECONDS: Final = 86_400.0
"""A download that was killed so long ago will hardly be taken up again."""
_RETRY_SECONDS: Final = 30.0
"""While the bucket does not answer, it is asked no more often than this."""
_CHOSEN: Final = "@chosen"  # no id has an @
_MOST_DEFAULT_BYTES: Final = 4 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedVoicebank:
    """A version of a voicebank on this disk; hold it open while its files are used.

    Attributes
    ----------
    id, version : str
        Which one.
    folder : Path
        Where it lies.
    findings : tuple of Finding
        What its user should know: an unreachable bucket, a missing manifest.
    """

    id: str
    version: str
    folder: Path
    findings: tuple[Finding, ...]
    lease: SharedLock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lease.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """One version that lies in the cache."""

    id: str
    version: str
    bytes: int
    used_at: float
    is_current: bool


class VoicebankCache:
    """The cache of one bucket.

    Parameters
    ----------
    folder : Path
        Made when it is missing; refused when it is not ours alone.
    objects : ObjectStore
        The bucket.
    prefix : str
        Folder of the voicebanks in it, without a slash at its end.
    max_bytes : int or None
        Of all voicebanks together; None: half the disk that holds the cache, four gigabytes at most (on an instance
        whose disk is memory, half the memory).
    check_seconds : float
        How long what was seen in the bucket is believed.
    now : callable
        Seconds of the wall clock; it may jump.
    """

    def __init__(
        self,
        folder: Path,
        *,
        objects: ObjectStore,
        prefix: str,
        max_bytes: int | None = None,
        check_seconds: float = 300.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._files = CacheFolder(folder)
        self._objects = objects
        self._prefix = prefix.strip("/")
        self._max_bytes = max_bytes
        self._check_seconds = check_seconds
        self._now = now

    def resolve(self, voicebank_id: str, *, on_progress: OnDownload | None = None) -> CachedVoicebank:
        """A verified copy of a voicebank, downloaded if need be.

        Parameters
        ----------
        voicebank_id : str
            Exactly as the bucket has it.
        on_progress : callable, optional
            Told of a download's progress, from several threads.

        Raises
        ------
        VoicebankError
            ``voicebank_unknown``: not in the bucket. ``voicebank_being_published``, ``voicebank_busy``,
            ``voicebank_unreachable`` (all retryable). ``voicebank_corrupt``, ``voicebank_incomplete``,
            ``voicebank_manifest_broken``. ``voicebank_no_space``, ``voicebank_too_large``,
            ``voicebank_cache_unwritable``, ``voicebank_cache_unsafe``.
        """
        check_id(voicebank_id)
        try:
            self._files.prepare()
            return self._fresh_copy(voicebank_id) or self._checked_copy(voicebank_id, on_progress)
        except OSError as error:
            raise disk_error(error, self._files.folder) from error

    def remote_manifest(self, voicebank_id: str) -> Manifest:
        """What the bucket has under an id, without downloading it.

        Raises
        ------
        VoicebankError
            As :meth:`resolve`.
        """
        check_id(voicebank_id)
        place = f"{self._objects.place}/{self._remote(voicebank_id)}"
        try:
            content = self._objects.read(self._remote(voicebank_id) + MANIFEST_NAME)
        except StorageError as error:
            if error.code != "storage_object_missing":
                raise _unreachable(error, voicebank_id) from error
        else:
            return read_manifest(content, voicebank_id=voicebank_id, place=place + MANIFEST_NAME)
        try:
            objects = self._objects.find(self._remote(voicebank_id))
        except StorageError as error:
            raise _unreachable(error, voicebank_id) from error
        names = {stored.name.removeprefix(self._remote(voicebank_id)) for stored in objects}
        if PUBLISHING_NAME in names:
            raise VoicebankError(
                "voicebank_being_published", f"The voicebank {voicebank_id} is just being published.",
                hint="Try again in a moment; if its publishing was broken off, push it again.", retryable=True,
            )  # fmt: skip
        if not any(not name.endswith("/") for name in names if name):
            raise VoicebankError(
                "voicebank_unknown", f"There is no voicebank {voicebank_id!r} in {self._objects.place}/{self._prefix}.",
                hint="'cantilena voicebank list --remote' lists what is there.",
            )  # fmt: skip
        return manifest_of_listing(voicebank_id, self._remote(voicebank_id), objects, place=place)

    def chosen_id(self, choose: Callable[[], str]) -> str:
        """Who sings when nobody is named: asked for anew no more often than the bucket is.

        Parameters
        ----------
        choose : callable
            Looks into the bucket.

        Raises
        ------
        VoicebankError
            What ``choose`` raises, unless the bucket is out of reach and there was a choice before.
        """
        self._files.prepare()
        state = self._files.read_state(_CHOSEN)
        if state is not None and self._is_fresh(state):
            return state.version
        try:
            chosen = RemoteState(version=choose(), checked_at=self._now(), reached=True)
        except VoicebankError as error:
            if error.code != "voicebank_unreachable" or state is None:
                raise
            chosen = RemoteState(version=state.version, checked_at=self._now(), reached=False)
        self._files.write_state(_CHOSEN, chosen)
        return chosen.version

    def remote_ids(self) -> tuple[str, ...]:
        """Every folder of voicebanks in the bucket that has a proper id.

        Raises
        ------
        VoicebankError
            ``voicebank_unreachable``.
        """
        try:
            names = self._objects.folders(self._prefix + "/")
        except StorageError as error:
            raise VoicebankError(
                "voicebank_unreachable",
                f"The voicebanks of {self._objects.place} cannot be listed: {error.message}",
                hint=error.hint or "Try again later.",
                retryable=error.retryable,
            ) from error
        ids = []
        for name in names:
            with suppress(VoicebankError):
                ids.append(check_id(name))
        return tuple(ids)

    def entries(self) -> tuple[CacheEntry, ...]:
        """What lies in the cache, the one used longest ago first."""
        found = []
        for manifest in self._files.manifests():
            state = self._files.read_state(manifest.id)
            found.append(
                CacheEntry(
                    id=manifest.id,
                    version=manifest.version,
                    bytes=manifest.total_bytes,
                    used_at=self._files.used_at(manifest.id, manifest.version),
                    is_current=state is not None and state.version == manifest.version,
                )
            )
        return tuple(sorted(found, key=lambda entry: entry.used_at))

    def verify(self, voicebank_id: str) -> tuple[str, ...]:
        """Hash the files of every cached version of a voicebank again.

        Returns
        -------
        tuple of str
            Paths of the files that are not as they were; the versions they belong to are dropped.
        """
        self._files.prepare()
        wrong: list[str] = []
        for manifest in self._files.manifests():
            if manifest.id != voicebank_id:
                continue
            folder = self._files.version(manifest.id, manifest.version)
            bad = [file.path for file in manifest.files if not is_intact(folder / file.path, file)]
            if bad:
                log_voicebank("voicebank_corrupt", voicebank=manifest.id, version=manifest.version, files=len(bad))
                self._files.drop(manifest.id, manifest.version)
                wrong += bad
        return tuple(wrong)

    def prune(self, *, everything: bool = False) -> tuple[CacheEntry, ...]:
        """Remove versions that are no longer current, leftovers of downloads, and what exceeds the limit.

        Parameters
        ----------
        everything : bool
            Remove all that nobody is using.
        """
        self._files.prepare()
        self._sweep()
        removed = [
            entry
            for entry in self.entries()
            if (everything or not entry.is_current) and self._evict(entry, reason="pruned")
        ]
        return (*removed, *self._make_room(0))

    # -- deciding

    def _fresh_copy(self, voicebank_id: str) -> CachedVoicebank | None:
        """The cached copy, when the bucket was asked a short while ago."""
        state = self._files.read_state(voicebank_id)
        if state is None or not state.version:
            return None
        if not self._is_fresh(state):
            return None
        return self._leased(voicebank_id, state.version, () if state.reached else (_stale(voicebank_id),))

    def _is_fresh(self, state: RemoteState) -> bool:
        """Whether what was seen is still believed."""
        patience = self._check_seconds if state.reached else min(_RETRY_SECONDS, self._check_seconds)
        return 0 <= self._now() - state.checked_at < patience  # a clock that jumped back proves nothing

    def _checked_copy(self, voicebank_id: str, on_progress: OnDownload | None) -> CachedVoicebank:
        """The copy that the bucket says is right; one process at a time asks and downloads."""
        with alone(self._files.id_lock(voicebank_id), seconds=_WAIT_SECONDS, purpose=f"the voicebank {voicebank_id}"):
            found = self._fresh_copy(voicebank_id)  # somebody else may have fetched it meanwhile
            if found is not None:
                return found
            try:
                manifest = self.remote_manifest(voicebank_id)
            except VoicebankError as error:
                return self._copy_without_bucket(voicebank_id, error)
            findings = (_without_manifest(voicebank_id),) if manifest.source == "listing" else ()
            copy = self._leased(voicebank_id, manifest.version, findings) or self._download(
                manifest, findings, on_progress
            )
            self._files.write_state(
                voicebank_id, RemoteState(version=manifest.version, checked_at=self._now(), reached=True)
            )
            for entry in self.entries():
                if entry.id == voicebank_id and entry.version != manifest.version:
                    self._evict(entry, reason="replaced")
            return copy

    def _copy_without_bucket(self, voicebank_id: str, error: VoicebankError) -> CachedVoicebank:
        """What can be sung when the bucket gives no manifest that can be used; else its error."""
        if error.code == "voicebank_unknown":
            self._files.write_state(voicebank_id, RemoteState(version="", checked_at=self._now(), reached=True))
            raise error
        state = self._files.read_state(voicebank_id)
        copy = self._leased(voicebank_id, state.version, (_stale(voicebank_id),)) if state and state.version else None
        if copy is None or state is None:
            raise error
        self._files.write_state(voicebank_id, RemoteState(version=state.version, checked_at=self._now(), reached=False))
        return copy

    def _leased(self, voicebank_id: str, version: str, findings: tuple[Finding, ...]) -> CachedVoicebank | None:
        """A version that is whole, held so that nobody removes it; None: it is not there."""
        lease = SharedLock.try_acquire(self._files.use_lock(voicebank_id, version))
        if lease is None:
            return None
        manifest = self._files.read_manifest(voicebank_id, version)
        if manifest is None or not self._files.holds(manifest):
            lease.release()
            return None
        self._files.mark_used(voicebank_id, version)
        log_voicebank("voicebank_cache_hit", voicebank=voicebank_id, version=version)
        folder = self._files.version(voicebank_id, version)
        return CachedVoicebank(id=voicebank_id, version=version, folder=folder, findings=findings, lease=lease)

    # -- acting; the lock of the id is held

    def _download(
        self, manifest: Manifest, findings: tuple[Finding, ...], on_progress: OnDownload | None
    ) -> CachedVoicebank:
        partial = self._files.partial(manifest.id, manifest.version)
        for _, leftover in self._files.partials(manifest.id):
            if leftover != partial:
                self._files.remove(leftover)
        self._sweep(older_than=_ABANDONED_SECONDS)
        self._require_room(manifest)
        about = {"voicebank": manifest.id, "version": manifest.version, "files": len(manifest.files)}
        log_voicebank("voicebank_download_begin", **about, bytes=manifest.total_bytes)
        with stopwatch() as elapsed:
            received = fetch_files(
                manifest, partial, objects=self._objects, remote=self._remote(manifest.id), on_progress=on_progress
            )
            use_lock = self._files.use_lock(manifest.id, manifest.version)
            with alone(use_lock, seconds=_WAIT_SECONDS, purpose=f"the files of {manifest.id}"):
                # Something may lie there that was whole once, but lost its manifest or a file.
                self._files.drop(manifest.id, manifest.version)
                (partial / "files").replace(self._files.version(manifest.id, manifest.version))
                self._files.write_manifest(manifest)
        self._files.remove(partial)
        log_voicebank(
            "voicebank_downloaded",
            **about,
            bytes=received,
            elapsed_ms=round(elapsed[0], 1),
            mb_per_s=round(received / 1e3 / max(elapsed[0], 0.001), 1),
        )
        copy = self._leased(manifest.id, manifest.version, findings)
        if copy is None:
            raise VoicebankError(
                "voicebank_cache_unwritable",
                f"The voicebank {manifest.id} vanished from {self._files.folder} at once.",
                hint="Let nothing else write to the voicebank cache.",
                retryable=True,
            )
        return copy

    def _sweep(self, *, older_than: float = 0.0) -> None:
        """Remove what downloads that were killed have left, and not touched for some seconds."""
        for voicebank_id, partial in self._files.partials():
            with alone_if_free(self._files.id_lock(voicebank_id)) as free:
                if free and self._now() - self._files.touched_at(partial) >= older_than:
                    self._files.remove(partial)

    def _require_room(self, manifest: Manifest) -> None:
        limit = self._limit()
        if manifest.total_bytes > limit:
            raise VoicebankError(
                "voicebank_too_large",
                f"The voicebank {manifest.id} has {_mb(manifest.total_bytes)}, but the cache may hold {_mb(limit)}.",
                hint="Raise VOICEBANK_CACHE_MAX_BYTES, or set VOICEBANK_CACHE_DIR to a larger disk.",
            )
        if self._files.free_bytes < manifest.total_bytes + _SPARE_BYTES:
            self._sweep()
        self._make_room(manifest.total_bytes)
        here = bytes_in(self._files.partial(manifest.id, manifest.version))
        needed = manifest.total_bytes - here + _SPARE_BYTES
        free = self._files.free_bytes
        if free < needed:
            raise VoicebankError(
                "voicebank_no_space",
                f"The voicebank {manifest.id} needs {_mb(needed)}, but {self._files.folder} has {_mb(free)} left.",
                hint="Free some space, or set VOICEBANK_CACHE_DIR to a larger disk.",
            )

    def _make_room(self, wanted: int) -> tuple[CacheEntry, ...]:
        """Evict what was used longest ago until ``wanted`` more bytes fit the limit and the disk."""
        entries = self.entries()
        total, removed = sum(entry.bytes for entry in entries), []
        for entry in entries:
            enough = not wanted or self._files.free_bytes >= wanted + _SPARE_BYTES
            if enough and total + wanted <= self._limit():
                break
            if self._evict(entry, reason="room"):
                total -= entry.bytes
                removed.append(entry)
        return tuple(removed)

    def _limit(self) -> int:
        if self._max_bytes is not None:
            return self._max_bytes
        return min(_MOST_DEFAULT_BYTES, self._files.disk_bytes // 2)

    def _evict(self, entry: CacheEntry, *, reason: str) -> bool:
        """Remove a version unless somebody is using it."""
        with alone_if_free(self._files.use_lock(entry.id, entry.version)) as free:
            if free:
                self._files.drop(entry.id, entry.version)
                log_voicebank(
                    "voicebank_evicted", voicebank=entry.id, version=entry.version, bytes=entry.bytes, reason=reason
                )
        return free

    def _remote(self, voicebank_id: str) -> str:
        return f"{self._prefix}/{voicebank_id}/"


def _mb(n: int) -> str:
    return f"{n / 1024**2:.0f} MB"


def _unreachable(error: StorageError, voicebank_id: str) -> VoicebankError:
    return VoicebankError(
        "voicebank_unreachable",
        f"The voicebank {voicebank_id} cannot be asked for: {error.message}",
        hint=error.hint or "Try again later.",
        retryable=error.retryable,
    )


def _stale(voicebank_id: str) -> Finding:
    return Finding(
        code="voicebank_bucket_unreachable",
        message=f"The bucket cannot tell whether {voicebank_id} is up to date; it is sung as it was last fetched.",
        hint="If it stays so, look at the bucket with 'cantilena voicebank list --remote'.",
    )


def _without_manifest(voicebank_id: str) -> Finding:
    return Finding(
        code="voicebank_without_manifest",
        message=f"The voicebank {voicebank_id} lies in the bucket without a manifest; its files are checked less well.",
        hint="Publish it with 'cantilena voicebank push'.",
    )
