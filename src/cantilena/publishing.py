"""The voicebanks of the bucket: publish one, list and describe them, take one home, keep the cache in order.

Composes :mod:`cantilena.distribution` with this process's settings. These verbs talk to the bucket in any ``APP_ENV``,
because somebody asked for just that; singing does so in ``prod`` alone (:mod:`cantilena.voicebanks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.bootstrap import voicebank_cache, voicebank_folders, voicebank_objects
from cantilena.errors import CantilenaError, OutputError, VoicebankError
from cantilena.settings import load_settings
from cantilena.voicebank import VoicebankInfo
from cantilena.voicebank.vocoders import find_package, named_vocoder
from cantilena.voicebanks import check_voicebank

if TYPE_CHECKING:
    from cantilena.distribution.cache import CacheEntry
    from cantilena.distribution.fetch import OnDownload
    from cantilena.distribution.manifest import Manifest
    from cantilena.distribution.publish import OnUpload, Published


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteVoicebank:
    """What the bucket has under one id.

    Attributes
    ----------
    id, version : str
        Which voicebank, and which version of it; the version is empty when it has a ``problem``.
    bytes, files : int
        Of all its files, and how many there are.
    published : bool
        Whether it has a manifest; without one nothing but its files is known.
    info : mapping
        What its publisher told: name, languages, speakers, ranges, licence, credits, kind.
    problem : str or None
        Why it cannot be fetched.
    """

    id: str
    version: str = ""
    bytes: int = 0
    files: int = 0
    published: bool = False
    info: Mapping[str, Any]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found when a voicebank was looked at again.

    Attributes
    ----------
    id : str
        Of the voicebank.
    cached : tuple of str
        Paths in the cache that are not as they were fetched; their version was dropped.
    remote : tuple of str
        Paths in the bucket that are not as the manifest has them, or missing.
    """

    id: str
    cached: tuple[str, ...]
    remote: tuple[str, ...]

    @property
    def intact(self) -> bool:
        return not self.cached and not self.remote


def push_voicebank(
    folder: Path, *, voicebank_id: str | None = None, replacing: bool = False, on_upload: OnUpload | None = None
) -> Published:
    """Publish a voicebank, or a vocoder that several share, after trying whether it works.

    Parameters
    ----------
    folder : Path
        With a ``dsconfig.yaml``, or a ``vocoder.yaml``.
    voicebank_id : str, optional
        None: the folder's name.
    replacing : bool
        Whether another version under this id may be replaced.
    on_upload : callable, optional
        Told the path of each file that was uploaded.

    Raises
    ------
    VoicebankError
        ``voicebank_unpublishable``: it would not sing. Else as :func:`cantilena.distribution.publish.publish`.
    """
    settings = load_settings()
    objects = voicebank_objects(settings)
    from cantilena.distribution.publish import publish

    info = _vocoder_info(folder) or _voicebank_info(folder)
    return publish(
        folder.resolve(),
        voicebank_id or folder.resolve().name,
        objects=objects,
        prefix=settings.voicebank_prefix,
        info=info,
        replacing=replacing,
        on_upload=on_upload,
    )


def pull_voicebank(
    voicebank_id: str, *, to: Path | None = None, force: bool = False, on_progress: OnDownload | None = None
) -> tuple[Path, ...]:
    """Download a voicebank into a folder of one's own, and the vocoder it names, if it names one.

    Parameters
    ----------
    voicebank_id : str
        As the bucket has it.
    to : Path, optional
        Folder that will hold it; None: the one where voicebanks are looked for.
    force : bool
        Whether a folder of that name is replaced.
    on_progress : callable, optional
        Told of the download's progress.

    Returns
    -------
    tuple of Path
        The folders that were written.
    """
    settings = load_settings()
    cache = voicebank_cache(settings)
    from cantilena.distribution.publish import pull

    parent = to if to is not None else next(iter(voicebank_folders(settings)), None)
    if parent is None:
        raise OutputError(
            "output_unwritable",
            "There is no folder of voicebanks to put it into.",
            hint="Name one with --to, or set VOICEBANK_DIR.",
        )

    def take(name: str) -> Path:
        return pull(
            cache.remote_manifest(name),
            parent,
            objects=voicebank_objects(settings),
            prefix=settings.voicebank_prefix,
            force=force,
            on_progress=on_progress,
        )

    folder = take(voicebank_id)
    vocoder = named_vocoder(folder)
    if vocoder is None or (parent / vocoder).exists():
        return (folder,)
    return folder, take(vocoder)


