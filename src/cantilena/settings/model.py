"""The settings of a process: one field for each environment variable, with how it is read and what is allowed."""

# ruff: noqa: RUF009  # each default declares a field, as dataclasses.field does
from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Literal, TypeVar

from cantilena.settings.readers import (
    SIGNING_KEY_LENGTH,
    TOKEN_LENGTH,
    Reader,
    read_address,
    read_bytes,
    read_choice,
    read_folder,
    read_matching,
    read_number,
    read_origin,
    read_origins,
    read_prefix,
    read_secret,
    read_switch,
    read_text,
)

LogFormat = Literal["console", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
AppEnv = Literal["local", "dev", "test", "prod"]
IdentityKind = Literal["none", "firebase"]
DispatchKind = Literal["queue", "tasks"]

_MAX_THREADS: Final = 256
_MAX_SECONDS: Final = 86_400
_MAX_LINK_SECONDS: Final = 7 * 86_400
_MAX_UPLOAD_BYTES: Final = 16 * 1024**2
"""What the reader of scores takes at most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable: how its text is read (None: not allowed), what is allowed, and what it is for."""

    name: str
    read: Reader
    allowed: str
    description: str
    secret: bool = False


def _setting(default: T, name: str, reader: Reader, allowed: str, description: str, *, secret: bool = False) -> T:
    variable = Variable(name=name, read=reader, allowed=allowed, description=description, secret=secret)
    declared: T = field(default=default, repr=not secret, metadata={"variable": variable})
    return declared


def _count(high: int, low: int = 0) -> tuple[Reader, str]:
    return read_number(low, high), f"a number from {low} to {high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment of one process; ``cantilena doctor`` prints each value and where it came from.

    The defaults are those of a process whose environment is empty, except for what depends on the machine or on other
    variables: :func:`~cantilena.settings.load_settings` tells these. An empty text is: none.
    """

    # fmt: off
    app_env: AppEnv = _setting(
        "local", "APP_ENV", read_choice("local", "dev", "test", "prod"), "local, dev, test or prod",
        "`prod` takes voicebanks from the bucket only, every other from local folders only.",
    )
    # buckets and voicebanks
    storage_bucket: str = _setting(
        "", "STORAGE_BUCKET", read_text, "the name of a bucket",
        "The project's bucket: scores and audio of the service.",
    )
    voicebank_bucket: str = _setting(
        "", "VOICEBANK_BUCKET", read_text, "the name of a bucket",
        "Bucket of the voicebanks; else STORAGE_BUCKET.",
    )
    voicebank_prefix: str = _setting(
        "assets/voicebanks", "VOICEBANK_PREFIX", read_prefix, "a folder in the bucket",
        "Folder of the voicebanks in the bucket.",
    )
    voicebank_cache_dir: Path = _setting(
        Path("/tmp/voicebanks"), "VOICEBANK_CACHE_DIR", read_folder, "a folder",
        "Where voicebanks of the bucket are kept on this machine.",
    )
    voicebank_cache_max_bytes: int | None = _setting(
        None, "VOICEBANK_CACHE_MAX_BYTES", read_bytes(), "a number of bytes, such as 2G",
        "Size of that folder at most; unset: half of its disk, 4 GB at most.",
    )
    voicebank_check_seconds: int = _setting(
        300, "VOICEBANK_CHECK_SECONDS", read_number(0, _MAX_SECONDS), f"a number of seconds up to {_MAX_SECONDS}",
        "How long a look into the bucket is believed.",
    )
    voicebank_default: str = _setting(
        "", "VOICEBANK_DEFAULT", read_text, "the id of a voicebank",
        "Who sings when no voicebank is named; unset: the first there is.",
    )
    voicebank_dir: Path | None = _setting(
        None, "VOICEBANK_DIR", Path, "a folder",
        "Folder of voicebanks; else assets/voicebanks of the checkout, else the installed voice.",
    )
    # logs
    log_format: LogFormat = _setting(
        "console", "LOG_FORMAT", read_choice("console", "json"), "console or json",
        "`json` writes one JSON object a line to standard error.",
    )
    log_level: LogLevel | None = _setting(
        None, "LOG_LEVEL", read_choice("DEBUG", "INFO", "WARNING", "ERROR"), "DEBUG, INFO, WARNING or ERROR",
        "Unset: INFO when LOG_FORMAT is `json`, else WARNING.",
    )
    # the machine
    threads: int = _setting(
        0, "CANTILENA_THREADS", *_count(_MAX_THREADS), "Threads of the models; 0: the cores this process may use.",
    )
    cache_dir: Path = _setting(
        Path("~/.cache/cantilena"), "CANTILENA_CACHE_DIR", read_folder, "a folder",
        "Folder where sung phrases are kept, so that only what changed is sung again.",
    )
    # A gigabyte holds an hour and a half of singing, or the quantised models of ten voicebanks. On Cloud Run every file
    # is held in the instance's memory, which the models need: a quarter of that there.
    cache_max_bytes: int = _setting(
        1024**3, "CANTILENA_CACHE_MAX_BYTES", read_bytes(), "a number of bytes, such as 500M",
        "Size of that folder at most; 0 keeps nothing.",
    )
    low_memory: bool = _setting(
        False, "CANTILENA_LOW_MEMORY", read_switch, "1 or 0",
        "1 keeps few models open at a time: less memory, more time.",
    )
    # the MCP server
    files_dir: Path = _setting(
        Path("~/Cantilena"), "CANTILENA_FILES_DIR", read_folder, "a folder",
        "Where `cantilena mcp` reads scores and writes songs; `--files` wins.",
    )
    mcp_token: str = _setting(
        "", "MCP_TOKEN", read_secret(TOKEN_LENGTH), f"at least {TOKEN_LENGTH} characters of ASCII",
        "What clients of `cantilena mcp --http` must send as bearer token.", secret=True,
    )
    # the service: where it listens and what it keeps
    port: int | None = _setting(
        None, "PORT", *_count(65535, 1), "Where `cantilena serve` listens, then on every address; `--port` wins.",
    )
    data_dir: Path = _setting(
        Path("~/.local/share/cantilena"), "DATA_DIR", read_folder, "a folder",
        "Where the service keeps sessions, jobs and their files where nothing else is named.",
    )
    google_cloud_project: str = _setting(
        "", "GOOGLE_CLOUD_PROJECT", read_text, "the id of a project",
        "Project of the documents, and whose traces the log lines belong to.",
    )
    firestore_database: str = _setting(
        "(default)", "FIRESTORE_DATABASE", read_matching(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]"),
        "the id of a database", "Database of sessions and jobs.",
    )
    firestore_emulator_host: str = _setting(
        "", "FIRESTORE_EMULATOR_HOST", read_text, "host:port", "Keep sessions and jobs in this emulator.",
    )
    storage_emulator_host: str = _setting(
        "", "STORAGE_EMULATOR_HOST", read_text, "an address", "Take this for Cloud Storage.",
    )
    allow_emulators: Literal["", "rehearsal"] = _setting(
        "", "ALLOW_EMULATORS", read_choice("rehearsal"), "rehearsal",
        "`rehearsal` lets `prod` use emulators, off Cloud Run only.",
    )
    # who may ask
    identity: IdentityKind = _setting(
        "none", "IDENTITY", read_choice("none", "firebase"), "none or firebase",
        "Who calls: nobody is asked, or the ID tokens of Firebase tell. Unset: `firebase` in `prod`, else `none`.",
    )
    firebase_project: str = _setting(
        "", "FIREBASE_PROJECT", read_matching(r"[a-z0-9][a-z0-9.:-]{2,}[a-z0-9]"), "the id of a project",
        "Whose ID tokens are accepted; else GOOGLE_CLOUD_PROJECT.",
    )
    identity_certs_url: str = _setting(
        "", "IDENTITY_CERTS_URL", read_address, "an address",
        "Where the certificates of tokens are fetched in rehearsals and tests; unset: from Google.",
    )
    allowed_origins: tuple[str, ...] = _setting(
        (), "ALLOWED_ORIGINS", read_origins, "addresses such as https://studio.example, with commas between",
        "Pages of other hosts that may call the service from a browser.",
    )
    # links
    link_signing_key: str = _setting(
        "", "LINK_SIGNING_KEY", read_secret(SIGNING_KEY_LENGTH),
        f"at least {SIGNING_KEY_LENGTH} characters of ASCII",
        "What links to audio are signed with; unset and not `prod`: a key in DATA_DIR.", secret=True,
    )
    link_signing_key_old: str = _setting(
        "", "LINK_SIGNING_KEY_OLD", read_secret(SIGNING_KEY_LENGTH),
        f"at least {SIGNING_KEY_LENGTH} characters of ASCII",
        "The key before, whose links are still accepted.", secret=True,
    )
    link_seconds: int = _setting(
        12 * 3600, "LINK_SECONDS", read_number(60, _MAX_LINK_SECONDS),
        f"a number of seconds from 60 to {_MAX_LINK_SECONDS}", "How long a link to audio is good, at least.",
    )
    # having jobs sung
    dispatch: DispatchKind = _setting(
        "queue", "DISPATCH", read_choice("queue", "tasks"), "queue or tasks",
        "Who is told of jobs: a queue in the process, or Cloud Tasks. Unset: `tasks` in `prod`, else `queue`.",
    )
    tasks_queue: str = _setting(
        "", "TASKS_QUEUE", read_matching("projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/queues/[A-Za-z0-9-]+"),
        "projects/PROJECT/locations/LOCATION/queues/QUEUE", "Queue of Cloud Tasks.",
    )
    tasks_service_account: str = _setting(
        "", "TASKS_SERVICE_ACCOUNT", read_matching(r"[^@\s]+@[^@\s]+"), "the e-mail address of a service account",
        "As whom Cloud Tasks calls the service.",
    )
    tasks_deadline_seconds: int = _setting(
        1800, "TASKS_DEADLINE_SECONDS", read_number(15, 1800), "a number of seconds from 15 to 1800",
        "How long Cloud Tasks waits for a song.",
    )
    tasks_emulator_host: str = _setting(
        "", "TASKS_EMULATOR_HOST", read_text, "host:port", "Take this for Cloud Tasks.",
    )
    service_url: str = _setting(
        "", "SERVICE_URL", read_origin, "an address such as https://sing.example",
        "Address of the service: where Cloud Tasks calls it, and what its tokens are for.",
    )
    job_lease_seconds: int = _setting(
        45, "JOB_LEASE_SECONDS", read_number(3, 600), "a number of seconds from 3 to 600",
        "How long a process that is not heard of keeps the jobs it sings.",
    )
    workers: int = _setting(1, "WORKERS", *_count(16, 1), "Processes that sing, in each process of the service.")
    # limits
    max_upload_bytes: int = _setting(
        _MAX_UPLOAD_BYTES, "MAX_UPLOAD_BYTES", read_bytes(1024, _MAX_UPLOAD_BYTES),
        "a number of bytes from 1K to 16M", "Size of a score at most.",
    )
    max_sessions: int = _setting(200, "MAX_SESSIONS", *_count(100_000, 1), "Sessions of one owner at most.")
    max_jobs: int = _setting(
        4, "MAX_JOBS", *_count(1000, 1), "Unfinished jobs of one owner at most. Unset: 16 in `local`, else 4.",
    )
    max_requests_per_minute: int = _setting(
        1200, "MAX_REQUESTS_PER_MINUTE", *_count(1_000_000),
        "Requests of one owner at most, for each process; 0: any number. Unset: 0 in `local`, else 1200.",
    )
    session_days: int = _setting(
        30, "SESSION_DAYS", *_count(365, 1), "Days until a session that nobody uses is deleted.",
    )
    job_days: int = _setting(7, "JOB_DAYS", *_count(365, 1), "Days until a job and its audio are deleted.")
    # fmt: on

    @property
    def is_rehearsal(self) -> bool:
        """Whether this is ``prod`` with emulators in place of the cloud."""
        return self.app_env == "prod" and self.allow_emulators == "rehearsal"


VARIABLES: Final[dict[str, Variable]] = {field.name: field.metadata["variable"] for field in fields(Settings)}
"""The variable of each field."""
