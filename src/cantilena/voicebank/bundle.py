"""A voicebank: its stages, each with its own symbols, speakers and models, and its vocoder.

Conventions
-----------
A stage is a folder with a ``dsconfig.yaml``. Nothing but configuration is read when a voicebank is opened; symbol
tables, embeddings and models follow when they are first needed and are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.voicebank.config import MelConfig, StageConfig, VocoderConfig
from cantilena.voicebank.dictionary import Dictionary, Kind, read_dictionary, read_kinds
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.files import broken, require_file
from cantilena.voicebank.library import VoicebankInfo
from cantilena.voicebank.sessions import Model
from cantilena.voicebank.speakers import match_speaker, read_embedding, speaker_aliases
from cantilena.voicebank.symbols import BREATH, SymbolTable, read_symbol_table

if TYPE_CHECKING:
    from cantilena.cache import ContentStore
    from cantilena.findings import Finding

CURVES: Final = ("energy", "breathiness", "voicing", "tension")
"""The variance curves, in the order in which models list them."""


_OUTPUTS: Final = MappingProxyType(
    {
        "linguistic": ("encoder_out",),
        "dur": ("ph_dur_pred",),
        "pitch": ("pitch_pred",),
        "variance": tuple(f"{name}_pred" for name in (*CURVES, "mouth_opening")),
        "acoustic": ("mel",),
        "vocoder": ("waveform",),
    }
)
"""What a model gives by its role; of several, one at least."""


def open_as(role: str, model: Model) -> None:
    """Open a model, and refuse one that plays another role than its place says.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``.
    """
    model.open()
    made = set(model.outputs)
    if made.isdisjoint(_OUTPUTS[role]):
        wanted = " or ".join(map(repr, _OUTPUTS[role]))
        raise broken(model.file, f"has no output {wanted}, so it is not the {role} model that it is taken for")


class Stage:
    """One stage of a voicebank.

    Attributes
    ----------
    config : StageConfig
        Of this stage alone; frame grid, ids and embeddings are not those of another stage.
    models : mapping of str to Model
        By role: ``acoustic``, or ``linguistic`` and one of ``dur, pitch, variance``.
    """

    def __init__(
        self,
        config: StageConfig,
        *,
        root: Path,
        models: Mapping[str, Model],
        aliases: Mapping[str, str] = MappingProxyType({}),
        durations: Path | None = None,
        store: ContentStore | None = None,
    ) -> None:
        self.config = config
        self.models = models
        self._root = root
        self._aliases = aliases
        self._durations = durations
        self._store = store
        self._embeddings: dict[str, NDArray[np.float32]] = {}

    @property
    def frame_seconds(self) -> float:
        return self.config.mel.frame_seconds

    @cached_property
    def symbols(self) -> SymbolTable:
        """The stage's ids of phonemes and languages."""
        folder = self.config.folder
        phonemes = require_file(self._root, folder, self.config.phonemes, purpose="the list of phonemes")
        languages = self.config.languages
        table = require_file(self._root, folder, languages, purpose="the list of languages") if languages else None
        return read_symbol_table(phonemes, table, kinds=self.kinds)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Kinds of sounds by the stage's general dictionary, else by that of the duration stage; empty without one."""
        return read_kinds(self._root, self.config.folder, self._durations, store=self._store)

    def has_speaker(self, speaker: str | None) -> bool:
        """Whether the stage knows a speaker by name, or needs to know none."""
        return speaker is None or not self.config.speakers or self._speaker_index(speaker) is not None

    def _speaker_index(self, speaker: str) -> int | None:
        """The stage's own entry for a speaker of the voicebank, else for a name that is like one of its entries."""
        entry = self._aliases.get(speaker.casefold())
        index = match_speaker(entry, self.config.speakers) if entry is not None else None
        return match_speaker(speaker, self.config.speakers) if index is None else index

    def embedding(self, speaker: str | None, *, size: int | None) -> NDArray[np.float32]:
        """The vector that selects a speaker in this stage; the first speaker when the stage does not know the name.

        Parameters
        ----------
        speaker : str or None
            Name of a speaker, a voice colour, or an entry of this stage.
        size : int or None
            Length that the model asks for; None: any.
        """
        entries = self.config.speakers
        if not entries:
            raise broken(self.config.file, "names no speakers, but its model asks for the embedding of one")
        return self.entry_embedding(entries[(self._speaker_index(speaker) if speaker else None) or 0], size=size)

    def entry_embedding(self, entry: str, *, size: int | None) -> NDArray[np.float32]:
        """The vector of one of the stage's own entries, of the length that a model asks for."""
        if entry not in self._embeddings:
            self._embeddings[entry] = read_embedding(self._root, self.config.folder, entry)
        vector = self._embeddings[entry]
        if size is not None and len(vector) != size:
            file = f"{self.config.folder / entry}.emb"
            raise broken(file, f"holds {len(vector)} values, but the model of its stage asks for {size}")
        return vector


