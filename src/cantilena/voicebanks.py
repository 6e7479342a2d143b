"""The voicebanks at hand: list them, tell what one is, open one.

Composes :mod:`cantilena.voicebank` with this process's settings; every interface calls what stands here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.bootstrap import content_store, voicebank_folders
from cantilena.settings import load_settings
from cantilena.voicebank import Voicebank, VoicebankInfo, describe_voicebank, find_voicebank, open_voicebank
from cantilena.voicebank import list_voicebanks as _list_voicebanks

if TYPE_CHECKING:
    from cantilena.singing.options import SingOptions


def list_voicebanks() -> tuple[VoicebankInfo, ...]:
    """The voicebanks at hand."""
    return _list_voicebanks(voicebank_folders(load_settings()))


def voicebank_info(voicebank: str | Path) -> VoicebankInfo:
    """What is known of one voicebank, by id or folder, without opening its models."""
    return describe_voicebank(find_voicebank(voicebank, voicebank_folders(load_settings())))


def resolve_voicebank(
    voicebank: str | Path | Voicebank | None, options: SingOptions, *, cache: bool = True
) -> Voicebank:
    """An open voicebank that runs its models as the options say.

    Parameters
    ----------
    voicebank : str, Path, Voicebank or None
        An id, a folder, an open voicebank, which is given back as it is; None: the first one there is.
    options : SingOptions
        Its device and precision.
    cache : bool
        Whether quantised models and parsed dictionaries are read from and kept in the cache.

    Raises
    ------
    VoicebankError
        As :func:`~cantilena.voicebank.find_voicebank` and :func:`~cantilena.voicebank.open_voicebank`.
    """
    if isinstance(voicebank, Voicebank):
        return voicebank
    settings = load_settings()
    return open_voicebank(
        find_voicebank(voicebank, voicebank_folders(settings)),
        threads=settings.threads,
        device=options.device,
        precision=options.precision,
        low_memory=settings.low_memory,
        store=content_store(settings) if cache else None,
    )
