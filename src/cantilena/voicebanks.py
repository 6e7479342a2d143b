"""The voicebanks at hand: list them, tell what one is, open one.

Composes :mod:`cantilena.voicebank` with this process's settings; every interface calls what stands here. Where
``APP_ENV`` is ``prod`` the voicebanks at hand are those of the bucket, fetched when they are asked for; everywhere else
they are those of local folders, and nothing that could talk to a bucket is even imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import finalize

from cantilena.bootstrap import content_store, voicebank_cache, voicebank_folders
from cantilena.errors import VoicebankError
from cantilena.settings import Settings, load_settings
from cantilena.voicebank import Voicebank, VoicebankInfo, find_voicebank, open_voicebank
from cantilena.voicebank import list_voicebanks as _list_voicebanks
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.origin import Origin
from cantilena.voicebank.threads import available_threads
from cantilena.voicebank.vocoders import named_vocoder

if TYPE_CHECKING:
    from cantilena.distribution.cache import VoicebankCache
    from cantilena.distribution.fetch import OnDownload
    from cantilena.singing.options import SingOptions
    from cantilena.voicebank.report import VoicebankReport


def list_voicebanks() -> tuple[VoicebankInfo, ...]:
    """The voicebanks at hand; of those in a bucket, what their publishers told."""
    settings = load_settings()
    if settings.app_env == "prod":
        return _published_voicebanks(voicebank_cache(settings))
    return _list_voicebanks(voicebank_folders(settings))


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
    engine = EngineOptions(threads=settings.threads or available_threads(), low_memory=settings.low_memory)
    with _located(voicebank, settings) as located:
        report, opened = inspect_voicebank(located.folder, engine, origin=located.origin)
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
    voicebank: str | Path | Voicebank | None,
    options: SingOptions,
    *,
    cache: bool = True,
    on_download: OnDownload | None = None,
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
    on_download : callable, optional
        Told how far a voicebank that has to be fetched is, from several threads.

    Raises
    ------
    VoicebankError
        As :func:`~cantilena.voicebank.find_voicebank` and :func:`~cantilena.voicebank.open_voicebank`, and where
        voicebanks come from a bucket as :meth:`~cantilena.distribution.cache.VoicebankCache.resolve`.
    """
    if isinstance(voicebank, Voicebank):
        return voicebank
    settings = load_settings()
    with _located(voicebank, settings, on_download) as located:
        opened = open_voicebank(
            located.folder,
            threads=settings.threads,
            device=options.device,
            precision=options.precision,
            low_memory=settings.low_memory,
            store=content_store(settings) if cache else None,
            origin=located.origin,
        )
        # Its files are not evicted as long as anybody can still sing with it.
        finalize(opened, located.leases.pop_all().close)
    return opened


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    """Where a voicebank lies; a fetched one stays there as long as its leases are held."""

    folder: Path
    origin: Origin | None
    leases: ExitStack


@contextmanager
def _located(
    voicebank: str | Path | None, settings: Settings, on_download: OnDownload | None = None
) -> Iterator[_Located]:
    with ExitStack() as leases:
        if settings.app_env != "prod":
            asked = voicebank if voicebank is not None else settings.voicebank_default or None
            yield _Located(folder=find_voicebank(asked, voicebank_folders(settings)), origin=None, leases=leases)
            return
        cache = voicebank_cache(settings)
        if voicebank is not None:
            wanted = str(voicebank)
        else:
            wanted = settings.voicebank_default or cache.chosen_id(lambda: _first(cache))
        copy = leases.enter_context(cache.resolve(wanted, on_progress=on_download))
        findings, vocoders = copy.findings, {}
        vocoder = named_vocoder(copy.folder)
        if vocoder is not None:
            shared = leases.enter_context(cache.resolve(vocoder, on_progress=on_download))
            findings, vocoders = (*findings, *shared.findings), {vocoder: shared.folder}
        origin = Origin(id=copy.id, version=copy.version, vocoders=vocoders, findings=findings)
        yield _Located(folder=copy.folder, origin=origin, leases=leases)


def _first(cache: VoicebankCache) -> str:
    """Who sings when nobody is asked for."""
    for info in _published_voicebanks(cache):
        if info.problem is None:
            return info.id
    raise VoicebankError(
        "voicebank_missing",
        "There is no voicebank in the bucket.",
        hint="Publish one with 'cantilena voicebank push DIR', and name it in VOICEBANK_DEFAULT.",
    )


def _published_voicebanks(cache: VoicebankCache) -> tuple[VoicebankInfo, ...]:
    from cantilena.distribution.catalogue import list_remote

    return tuple(remote.info for remote in list_remote(cache) if remote.kind == "voicebank")
