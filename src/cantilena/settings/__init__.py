"""Everything Cantilena reads from the environment, and the only package that does.

Read once per process by whoever starts it and handed down as plain arguments: no stage of the singing library sees a
``Settings``. Plain code instead of a settings library, whose import takes longer than reading a score and laying out a
song together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cantilena.settings.folders import cache_folder, data_folder
from cantilena.settings.model import VARIABLES, AppEnv, LogFormat, LogLevel, Settings, Variable
from cantilena.settings.refusals import bad_environment, refuse_environment, refuse_settings

__all__ = [
    "AppEnv", "LogFormat", "LogLevel", "SettingOrigin", "Settings", "child_environment", "load_settings",
    "setting_origins",
]  # fmt: skip

_CACHE_BYTES_ON_CLOUD_RUN: Final = 256 * 1024**2
_INHERITED: Final = (
    "HOME", "PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "XDG_CACHE_HOME", "XDG_DATA_HOME",
    "LOCALAPPDATA", "SYSTEMROOT", "USERPROFILE", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX", "PYTHONWARNINGS", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "K_SERVICE", "K_REVISION", "CLOUD_RUN_JOB", "FIREBASE_AUTH_EMULATOR_HOST",
    "GOOGLE_APPLICATION_CREDENTIALS", "GCLOUD_PROJECT", "GCE_METADATA_HOST", "NO_GCE_CHECK",
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

    What only the service needs may be missing: :func:`~cantilena.settings.service.require_service` asks for it.

    Raises
    ------
    OptionError
        ``option_bad_environment``: a variable holds a value that is not allowed here.
    """
    refuse_environment(environment)
    values = _read_values(environment)
    for name, value in _defaults(environment, values).items():
        values.setdefault(name, value)
    settings = Settings(**values)  # type: ignore[arg-type]  # each reader gives its field's type
    refuse_settings(settings)
    return settings


def _read_values(environment: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, variable in VARIABLES.items():
        text = environment.get(variable.name, "").strip()
        if not text:
            continue
        value = variable.read(text)
        if value is None:
            raise bad_environment(
                f"The environment variable {variable.name} is {_shown(variable, repr(text[:40]))}, but must be "
                f"{variable.allowed}.",
                hint=f"Set {variable.name} to {variable.allowed}, or unset it.",
            )
        values[name] = value
    return values


def _defaults(environment: Mapping[str, str], values: Mapping[str, object]) -> dict[str, object]:
    """What depends on the machine, or on other variables."""
    defaults: dict[str, object] = {
        "cache_dir": cache_folder(environment),
        "data_dir": data_folder(environment),
        "voicebank_bucket": values.get("storage_bucket", ""),
        "firebase_project": values.get("google_cloud_project", ""),
    }
    if environment.get("K_SERVICE") or environment.get("CLOUD_RUN_JOB"):
        defaults["cache_max_bytes"] = _CACHE_BYTES_ON_CLOUD_RUN
    match values.get("app_env", "local"):
        case "prod":
            defaults |= {"identity": "firebase", "dispatch": "tasks"}
        case "local":
            defaults |= {"max_jobs": 16, "max_requests_per_minute": 0}
    return defaults


def setting_origins(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[SettingOrigin, ...]:
    """Every setting with its value and origin."""
    return tuple(
        SettingOrigin(
            variable=variable.name,
            value=_shown(variable, _as_text(getattr(settings, name))),
            origin="environment" if environment.get(variable.name, "").strip() else "default",
            description=variable.description,
        )
        for name, variable in VARIABLES.items()
    )


def _as_text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _shown(variable: Variable, text: str) -> str:
    """A value as it may be read by anybody who looks over the user's shoulder."""
    return "(not shown)" if variable.secret and text else text


def child_environment(settings: Settings, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a child that reads these settings: what they were read from, what Python and the cloud's
    client need, and no secret.

    The folder of the cache is named even where it is the platform's: the child may not have the user's home.
    """
    names = {variable.name for variable in VARIABLES.values() if not variable.secret}.union(_INHERITED)
    return {name: environment[name] for name in names if name in environment} | {
        "CANTILENA_CACHE_DIR": str(settings.cache_dir)
    }
