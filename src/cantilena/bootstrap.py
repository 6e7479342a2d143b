"""Where things are found: the settings of this process turned into folders. The composition root."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.cache import ContentStore
from cantilena.errors import OptionError, VoicebankError
from cantilena.settings import Settings

if TYPE_CHECKING:
    from cantilena.distribution.cache import VoicebankCache
    from cantilena.ports.objects import ObjectStore

_CHECKOUT = Path(__file__).resolve().parents[2]


def voicebank_folders(settings: Settings) -> tuple[Path, ...]:
    """Folders that hold voicebanks, in the order they are searched.

    ``VOICEBANK_DIR`` alone when it is set; else ``assets/voicebanks`` of the checkout this runs from; else what the
    data package ``cantilena-voice-vesper`` installed.

    Raises
    ------
    VoicebankError
        ``voicebank_folder_missing``: ``VOICEBANK_DIR`` names no folder.
    """
    if settings.voicebank_dir is not None:
        if not settings.voicebank_dir.is_dir():
            raise VoicebankError(
                "voicebank_folder_missing",
                f"VOICEBANK_DIR names {settings.voicebank_dir}, which is not a folder.",
                hint="Point VOICEBANK_DIR at a folder that holds voicebanks, or unset it.",
            )
        return (settings.voicebank_dir,)
    checkout = _CHECKOUT / "assets" / "voicebanks"
    if checkout.is_dir():
        return (checkout,)
    if find_spec("cantilena_voice_vesper") is None:
        return ()
    from cantilena_voice_vesper import voicebanks_dir

    return (voicebanks_dir(),)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing; others bring a part of "google"
        return False


@cache
def voicebank_objects(settings: Settings) -> ObjectStore:
    """The bucket of the voicebanks.

    Raises
    ------
    OptionError
        ``voicebank_bucket_unset``, ``extra_missing``.
    """
    if not settings.voicebank_bucket:
        raise OptionError(
            "voicebank_bucket_unset",
            "No bucket of voicebanks is named.",
            hint="Set VOICEBANK_BUCKET, or STORAGE_BUCKET, to the name of the bucket.",
        )
    if not all(map(_is_installed, ("google.cloud.storage", "portalocker"))):
        raise OptionError(
            "extra_missing",
            "Voicebanks in a bucket need packages that are not installed.",
            hint="Run pip install 'cantilena[gcp]'.",
        )
    from cantilena.adapters.gcs_objects import GcsObjects

    return GcsObjects(settings.voicebank_bucket)


@cache
def voicebank_cache(settings: Settings) -> VoicebankCache:
    """The voicebanks of the bucket on this machine; raises as :func:`voicebank_objects`."""
    objects = voicebank_objects(settings)
    from cantilena.distribution.cache import VoicebankCache

    return VoicebankCache(
        settings.voicebank_cache_dir,
        objects=objects,
        prefix=settings.voicebank_prefix,
        max_bytes=settings.voicebank_cache_max_bytes,
        check_seconds=settings.voicebank_check_seconds,
    )


@cache
def content_store(settings: Settings) -> ContentStore | None:
    """Where phrases, quantised models and dictionaries are kept, the same for all songs; None: nowhere."""
    if settings.cache_max_bytes == 0:
        return None
    return ContentStore(settings.cache_dir, max_bytes=settings.cache_max_bytes)