def list_remote_voicebanks() -> tuple[RemoteVoicebank, ...]:
    """Everything in the bucket's folder of voicebanks, vocoders that several share among them."""
    cache = voicebank_cache(load_settings())
    return tuple(_describe(voicebank_id) for voicebank_id in cache.remote_ids())


def remote_voicebank_info(voicebank_id: str) -> RemoteVoicebank:
    """What the bucket tells of one voicebank, without downloading it.

    Raises
    ------
    VoicebankError
        ``voicebank_unknown`` and the like.
    """
    return _remote(voicebank_cache(load_settings()).remote_manifest(voicebank_id))


def verify_voicebank(voicebank_id: str) -> Verification:
    """Hash the cached copies of a voicebank again, and compare the bucket's files with its manifest.

    Raises
    ------
    VoicebankError
        It is not in the bucket, or the bucket is out of reach.
    """
    settings = load_settings()
    cache = voicebank_cache(settings)
    from cantilena.distribution.publish import missing_files

    manifest = cache.remote_manifest(voicebank_id)
    remote = f"{settings.voicebank_prefix}/{voicebank_id}/"
    lost = missing_files(voicebank_objects(settings), remote, manifest) if manifest.source == "manifest" else []
    return Verification(id=voicebank_id, cached=cache.verify(voicebank_id), remote=tuple(file.path for file in lost))


def prune_voicebanks(*, everything: bool = False) -> tuple[CacheEntry, ...]:
    """Remove cached versions that are no longer current, and leftovers; with ``everything`` all that nobody uses."""
    return voicebank_cache(load_settings()).prune(everything=everything)


def _describe(voicebank_id: str) -> RemoteVoicebank:
    try:
        return remote_voicebank_info(voicebank_id)
    except CantilenaError as error:
        return RemoteVoicebank(id=voicebank_id, info={}, problem=error.message)


def _remote(manifest: Manifest) -> RemoteVoicebank:
    return RemoteVoicebank(
        id=manifest.id,
        version=manifest.version,
        bytes=manifest.total_bytes,
        files=len(manifest.files),
        published=manifest.source == "manifest",
        info=manifest.info,
    )


def _voicebank_info(folder: Path) -> dict[str, Any]:
    report = check_voicebank(folder)
    errors = [problem for problem in report.problems if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise VoicebankError(
            "voicebank_unpublishable",
            f"The voicebank {folder} would not sing: {errors[0].message}{more}",
            hint="'cantilena voicebank check' tells all that is wrong.",
        )
    return to_document(report.info)


def to_document(info: VoicebankInfo) -> dict[str, Any]:
    """What is told of a voicebank to people and programs, wherever it lies."""
    return {
        "kind": "voicebank",
        "name": info.name,
        "languages": list(info.languages),
        "speakers": list(info.speakers),
        "ranges": {speaker: {"low": low, "high": high} for speaker, (low, high) in info.ranges.items()},
        "licence": info.licence,
        "credits": info.credits,
    }


def _vocoder_info(folder: Path) -> dict[str, Any] | None:
    """Of a folder that holds a vocoder and no voicebank; None: it holds something else."""
    vocoder = find_package(folder.resolve())
    if vocoder is None:
        return None
    return {"kind": "vocoder", "name": vocoder.name}
