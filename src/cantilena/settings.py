"""Everything Cantilena reads from the environment, and the only module that does.

Built once per process by whoever starts it and handed down as plain arguments: no stage of the singing library sees
a ``Settings``. Plain code instead of a settings library, whose import takes longer than reading a score and laying out
a song together.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cantilena.errors import OptionError

LogFormat = Literal["console", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
AppEnv = Literal["local", "dev", "test", "prod"]

_MAX_THREADS: Final = 256
_MAX_SECONDS: Final = 86_400
_TOKEN_LENGTH: Final = 16
_CACHE_BYTES: Final = 1024**3
_CACHE_BYTES_ON_CLOUD_RUN: Final = 256 * 1024**2
_EMULATORS: Final = ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST")
_INHERITED: Final = (
    "HOME", "PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "XDG_CACHE_HOME", "LOCALAPPDATA",
    "SYSTEMROOT", "USERPROFILE", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX", "PYTHONWARNINGS", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "K_SERVICE", "K_REVISION", "CLOUD_RUN_JOB", "ALLOW_EMULATORS",
    "GOOGLE_APPLICATION_CREDENTIALS", "GCLOUD_PROJECT", "GCE_METADATA_HOST", "NO_GCE_CHECK",
)  # fmt: skip
_BYTE_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment of one process; ``cantilena doctor`` prints each value and where it came from.

    Attributes
    ----------
    app_env : {"local", "dev", "test", "prod"}
        ``APP_ENV``. ``prod`` takes voicebanks from the bucket only, every other from local folders only.
    voicebank_dir : Path or None
        ``VOICEBANK_DIR``.
    storage_bucket : str
        ``STORAGE_BUCKET``: the project's bucket; empty: none.
    voicebank_bucket : str
        ``VOICEBANK_BUCKET``, else ``STORAGE_BUCKET``; empty: none.
    voicebank_prefix : str
        ``VOICEBANK_PREFIX``: the folder of voicebanks in the bucket.
    voicebank_cache_dir : Path
        ``VOICEBANK_CACHE_DIR``: where voicebanks of the bucket are kept.
    voicebank_cache_max_bytes : int or None
        ``VOICEBANK_CACHE_MAX_BYTES``; None: half the disk of that folder, four gigabytes at most.
    voicebank_check_seconds : int
        ``VOICEBANK_CHECK_SECONDS``: how long a look into the bucket is believed.
    voicebank_default : str
        ``VOICEBANK_DEFAULT``: who sings when nobody is asked for; empty: the first there is.
    log_format : {"console", "json"}
        ``LOG_FORMAT``.
    log_level : {"DEBUG", "INFO", "WARNING", "ERROR"} or None
        ``LOG_LEVEL``; None: INFO when ``log_format`` is json, else WARNING.
    google_cloud_project : str
        ``GOOGLE_CLOUD_PROJECT``: whose traces log lines belong to; empty: none.
    threads : int
        ``CANTILENA_THREADS``; 0: the cores this process may use.
    cache_dir : Path
        ``CANTILENA_CACHE_DIR``; else ``cantilena`` in the platform's folder for what can be computed again.
    cache_max_bytes : int
        ``CANTILENA_CACHE_MAX_BYTES``; 0: nothing is kept. A gigabyte holds an hour and a half of singing, or the
        quantised models of ten voicebanks. On Cloud Run every file is held in the instance's memory, which the models
        need: a quarter of that there.
    low_memory : bool
        ``CANTILENA_LOW_MEMORY``.
    files_dir : Path
        ``CANTILENA_FILES_DIR``: where the MCP server reads scores and writes songs unless it is told otherwise.
    mcp_token : str
        ``MCP_TOKEN``: what clients of the MCP server over HTTP must know; empty: nothing.
    """

    app_env: AppEnv = "local"
    voicebank_dir: Path | None = None
    storage_bucket: str = ""
    voicebank_bucket: str = ""
    voicebank_prefix: str = "assets/voicebanks"
    voicebank_cache_dir: Path = Path("/tmp/voicebanks")
    voicebank_cache_max_bytes: int | None = None
    voicebank_check_seconds: int = 300
    voicebank_default: str = ""
    log_format: LogFormat = "console"
    log_level: LogLevel | None = None
    google_cloud_project: str = ""
    threads: int = 0
    cache_dir: Path = Path("~/.cache/cantilena")
    cache_max_bytes: int = _CACHE_BYTES
    low_memory: bool = False
    files_dir: Path = Path("~/Cantilena")
    mcp_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    """An environment variable, the field it fills, how its text is read (None: not allowed) and what is allowed."""

    name: str
    field: str
    read: Callable[[str], object | None]
    allowed: str
    description: str
    secret: bool = False