class Vocoder:
    """The model that turns a mel spectrogram and f0 into samples.

    Attributes
    ----------
    config : VocoderConfig
        What it takes.
    model : Model
        It.
    fingerprint : str
        Hash of its files when they lie outside the voicebank; else empty.
    """

    def __init__(self, config: VocoderConfig, model: Model, *, fingerprint: str = "") -> None:
        self.config = config
        self.model = model
        self.fingerprint = fingerprint


class Voicebank:
    """A voicebank that can sing; made by :func:`~cantilena.voicebank.opening.open_voicebank`.

    Attributes
    ----------
    info : VoicebankInfo
        Everything told about it.
    acoustic : Stage
        The stage every voicebank needs.
    durations : Stage
        Its stage of durations; where it has none the acoustic stage, whose phonemes are then timed by rule.
    pitch, variance : Stage or None
        The two it may lack.
    vocoder : Vocoder
        Checked to take what the acoustic stage gives.
    engine : EngineOptions
        How its models are run.
    findings : tuple of Finding
        What whoever sings it should know.
    """

    def __init__(
        self,
        *,
        info: VoicebankInfo,
        acoustic: Stage,
        durations: Stage,
        pitch: Stage | None,
        variance: Stage | None,
        vocoder: Vocoder,
        engine: EngineOptions,
        findings: tuple[Finding, ...] = (),
    ) -> None:
        self.info = info
        self.acoustic = acoustic
        self.durations = durations
        self.pitch = pitch
        self.variance = variance
        self.vocoder = vocoder
        self.engine = engine
        self.findings = findings
        self._dictionaries: dict[str, Dictionary] = {}

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def version(self) -> str:
        return self.info.version

    @property
    def content_key(self) -> str:
        """Hash of every file that decides how it sounds, a vocoder outside its folder included."""
        return "-".join(filter(None, (self.version, self.vocoder.fingerprint)))

    @property
    def folder(self) -> Path:
        return self.info.folder

    @property
    def speakers(self) -> tuple[str, ...]:
        return self.info.speakers

    @property
    def languages(self) -> tuple[str, ...]:
        return self.info.languages

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        return self.info.ranges

    @property
    def licence(self) -> str:
        return self.info.licence

    @property
    def credits(self) -> str:
        return self.info.credits

    @property
    def mel(self) -> MelConfig:
        """Frame grid of the audio, and the spectrogram of the acoustic stage."""
        return self.acoustic.config.mel

    @property
    def sample_rate(self) -> int:
        return self.mel.sample_rate

    @property
    def frame_seconds(self) -> float:
        return self.mel.frame_seconds

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages there are, in the order of singing."""
        stages = (self.durations, self.pitch, self.variance, self.acoustic)
        return tuple(dict.fromkeys(stage for stage in stages if stage))

    @property
    def has_breath(self) -> bool:
        """Whether every stage knows the phoneme of a breath."""
        return all(stage.symbols.find(BREATH) for stage in self.stages)

    def find_speaker(self, asked: str) -> str | None:
        """The speaker that is meant by a name, a voice colour or an entry, in any case; None: nobody."""
        entries = self.acoustic.config.speakers
        entry = speaker_aliases(entries, self.info.colours).get(asked.casefold(), asked)
        index = match_speaker(entry, entries)
        return self.speakers[index] if index is not None else None

    def dictionary(self, language: str) -> Dictionary:
        """Kinds, replacements and words for a language."""
        if language not in self._dictionaries:
            folder = self.durations.config.folder
            self._dictionaries[language] = read_dictionary(self.folder, folder, language, store=self.engine.store)
        return self._dictionaries[language]

    def open_all(self) -> None:
        """Open everything now, which tells whether the voicebank is whole."""
        for stage in self.stages:
            stage.symbols.find(BREATH)
            for role, model in stage.models.items():
                open_as(role, model)
                wanted = model.inputs.get("spk_embed")
                if wanted is not None:
                    size = wanted.shape[-1] if wanted.shape else None
                    stage.embedding(None, size=size)
                    for entry in stage.config.speakers:
                        stage.entry_embedding(entry, size=size)
        open_as("vocoder", self.vocoder.model)
