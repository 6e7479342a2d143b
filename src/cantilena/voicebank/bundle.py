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
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from cantilena.errors import OptionError, VoicebankError
from cantilena.voicebank.config import (
    MelConfig,
    StageConfig,
    VocoderConfig,
    read_stage_config,
    read_vocoder_config,
)
from cantilena.voicebank.dictionary import Dictionary, Kind, read_dictionary
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.files import broken, find_file, require_file
from cantilena.voicebank.library import VoicebankInfo, describe_voicebank, require_config
from cantilena.voicebank.sessions import Model, available_threads
from cantilena.voicebank.speakers import match_speaker, read_embedding
from cantilena.voicebank.symbols import BREATH, SymbolTable, read_symbol_table

if TYPE_CHECKING:
    from cantilena.cache import ContentStore

CURVES: Final = ("energy", "breathiness", "voicing", "tension")
"""The variance curves, in the order in which models list them."""


class Stage:
    """One stage of a voicebank.

    Attributes
    ----------
    config : StageConfig
        Of this stage alone; frame grid, ids and embeddings are not those of another stage.
    models : mapping of str to Model
        By role: ``acoustic``, or ``linguistic`` and one of ``dur, pitch, variance``.
    """

    def __init__(self, config: StageConfig, *, root: Path, models: Mapping[str, Model]) -> None:
        self.config = config
        self.models = models
        self._root = root
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
        return read_symbol_table(phonemes, table)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Kinds of sounds by the stage's general dictionary; empty when it has none."""
        return read_dictionary(self._root, self.config.folder, None).kinds

    def has_speaker(self, speaker: str | None) -> bool:
        """Whether the stage knows a speaker by name, or needs to know none."""
        return speaker is None or not self.config.speakers or match_speaker(speaker, self.config.speakers) is not None

    def embedding(self, speaker: str | None, *, size: int | None) -> NDArray[np.float32]:
        """The vector that selects a speaker in this stage; the first speaker when the stage does not know the name.

        Parameters
        ----------
        speaker : str or None
            Name, as :func:`~cantilena.voicebank.speakers.match_speaker` reads it.
        size : int or None
            Length that the model asks for; None: any.
        """
        entries = self.config.speakers
        if not entries:
            raise broken(self.config.file, "names no speakers, but its model asks for the embedding of one")
        entry = entries[(match_speaker(speaker, entries) if speaker else None) or 0]
        if entry not in self._embeddings:
            self._embeddings[entry] = read_embedding(self._root, self.config.folder, entry)
        vector = self._embeddings[entry]
        if size is not None and len(vector) != size:
            file = f"{self.config.folder / entry}.emb"
            raise broken(file, f"holds {len(vector)} values, but the model of its stage asks for {size}")
        return vector


class Vocoder:
    """The model that turns a mel spectrogram and f0 into samples."""

    def __init__(self, config: VocoderConfig, model: Model) -> None:
        self.config = config
        self.model = model


