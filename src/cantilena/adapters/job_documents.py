"""Jobs as documents of plain values, and back; what every store that keeps documents has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cantilena.adapters.known_fields import known_fields
from cantilena.ports.jobs import Job, JobOutput, JobProblem, JobWarning, Lease

Document = dict[str, Any]


def to_document(job: Job) -> Document:
    """A job as mappings, lists, texts and numbers."""
    document = asdict(job)
    document["voicebank"] = dict(zip(("id", "version"), job.voicebank, strict=True)) if job.voicebank else None
    document["outputs"] = list(document["outputs"])
    document["warnings"] = list(document["warnings"])
    return document


def from_document(document: Mapping[str, Any]) -> Job:
    """The job that :func:`to_document` wrote; fields of a later version are left alone."""
    values = known_fields(Job, document)
    voicebank, error, lease = values["voicebank"], values["error"], values["lease"]
    values["voicebank"] = (voicebank["id"], voicebank["version"]) if voicebank else None
    values["error"] = JobProblem(**known_fields(JobProblem, error)) if error else None
    values["lease"] = Lease(**known_fields(Lease, lease)) if lease else None
    values["outputs"] = tuple(JobOutput(**known_fields(JobOutput, output)) for output in values["outputs"])
    values["warnings"] = tuple(JobWarning(**known_fields(JobWarning, warning)) for warning in values["warnings"])
    return Job(**values)
