"""Opens a voicebank: finds its parts, and checks that they fit together.

Conventions
-----------
Nothing but configuration is read here; models, symbol tables and embeddings follow when they are first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cantilena.errors import OptionError, VoicebankError
from cantilena.voicebank.bundle import Stage, Vocoder, Voicebank
from cantilena.voicebank.config import StageConfig, read_stage_config
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.files import broken, find_file, require_file
from cantilena.voicebank.layout import Layout, find_layout
from cantilena.voicebank.library import describe_voicebank, fingerprint
from cantilena.voicebank.origin import Origin
from cantilena.voicebank.sessions import Model
from cantilena.voicebank.speakers import speaker_aliases
from cantilena.voicebank.threads import available_threads
from cantilena.voicebank.vocoders import VocoderPlace, check_vocoder, find_vocoder

if TYPE_CHECKING:
    from cantilena.cache import ContentStore


def open_voicebank(
    folder: Path,
    *,
    threads: int = 0,
    device: str = "cpu",
    precision: Literal["fp32", "int8"] = "fp32",
    low_memory: bool = False,
    store: ContentStore | None = None,
    origin: Origin | None = None,
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
    origin : Origin, optional
        Where it came from; None: it is what its folder says.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: a file is missing or damaged.
    """
    if threads < 0:
        raise OptionError(
            "option_out_of_range", f"The number of threads is {threads}.", hint="Give 0 or a number of threads."
        )
    folder = folder.resolve()
    engine = EngineOptions(
        threads=threads or available_threads(), device=device, precision=precision, low_memory=low_memory, store=store
    )
    layout = find_layout(folder)
    info = describe_voicebank(folder)
    if origin is not None:
        info = replace(info, id=origin.id, version=origin.version)
    opener = StageOpener(layout, info.colours, engine)
    acoustic = opener.acoustic()
    place = find_vocoder(layout, acoustic.config, fetched=origin.vocoders if origin else {})
    check_vocoder(acoustic.config, place.config)
    return Voicebank(
        info=info,
        acoustic=acoustic,
        durations=opener.sub_stage("dsdur", "dur") or acoustic,
        pitch=opener.sub_stage("dspitch", "pitch"),
        variance=opener.sub_stage("dsvariance", "variance"),
        vocoder=opener.vocoder(place),
        engine=engine,
        findings=origin.findings if origin else (),
    )


class StageOpener:
    """Opens the parts of one voicebank, each by itself.

    Parameters
    ----------
    layout : Layout
        Where they lie.
    colours : mapping of str to str
        Voice colours and the speakers they are.
    engine : EngineOptions
        How its models are run.
    """

    def __init__(self, layout: Layout, colours: Mapping[str, str], engine: EngineOptions) -> None:
        self._layout = layout
        self._colours = colours
        self._engine = engine

    def acoustic(self) -> Stage:
        """The stage that sings."""
        config = self._layout.read_config()
        return self.stage(config, {"acoustic": self.model(config, "acoustic")})

    def sub_stage(self, name: str, role: str) -> Stage | None:
        """A stage in a folder of its own; None: there is none."""
        config = self.sub_config(name)
        if config is None:
            return None
        return self.stage(config, {part: self.model(config, part) for part in ("linguistic", role)})

    def sub_config(self, name: str) -> StageConfig | None:
        """The configuration in a stage's folder; None: there is no such folder, or only a dictionary in it."""
        folder = self._layout.find(name)
        if folder is None or not folder.is_dir():
            return None
        file = find_file(self._layout.folder, folder, "dsconfig.yaml")
        if file is not None:
            return read_stage_config(file)
        if any(path.suffix.casefold() == ".onnx" for path in folder.iterdir()):
            raise broken(folder / "dsconfig.yaml", f"is missing (the configuration of {name})")
        return None

    def stage(self, config: StageConfig, models: Mapping[str, Model]) -> Stage:
        """A stage that runs the given models."""
        try:
            entries = self._layout.read_config().speakers
        except VoicebankError:  # told when the acoustic stage is opened
            entries = ()
        return Stage(
            config,
            root=self._layout.folder,
            models=models,
            aliases=speaker_aliases(entries, self._colours),
            durations=self._layout.find("dsdur"),
            store=self._engine.store,
        )

    def model(self, config: StageConfig, role: str) -> Model:
        """The model of a stage that plays a role."""
        if role not in config.models:
            raise broken(config.file, f"does not name the {role} model")
        root = self._layout.folder
        file = require_file(root, config.folder, config.models[role], purpose=f"the {role} model")
        return Model(file, root=root, role=role, engine=self._engine)

    def vocoder(self, place: VocoderPlace) -> Vocoder:
        """The vocoder that was found."""
        config = place.config
        file = require_file(place.root, config.folder, config.model, purpose="the vocoder")
        engine = replace(self._engine, device="cpu") if config.force_on_cpu else self._engine
        model = Model(file, root=place.root, role="vocoder", engine=engine)
        return Vocoder(config, model, fingerprint=fingerprint(place.root)[0] if place.shared else "")
