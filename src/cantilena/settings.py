"""Everything Cantilena reads from the environment, and the only module that does.

Built once per process by whoever starts it and handed down as plain arguments: no stage of the singing library sees
a ``Settings``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cantilena.errors import OptionError


class Settings(BaseSettings):
    """The environment of one process; ``cantilena doctor`` prints each value and where it came from."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    voicebank_dir: Path | None = Field(
        default=None,
        description="Folder of voicebanks; else assets/voicebanks of the checkout, else the installed voice.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="`json` writes one JSON object a line to standard error."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(
        default=None, description="Unset: INFO when LOG_FORMAT is `json`, else WARNING."
    )
    cantilena_threads: int = Field(
        default=0, ge=0, le=256, description="Threads of the models; 0: the cores this process may use."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOrigin:
    """One setting: its variable, its value as text, where the value came from, and what it is for."""

    variable: str
    value: str
    origin: Literal["environment", "default"]
    description: str


def load_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    OptionError
        ``option_bad_environment``: a variable holds a value that is not allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = str(first["loc"][0]).upper()
        raise OptionError(
            "option_bad_environment",
            f"The environment variable {variable} is {first['input']!r}: {first['msg']}.",
            hint=f"Set {variable} to a value it allows, or unset it.",
        ) from error


def setting_origins(settings: Settings) -> tuple[SettingOrigin, ...]:
    """Every setting with its value and origin, in the order of the class."""
    present = {name.upper() for name in os.environ}
    return tuple(
        SettingOrigin(
            variable=name.upper(),
            value=str(getattr(settings, name)),
            origin="environment" if name.upper() in present else "default",
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )
