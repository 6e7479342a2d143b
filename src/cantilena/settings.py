"""Everything Cantilena reads from the environment, and the only module that does.

Built once per process by whoever starts it and handed down as plain arguments: no stage of the singing library sees
a ``Settings``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The environment of one process; ``cantilena doctor`` prints each value and where it came from."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    app_env: Literal["local", "test", "dev", "prod"] = Field(
        default="local", description="Where this runs; decides where voicebanks and jobs live."
    )
    voicebank_dir: Path | None = Field(
        default=None, description="Folder of voicebanks; default: assets/voicebanks of the checkout, else the data wheel."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="`json` writes one JSON object a line to standard error."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(
        default=None, description="Default: INFO with LOG_FORMAT=json, else WARNING."
    )
    threads: int = Field(
        default=0, ge=0, le=256, validation_alias="CANTILENA_THREADS",
        description="Threads of the models; 0: the cores this process may use.",
    )  # fmt: skip
