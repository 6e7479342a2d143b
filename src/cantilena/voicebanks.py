"""The voicebanks at hand: list them, tell what one is, open one.

Composes :mod:`cantilena.voicebank` with this process's settings; every interface calls what stands here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.bootstrap import content_store, voicebank_folders
from cantilena.settings import load_settings
from cantilena.voicebank import Voicebank, VoicebankInfo, find_voicebank, open_voicebank
from cantilena.voicebank import list_voicebanks as _list_voicebanks
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import available_threads

if TYPE_CHECKING:
    from cantilena.singing.options import SingOptions
    from cantilena.voicebank.report import VoicebankReport


def list_voicebanks() -> tuple[VoicebankInfo, ...]:
    """The voicebanks at hand."""
    return _list_voicebanks(voicebank_folders(load_settings()))


def voicebank_info(voicebank: str | Path) -> VoicebankReport:
    """What one voicebank is and can do, by id or folder; its models are opened, and nothing is sung.

    Raises
    ------
    VoicebankError
        There is no such voicebank. What is wrong inside one that there is, is told in ``problems``.
    """
    report, _ = _inspect(voicebank)
    return report


def check_voicebank(voicebank: str | Path) -> VoicebankReport:
    """The same, and whether it sings, by running every model with a few notes and with every phoneme.

    Raises
    ------
    VoicebankError
        As :func:`voicebank_info`.
    """
    from cantilena.singing.trial import try_voicebank  # singing a song need not wait for what inspects voicebanks
    from cantilena.voicebank.report import as_problem

    report, opened = _inspect(voicebank)
    if opened is None:
        return report
    failures = (as_problem(failure.error, failure.file, report.info.folder) for failure in try_voicebank(opened))
    problems = dict.fromkeys((*report.problems, *failures))
    return replace(report, problems=tuple(sorted(problems, key=lambda problem: problem.severity)))


def _inspect(voicebank: str | Path) -> tuple[VoicebankReport, Voicebank | None]:
    from cantilena.voicebank.inspection import inspect_voicebank

    settings = load_settings()
    folder = find_voicebank(voicebank, voicebank_folders(settings))
    engine = EngineOptions(threads=settings.threads or available_threads(), low_memory=settings.low_memory)
    report, opened = inspect_voicebank(folder, engine)
    return replace(report, controls=_acting_controls(opened) if opened else ()), opened


def _acting_controls(voicebank: Voicebank) -> tuple[str, ...]:
    """The controls that change something, ``speaker`` among them where there are several to mix."""
    from cantilena.singing.control_effects import control_findings
    from cantilena.singing.controls import SCALES, ControlCurve, Controls

    def acts(name: str) -> bool:
        scale = SCALES[name]
        far = scale.low if scale.low != scale.neutral else scale.high
        return not control_findings(voicebank, Controls(curves={name: ControlCurve(times=(0.0,), values=(far,))}))

    return (*filter(acts, SCALES), *(["speaker"] if len(voicebank.speakers) > 1 else []))


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
