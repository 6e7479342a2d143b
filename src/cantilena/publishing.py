"""The voicebanks of the bucket: publish one, list and describe them, take one home, keep the cache in order.

Composes :mod:`cantilena.distribution` with this process's settings. These verbs talk to the bucket in any ``APP_ENV``,
because somebody asked for just that; singing does so in ``prod`` alone (:mod:`cantilena.voicebanks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.bootstrap import voicebank_cache, voicebank_folders, voicebank_objects
from cantilena.errors import OutputError, VoicebankError
from cantilena.settings import load_settings
from cantilena.voicebank.vocoders import find_package, named_vocoder
from cantilena.voicebanks import check_voicebank

if TYPE_CHECKING:
    from cantilena.distribution.cache import CacheEntry
    from cantilena.distribution.catalogue import RemoteVoicebank
    from cantilena.distribution.fetch import OnDownload
    from cantilena.distribution.publish import OnUpload, Published


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
    from cantilena.distribution.catalogue import list_remote

    return list_remote(cache)


def remote_voicebank_info(voicebank_id: str) -> RemoteVoicebank:
    """What the bucket tells of one voicebank, without downloading it.

    Raises
    ------
    VoicebankError
        ``voicebank_unknown`` and the like.
    """
    cache = voicebank_cache(load_settings())
    from cantilena.distribution.catalogue import describe_remote

    return describe_remote(cache, voicebank_id)


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
    info = report.info
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