def _read_choice(*choices: str) -> Callable[[str], str | None]:
    return lambda text: next((choice for choice in choices if choice.casefold() == text.casefold()), None)


def _read_folder(text: str) -> Path:
    return Path(text).expanduser()


def _read_prefix(text: str) -> str | None:
    prefix = text.strip("/")
    return prefix if prefix and not {"", ".", ".."} & set(prefix.split("/")) else None


def _read_bytes(text: str) -> int | None:
    """A number of bytes, or of kilo-, mega- or gigabytes: ``500M``."""
    number, unit = text.rstrip("kKmMgG"), text[len(text.rstrip("kKmMgG")) :].casefold()
    if not number.isdecimal() or unit not in _BYTE_UNITS:
        return None
    return int(number) * _BYTE_UNITS[unit]


def _read_switch(text: str) -> bool | None:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.casefold())


def _read_threads(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) <= _MAX_THREADS else None


def _read_seconds(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) <= _MAX_SECONDS else None


def _read_text(text: str) -> str:
    return text


def _read_token(text: str) -> str | None:
    return text if text.isascii() and text.isprintable() and _TOKEN_LENGTH <= len(text) <= 4096 else None


_VARIABLES: Final = (
    _Variable(
        name="APP_ENV", field="app_env", read=_read_choice("local", "dev", "test", "prod"),
        allowed="local, dev, test or prod",
        description="`prod` takes voicebanks from the bucket only, every other from local folders only.",
    ),
    _Variable(
        name="STORAGE_BUCKET", field="storage_bucket", read=_read_text, allowed="the name of a bucket",
        description="The project's bucket.",
    ),
    _Variable(
        name="VOICEBANK_BUCKET", field="voicebank_bucket", read=_read_text, allowed="the name of a bucket",
        description="Bucket of the voicebanks; else STORAGE_BUCKET.",
    ),
    _Variable(
        name="VOICEBANK_PREFIX", field="voicebank_prefix", read=_read_prefix, allowed="a folder in the bucket",
        description="Folder of the voicebanks in the bucket.",
    ),
    _Variable(
        name="VOICEBANK_CACHE_DIR", field="voicebank_cache_dir", read=_read_folder, allowed="a folder",
        description="Where voicebanks of the bucket are kept on this machine.",
    ),
    _Variable(
        name="VOICEBANK_CACHE_MAX_BYTES", field="voicebank_cache_max_bytes", read=_read_bytes,
        allowed="a number of bytes, such as 2G",
        description="Size of that folder at most; unset: half of its disk, 4 GB at most.",
    ),
    _Variable(
        name="VOICEBANK_CHECK_SECONDS", field="voicebank_check_seconds", read=_read_seconds,
        allowed=f"a number of seconds up to {_MAX_SECONDS}",
        description="How long a look into the bucket is believed.",
    ),
    _Variable(
        name="VOICEBANK_DEFAULT", field="voicebank_default", read=_read_text, allowed="the id of a voicebank",
        description="Who sings when no voicebank is named; unset: the first there is.",
    ),
    _Variable(
        name="VOICEBANK_DIR", field="voicebank_dir", read=Path, allowed="a folder",
        description="Folder of voicebanks; else assets/voicebanks of the checkout, else the installed voice.",
    ),
    _Variable(
        name="LOG_FORMAT", field="log_format", read=_read_choice("console", "json"), allowed="console or json",
        description="`json` writes one JSON object a line to standard error.",
    ),
    _Variable(
        name="LOG_LEVEL", field="log_level", read=_read_choice("DEBUG", "INFO", "WARNING", "ERROR"),
        allowed="DEBUG, INFO, WARNING or ERROR", description="Unset: INFO when LOG_FORMAT is `json`, else WARNING.",
    ),
    _Variable(
        name="GOOGLE_CLOUD_PROJECT", field="google_cloud_project", read=_read_text, allowed="the id of a project",
        description="Project whose traces the log lines belong to.",
    ),
    _Variable(
        name="CANTILENA_THREADS", field="threads", read=_read_threads, allowed=f"a number from 0 to {_MAX_THREADS}",
        description="Threads of the models; 0: the cores this process may use.",
    ),
    _Variable(
        name="CANTILENA_CACHE_DIR", field="cache_dir", read=_read_folder, allowed="a folder",
        description="Folder where sung phrases are kept, so that only what changed is sung again.",
    ),
    _Variable(
        name="CANTILENA_CACHE_MAX_BYTES", field="cache_max_bytes", read=_read_bytes,
        allowed="a number of bytes, such as 500M", description="Size of that folder at most; 0 keeps nothing.",
    ),
    _Variable(
        name="CANTILENA_LOW_MEMORY", field="low_memory", read=_read_switch, allowed="1 or 0",
        description="1 keeps few models open at a time: less memory, more time.",
    ),
    _Variable(
        name="CANTILENA_FILES_DIR", field="files_dir", read=_read_folder, allowed="a folder",
        description="Where `cantilena mcp` reads scores and writes songs; `--files` wins.",
    ),
    _Variable(
        name="MCP_TOKEN", field="mcp_token", read=_read_token, secret=True,
        allowed=f"at least {_TOKEN_LENGTH} characters of ASCII",
        description="What clients of `cantilena mcp --http` must send as bearer token.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOrigin:
    """One setting: its variable, its value as text, where the value came from, and what it is for."""

    variable: str
    value: str
    origin: Literal["environment", "default"]
    description: str


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment; a variable that is empty counts as unset.

    Raises
    ------
    OptionError
        ``option_bad_environment``: a variable holds a value that is not allowed here.
    """
    _require_environment(environment)
    values: dict[str, object] = {"cache_dir": _cache_folder(environment)}
    if environment.get("K_SERVICE") or environment.get("CLOUD_RUN_JOB"):
        values["cache_max_bytes"] = _CACHE_BYTES_ON_CLOUD_RUN
    for variable in _VARIABLES:
        text = environment.get(variable.name, "").strip()
        if not text:
            continue
        value = variable.read(text)
        if value is None:
            raise OptionError(
                "option_bad_environment",
                f"The environment variable {variable.name} is {_shown(variable, repr(text[:40]))}, but must be "
                f"{variable.allowed}.",
                hint=f"Set {variable.name} to {variable.allowed}, or unset it.",
            )
        values[variable.field] = value
    values.setdefault("voicebank_bucket", values.get("storage_bucket", ""))
    return Settings(**values)  # type: ignore[arg-type]  # each reader gives its field's type


def _require_environment(environment: Mapping[str, str]) -> None:
    """Refuse what would make a service of others sing from, or write to, the wrong place."""
    named = environment.get("APP_ENV", "").strip()
    if environment.get("K_SERVICE") and not named:
        raise OptionError(
            "option_bad_environment",
            "APP_ENV is not set, but this runs on Cloud Run.",
            hint="Set APP_ENV to prod.",
        )
    emulators = [name for name in _EMULATORS if environment.get(name)]
    rehearsal = environment.get("ALLOW_EMULATORS") == "rehearsal" and not environment.get("K_SERVICE")
    if named.casefold() == "prod" and emulators and not rehearsal:
        raise OptionError(
            "option_bad_environment",
            f"{' and '.join(emulators)} must not be set where APP_ENV is prod.",
            hint="Unset it; for a rehearsal off Cloud Run set ALLOW_EMULATORS to rehearsal.",
        )


def _cache_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where this platform keeps what can be computed again, for this user."""
    named = environment.get("LOCALAPPDATA" if platform == "win32" else "XDG_CACHE_HOME", "")
    if Path(named).is_absolute():  # anything else is to be ignored, as the specification of XDG says
        return Path(named) / "cantilena"
    try:
        home = Path.home()
    except RuntimeError:  # a container's user without a name or a home
        from tempfile import gettempdir  # an import of 15 ms that nobody else needs so early

        return Path(gettempdir()) / f"cantilena-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    beneath = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(platform, ".cache")
    return home / beneath / "cantilena"


def setting_origins(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[SettingOrigin, ...]:
    """Every setting with its value and origin."""
    return tuple(
        SettingOrigin(
            variable=variable.name,
            value=_shown(variable, str(getattr(settings, variable.field))),
            origin="environment" if environment.get(variable.name, "").strip() else "default",
            description=variable.description,
        )
        for variable in _VARIABLES
    )


def _shown(variable: _Variable, text: str) -> str:
    """A value as it may be read by anybody who looks over the user's shoulder."""
    return "(not shown)" if variable.secret and text else text


def child_environment(settings: Settings, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a child that reads these settings: what they were read from, what Python and the cloud's
    client need, and no secret.

    The folder of the cache is named even where it is the platform's: the child may not have the user's home.
    """
    settings_of_it = {variable.name for variable in _VARIABLES if not variable.secret}
    names = settings_of_it.union(_INHERITED, _EMULATORS)
    return {name: environment[name] for name in names if name in environment} | {
        "CANTILENA_CACHE_DIR": str(settings.cache_dir)
    }
