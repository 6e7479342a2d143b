"""What the service works with, made out of the settings of this process: the composition root of the HTTP interface.

Conventions
-----------
Nothing here talks to anything outside: a client of the cloud connects when it is first asked. What is heavy is imported
only where the settings call for it, and nothing imports the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from cantilena.errors import OptionError
from cantilena.ports.dispatch import Dispatcher
from cantilena.ports.identity import Identity
from cantilena.ports.jobs import JobStore
from cantilena.ports.objects import ObjectStore
from cantilena.ports.sessions import SessionStore
from cantilena.service.job_watch import JobWatch
from cantilena.service.limits import Limits
from cantilena.service.links import Links
from cantilena.service.sessions import SessionLimits, Sessions
from cantilena.service.song_pace import SongPace
from cantilena.service.songs import SongLimits, Songs
from cantilena.service.telling_jobs import TellingJobs
from cantilena.settings import Settings
from cantilena.settings.service import document_store, object_store

if TYPE_CHECKING:
    from cantilena.voicebank import VoicebankInfo

_DAY: Final = 86_400.0
_TASK_MARGIN_SECONDS: Final = 60.0
_SQLITE_LOOK_SECONDS: Final = 0.25
_BILLED_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where things are kept.

    Attributes
    ----------
    sessions, jobs
        Documents.
    objects : ObjectStore
        Files, given up within seconds: a request waits for them.
    patient_objects : ObjectStore
        The same files, for work that can wait.
    """

    sessions: SessionStore
    jobs: JobStore
    objects: ObjectStore
    patient_objects: ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the routes work with."""

    settings: Settings
    stores: Stores
    jobs: TellingJobs
    sessions: Sessions
    songs: Songs
    watch: JobWatch
    identity: Identity
    links: Links
    limits: Limits
    dispatcher: Dispatcher
    voicebanks: Callable[[], Collection[VoicebankInfo]]
    task_identity: Identity | None = None
    """Of whoever has jobs sung over HTTP; None: nobody may."""


def make_service(
    settings: Settings,
    *,
    stores: Stores,
    jobs: TellingJobs,
    identity: Identity,
    links: Links,
    dispatcher: Dispatcher,
    voicebanks: Callable[[], Collection[VoicebankInfo]],
    task_identity: Identity | None = None,
) -> Service:
    """Put the service together over whatever fulfils its ports; ``jobs`` lie over the jobs of the stores."""
    is_billed = document_store(settings) == "firestore"
    watch = JobWatch(jobs, seconds=_BILLED_LOOK_SECONDS if is_billed else _SQLITE_LOOK_SECONDS)
    pace = SongPace(song_seconds(settings))
    jobs.listen(on_seen=watch.tell, on_written=pace.learn)
    sessions = Sessions(
        stores.sessions,
        jobs,
        stores.objects,
        limits=SessionLimits(most=settings.max_sessions, keep_seconds=settings.session_days * _DAY),
    )
    songs = Songs(
        jobs,
        sessions,
        stores.objects,
        dispatcher,
        voicebank_ids=lambda: [info.id for info in voicebanks()],
        pace=pace,
        limits=SongLimits(most=settings.max_jobs, keep_seconds=settings.job_days * _DAY),
    )
    return Service(
        settings=settings,
        stores=stores,
        jobs=jobs,
        sessions=sessions,
        songs=songs,
        watch=watch,
        identity=identity,
        links=links,
        limits=Limits(settings.max_requests_per_minute),
        dispatcher=dispatcher,
        voicebanks=voicebanks,
        task_identity=task_identity,
    )


def open_stores(settings: Settings) -> Stores:
    """The stores that the settings name.

    Raises
    ------
    OptionError
        ``extra_missing``.
    CantilenaError
        A local one cannot be opened.
    """
    sessions, jobs = _documents(settings)
    if object_store(settings) == "bucket":
        _require_extra("google.cloud.storage")
        from cantilena.adapters.gcs_objects import PROMPT, GcsObjects

        objects: ObjectStore = GcsObjects(settings.storage_bucket, patience=PROMPT)
        return Stores(
            sessions=sessions, jobs=jobs, objects=objects, patient_objects=GcsObjects(settings.storage_bucket)
        )
    from cantilena.adapters.folder_objects import FolderObjects

    folder = FolderObjects(settings.data_dir / "objects")
    return Stores(sessions=sessions, jobs=jobs, objects=folder, patient_objects=folder)


def _documents(settings: Settings) -> tuple[SessionStore, JobStore]:
    if document_store(settings) == "firestore":
        _require_extra("google.cloud.firestore")
        from cantilena.adapters.firestore_client import FirestoreDatabase
        from cantilena.adapters.firestore_jobs import FirestoreJobs
        from cantilena.adapters.firestore_sessions import FirestoreSessions

        database = FirestoreDatabase(settings.google_cloud_project, database=settings.firestore_database)
        return FirestoreSessions(database), FirestoreJobs(database)
    from cantilena.adapters.sqlite_jobs import SqliteJobs
    from cantilena.adapters.sqlite_sessions import SqliteSessions

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    file = settings.data_dir / "cantilena.sqlite"
    return SqliteSessions(file), SqliteJobs(file)


def open_links(settings: Settings) -> Links:
    """Whoever signs links, with the key of the settings, else with this machine's own.

    Raises
    ------
    OptionError
        ``link_key_unreadable``, ``link_key_exposed``.
    """
    if settings.link_signing_key:
        keys = [settings.link_signing_key, *filter(None, [settings.link_signing_key_old])]
    else:
        from cantilena.adapters.link_key_file import read_or_make_key

        keys = [read_or_make_key(settings.data_dir)]
    return Links(keys, seconds=settings.link_seconds)


def open_identity(settings: Settings) -> Identity:
    """Whoever recognises callers.

    Raises
    ------
    OptionError
        ``extra_missing``.
    """
    if settings.identity == "none":
        from cantilena.adapters.no_identity import NoIdentity

        return NoIdentity()
    from cantilena.adapters.google_identity import FIREBASE_KEYS, FirebaseIdentity
    from cantilena.adapters.google_keys import SigningKeys

    _require_extra("google.auth")
    return FirebaseIdentity(settings.firebase_project, keys=SigningKeys(settings.identity_certs_url or FIREBASE_KEYS))


def open_task_identity(settings: Settings) -> Identity | None:
    """Whoever recognises the task queue; None: there is none. Raises as :func:`open_identity`."""
    if settings.dispatch != "tasks":
        return None
    from cantilena.adapters.google_identity import GOOGLE_KEYS, TasksIdentity
    from cantilena.adapters.google_keys import SigningKeys

    _require_extra("google.auth")
    return TasksIdentity(
        audience=_task_audience(settings),
        account=settings.tasks_service_account,
        keys=SigningKeys(settings.identity_certs_url or GOOGLE_KEYS),
    )


def open_tasks(settings: Settings) -> Dispatcher:
    """The task queue of the settings; raises ``extra_missing``."""
    _require_extra("google.cloud.tasks")
    from cantilena.adapters.cloud_tasks import CloudTasks

    return CloudTasks(
        queue=settings.tasks_queue,
        url=settings.service_url,
        audience=_task_audience(settings),
        service_account=settings.tasks_service_account,
        deadline_seconds=settings.tasks_deadline_seconds,
        emulator=settings.tasks_emulator_host,
    )


def _task_audience(settings: Settings) -> str:
    """What tokens of the task queue are for.

    Not the bare address: Cloud Run takes the signature off tokens for that which it checked itself.
    """
    return f"{settings.service_url}/internal"


def find_voicebanks() -> tuple[VoicebankInfo, ...]:
    """The voicebanks at hand; raises as :func:`cantilena.voicebanks.list_voicebanks`."""
    from cantilena.voicebanks import list_voicebanks

    return list_voicebanks()


def song_seconds(settings: Settings) -> float | None:
    """What the singing of one song may take: less than its task is given, for its files are on their way too.

    None: as long as it likes.
    """
    if settings.dispatch != "tasks":
        return None
    deadline = float(settings.tasks_deadline_seconds)
    return deadline - min(_TASK_MARGIN_SECONDS, deadline / 4.0)


def _require_extra(module: str) -> None:
    try:
        is_there = find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        is_there = False
    if not is_there:
        raise OptionError(
            "extra_missing",
            "What the service uses of the cloud needs packages that are not installed.",
            hint="Run pip install 'cantilena[serve,gcp]'.",
        )
