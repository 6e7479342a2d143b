"""What can be read: the outputs of a job, the score it was sung from, and what a voicebank is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import mcp_types as types

from cantilena.errors import OptionError
from cantilena.interfaces.mcp.catalogue import Content, Context, ResourceTemplate
from cantilena.interfaces.mcp.completions import Completions
from cantilena.interfaces.mcp.meta import call_meta
from cantilena.interfaces.mcp.results import output_uri
from cantilena.interfaces.mcp.score_tools import voicebank_details
from cantilena.interfaces.mcp.services import Services
from cantilena.service.media_types import MEDIA_TYPES

MAX_READ_BYTES: Final = 64 * 2**20  # an hour and a half of FLAC would be larger: save_audio has no bound
_LISTED: Final = 20
_TEXTS: Final = ("json", "musicxml")


def resources(services: Services, completions: Completions) -> tuple[ResourceTemplate, ...]:
    """The addresses below ``cantilena://``."""
    jobs = services.jobs

    def output(job_id: str, name: str) -> Content:
        found = next((one for one in jobs.get(job_id).outputs if one.name == name), None)
        if found is None:
            raise OptionError("output_unknown", f"The job {job_id[:80]!r} has no output {name[:80]!r}.")
        if found.bytes > MAX_READ_BYTES:
            raise OptionError(
                "output_too_large",
                f"The output {name!r} has {found.bytes} bytes, more than can be read as a resource.",
                hint="Write it to a file with save_audio.",
            )
        return _content(jobs.output(job_id, name), found.format)

    async def read_output(_: Context, variables: Mapping[str, str]) -> Content:
        return await services.run(partial(output, variables["job_id"], variables["name"]))

    async def list_outputs(context: Context) -> Sequence[types.Resource]:
        found = await services.run(partial(jobs.list, call_meta(context).session_id, limit=_LISTED))
        return [
            types.Resource(
                uri=output_uri(job.job_id, one.name), name=one.name, mime_type=MEDIA_TYPES[one.format], size=one.bytes
            )
            for job in found
            for one in job.outputs
        ]

    def score(job_id: str) -> Content:
        file = jobs.score(job_id)
        return _content(file, file.suffix[1:])

    async def read_score(_: Context, variables: Mapping[str, str]) -> Content:
        return await services.run(partial(score, variables["job_id"]))

    async def read_voicebank(_: Context, variables: Mapping[str, str]) -> Content:
        details = await services.run(partial(voicebank_details, services, variables["voicebank"]))
        return Content(data=details.model_dump_json(exclude_none=True), mime_type="application/json")

    async def list_voicebanks(_: Context) -> Sequence[types.Resource]:
        return [
            types.Resource(uri=f"cantilena://voicebanks/{info.id}", name=info.id, mime_type="application/json")
            for info in await services.run(services.voicebanks)
        ]

    return (
        ResourceTemplate(
            uri="cantilena://jobs/{job_id}/outputs/{name}",
            name="job-output",
            title="A song's audio or timings",
            description="A file of a job that succeeded: audio.<format>, or timings.json (phrases and notes in seconds "
            "of the audio).",
            read=read_output,
            listed=list_outputs,
            complete={"job_id": completions.job_ids, "name": completions.output_names},
        ),
        ResourceTemplate(
            uri="cantilena://jobs/{job_id}/score",
            name="job-score",
            title="A song's score",
            description="The score of a job as it came.",
            read=read_score,
            complete={"job_id": completions.job_ids},
        ),
        ResourceTemplate(
            uri="cantilena://voicebanks/{voicebank}",
            name="voicebank",
            title="A voicebank",
            description="What a voicebank is and can do, as get_voicebank_info tells it.",
            mime_type="application/json",
            read=read_voicebank,
            listed=list_voicebanks,
            complete={"voicebank": completions.voicebanks},
        ),
    )


def _content(file: Path, format: str) -> Content:
    """A file as text where it is one; a score may be in an encoding of its own."""
    data = file.read_bytes()
    try:
        return Content(data=data.decode("utf-8") if format in _TEXTS else data, mime_type=MEDIA_TYPES[format])
    except UnicodeDecodeError:
        return Content(data=data, mime_type=MEDIA_TYPES[format])