class Voicebank:
    """A voicebank that can sing; made by :func:`open_voicebank`.

    Attributes
    ----------
    info : VoicebankInfo
        Everything told about it.
    acoustic, durations : Stage
        The two stages every voicebank needs.
    pitch, variance : Stage or None
        The two it may lack.
    vocoder : Vocoder
        Checked to take what the acoustic stage gives.
    engine : EngineOptions
        How its models are run.
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
    ) -> None:
        self.info = info
        self.acoustic = acoustic
        self.durations = durations
        self.pitch = pitch
        self.variance = variance
        self.vocoder = vocoder
        self.engine = engine
        self._dictionaries: dict[str, Dictionary] = {}

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def version(self) -> str:
        return self.info.version

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
        return tuple(stage for stage in (self.durations, self.pitch, self.variance, self.acoustic) if stage)

    @property
    def has_breath(self) -> bool:
        """Whether every stage knows the phoneme of a breath."""
        return all(stage.symbols.find(BREATH) for stage in self.stages)

    def dictionary(self, language: str) -> Dictionary:
        """Kinds and replacements for a language."""
        if language not in self._dictionaries:
            folder = self.durations.config.folder
            self._dictionaries[language] = read_dictionary(self.folder, folder, language)
        return self._dictionaries[language]

    def open_all(self) -> None:
        """Open everything now, which tells whether the voicebank is whole."""
        for stage in self.stages:
            stage.symbols.find(BREATH)
            for model in stage.models.values():
                model.open()
                wanted = model.inputs.get("spk_embed")
                if wanted is not None:
                    for entry in stage.config.speakers or ("",):
                        stage.embedding(entry, size=wanted.shape[-1])
        self.vocoder.model.open()


def open_voicebank(
    folder: Path,
    *,
    threads: int = 0,
    device: str = "cpu",
    precision: Literal["fp32", "int8"] = "fp32",
    low_memory: bool = False,
    store: ContentStore | None = None,
) -> Voicebank:
    """Open the voicebank in a folder.

    Parameters
    ----------
    folder : Path
        As :func:`~cantilena.voicebank.library.find_voicebank` gives it.
    threads : int
        Threads of each model; 0: the cores this process may use.
    device, precision, low_memory, store
        See :class:`~cantilena.voicebank.engine.EngineOptions`.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: a file is missing or damaged. ``voicebank_unsupported``: it lacks a stage.
    """
    if threads < 0:
        raise OptionError(
            "option_out_of_range", f"The number of threads is {threads}.", hint="Give 0 or a number of threads."
        )
    folder = folder.resolve()
    engine = EngineOptions(
        threads=threads or available_threads(), device=device, precision=precision, low_memory=low_memory, store=store
    )
    opener = _Opener(folder, engine)
    info = describe_voicebank(folder)
    acoustic = opener.stage(require_config(folder), ("acoustic",))
    durations = opener.sub_stage("dsdur", "dur")
    if durations is None:
        raise VoicebankError(
            "voicebank_unsupported",
            f"The voicebank {info.id} has no folder dsdur, so nothing says how long its phonemes last.",
            hint="Choose a voicebank with a duration model.",
        )
    vocoder = opener.vocoder(acoustic.config)
    _check_vocoder(acoustic.config, vocoder.config)
    return Voicebank(
        info=info,
        acoustic=acoustic,
        durations=durations,
        pitch=opener.sub_stage("dspitch", "pitch"),
        variance=opener.sub_stage("dsvariance", "variance"),
        vocoder=vocoder,
        engine=engine,
    )


class _Opener:
    """Finds the parts of one voicebank."""

    def __init__(self, root: Path, engine: EngineOptions) -> None:
        self._root = root
        self._engine = engine

    def sub_stage(self, name: str, role: str) -> Stage | None:
        folder = find_file(self._root, self._root, name)
        if folder is None or not folder.is_dir():
            return None
        file = require_file(self._root, folder, "dsconfig.yaml", purpose=f"the configuration of {name}")
        return self.stage(file, ("linguistic", role))

    def stage(self, file: Path, roles: tuple[str, ...]) -> Stage:
        config = read_stage_config(file)
        return Stage(config, root=self._root, models={role: self._model(config, role) for role in roles})

    def vocoder(self, acoustic: StageConfig) -> Vocoder:
        """The vocoder inside the voicebank, else the one beside it that it names."""
        file = find_file(self._root, self._root, "dsvocoder/vocoder.yaml")
        root = self._root
        if file is None and acoustic.vocoder:
            root = self._root.parent
            file = find_file(root, root, f"{acoustic.vocoder}/vocoder.yaml")
        if file is None:
            named = f" and no vocoder {acoustic.vocoder!r} lies beside the voicebank" if acoustic.vocoder else ""
            raise broken(
                self._root / "dsvocoder" / "vocoder.yaml",
                f"is missing{named}",
                hint="Put the vocoder's folder into the voicebank as dsvocoder, or beside it under its own name.",
            )
        config = read_vocoder_config(file)
        model = require_file(file.parent, file.parent, config.model, purpose="the vocoder")
        return Vocoder(config, Model(model, root=root, role="vocoder", engine=self._engine))

    def _model(self, config: StageConfig, role: str) -> Model:
        if role not in config.models:
            raise broken(config.file, f"does not name the {role} model")
        file = require_file(self._root, config.folder, config.models[role], purpose=f"the {role} model")
        return Model(file, root=self._root, role=role, engine=self._engine)


def _check_vocoder(acoustic: StageConfig, vocoder: VocoderConfig) -> None:
    """A vocoder must read the very spectrogram that is made; only the base of the logarithm can be converted."""
    for name in ("sample_rate", "hop_size", "win_size", "fft_size", "n_mels", "fmin", "fmax", "scale"):
        made, taken = getattr(acoustic.mel, name), getattr(vocoder.mel, name)
        if made != taken:
            raise broken(
                vocoder.file,
                f"takes a spectrogram with {name} {taken}, but {acoustic.file.name} makes one with {made}",
                hint="Use the vocoder that was made for this voicebank.",
            )
