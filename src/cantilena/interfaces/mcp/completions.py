"""What an argument may be: voicebanks, their speakers, a score's parts, jobs and their outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from cantilena.errors import CantilenaError
from cantilena.interfaces.mcp.arguments import ScoreArguments
from cantilena.interfaces.mcp.errors import one_line
from cantilena.interfaces.mcp.services import Services

_MOST_JOBS = 100


class Completions:
    """Each method completes one argument; what cannot be looked up has no completions."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def voicebanks(self, typed: str, _: Mapping[str, str]) -> list[str]:
        """Ids of voicebanks."""
        found = await self._services.run(self._services.voicebanks)
        return _fitting(typed, (info.id for info in found))

    async def speakers(self, typed: str, settled: Mapping[str, str]) -> list[str]:
        """Speakers of the voicebank that is settled, else of all."""
        wanted = settled.get("voicebank", "")
        found = await self._services.run(self._services.voicebanks)
        chosen = [info for info in found if not wanted or info.id.casefold() == wanted.casefold()]
        return _fitting(typed, (speaker for info in chosen for speaker in info.speakers))

    async def parts(self, typed: str, settled: Mapping[str, str]) -> list[str]:
        """Parts of the score that is settled."""
        path = settled.get("path")
        if not path:
            return []
        try:
            return _fitting(typed, await self._services.run(partial(self._parts_of, path)))
        except (CantilenaError, ValueError):  # no score yet, or a path that is none
            return []

    async def job_ids(self, typed: str, _: Mapping[str, str]) -> list[str]:
        """The latest jobs."""
        found = await self._services.run(partial(self._services.jobs.list, "local", limit=_MOST_JOBS))
        return _fitting(typed, (job.job_id for job in found))

    async def output_names(self, typed: str, settled: Mapping[str, str]) -> list[str]:
        """Outputs of the job that is settled."""
        try:
            job = await self._services.run(partial(self._services.jobs.get, settled.get("job_id", "")))
        except CantilenaError:
            return []
        return _fitting(typed, (output.name for output in job.outputs))

    def _parts_of(self, path: str) -> list[str]:
        score = self._services.read_score(ScoreArguments(path=path))
        from cantilena.score import read_score
        from cantilena.score.describe import describe_score

        parts = describe_score(read_score(score.data, name=score.name)).parts
        return [one_line(part.name or part.id, 200) for part in parts]


def _fitting(typed: str, values: Iterable[str]) -> list[str]:
    """Those that begin as typed, then those that have it elsewhere; each once."""
    sought = typed.casefold()
    found = [value for value in dict.fromkeys(values) if sought in value.casefold()]
    return sorted(found, key=lambda value: not value.casefold().startswith(sought))
