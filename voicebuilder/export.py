"""Writes the ONNX graphs of the voice: opset 17, IR 8, batch 1, every length dynamic.

**Conventions**: the only random node of the bank is one ``RandomNormalLike`` in the main graph of the vocoder, whose
output ``noise`` has the shape of the waveform.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import onnx
import torch
from torch import nn

from voicebuilder.acoustic import SPEAKER_SIZE, AcousticGraph
from voicebuilder.duration_net import DUR_SIZE, DurationStage
from voicebuilder.frames import ENCODER_SIZE, PhonemeEncoder
from voicebuilder.pitch_net import PitchGraph, PitchStage
from voicebuilder.spectra import N_MELS
from voicebuilder.variance_net import CURVES, VarianceEncoder, VarianceGraph
from voicebuilder.vocoder import VocoderGraph

OPSET: Final = 17
IR_VERSION: Final = 8
NOISE_NAME: Final = "noise"


def _export(
    module: nn.Module,
    path: Path,
    inputs: Mapping[str, torch.Tensor],
    outputs: Mapping[str, tuple[str | int, ...]],
    axes: Mapping[str, tuple[str | int, ...]],
) -> None:
    module.eval()
    every = {**axes, **outputs}
    dynamic = {name: {i: d for i, d in enumerate(dims) if isinstance(d, str)} for name, dims in every.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dims for name, dims in dynamic.items() if dims},
            opset_version=OPSET,
            dynamo=False,
        )
    _finish(path, outputs)


def _finish(path: Path, outputs: Mapping[str, tuple[str | int, ...]]) -> None:
    """Give outputs their exact dimensions, name the noise, drop what names the exporting machine."""
    model = onnx.load(path)
    model.ir_version = IR_VERSION
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        if node.op_type == "RandomNormalLike":
            _rename(model.graph, node.output[0], NOISE_NAME)
    for value in model.graph.output:
        shape = value.type.tensor_type.shape
        del shape.dim[:]
        for d in outputs[value.name]:
            dim = shape.dim.add()
            if isinstance(d, str):
                dim.dim_param = d
            else:
                dim.dim_value = d
    if any(n.op_type == "RandomNormalLike" for n in model.graph.node):
        noise = onnx.helper.make_tensor_value_info(NOISE_NAME, onnx.TensorProto.FLOAT, [1, "n_samples"])
        model.graph.value_info.append(noise)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new
    kept = [v for v in graph.value_info if v.name != old]
    del graph.value_info[:]
    graph.value_info.extend(kept)


def export_acoustic(graph: AcousticGraph, path: Path) -> None:
    """Write ``acoustic.onnx``."""
    n = 24
    inputs = {
        "tokens": torch.tensor([[2, 5, 9, 2]]),
        "durations": torch.tensor([[6, 6, 6, 6]]),
        "f0": torch.full((1, n), 220.0),
        "gender": torch.zeros(1, n),
        "breathiness": torch.full((1, n), -40.0),
        "voicing": torch.full((1, n), -25.0),
        "tension": torch.zeros(1, n),
        "spk_embed": torch.zeros(1, n, SPEAKER_SIZE),
        "steps": torch.tensor(10),
    }
    axes = {
        "tokens": (1, "n_tokens"),
        "durations": (1, "n_tokens"),
        **dict.fromkeys(("f0", "gender", *CURVES), (1, "n_frames")),
        "spk_embed": (1, "n_frames", SPEAKER_SIZE),
    }
    _export(graph, path, inputs, {"mel": (1, "n_frames", N_MELS)}, axes)


def export_vocoder(graph: VocoderGraph, path: Path) -> None:
    """Write the vocoder's model."""
    inputs = {"mel": torch.zeros(1, 24, N_MELS), "f0": torch.full((1, 24), 220.0)}
    axes = {"mel": (1, "n_frames", N_MELS), "f0": (1, "n_frames")}
    _export(graph, path, inputs, {"waveform": (1, "n_samples")}, axes)


def export_durations(stage: DurationStage, folder: Path) -> None:
    """Write ``linguistic.onnx`` and ``dur.onnx``."""
    inputs = {
        "tokens": torch.tensor([[2, 5, 9, 2, 7]]),
        "word_div": torch.tensor([[2, 2, 1]]),
        "word_dur": torch.tensor([[40, 30, 20]]),
    }
    axes = {"tokens": (1, "n_tokens"), "word_div": (1, "n_words"), "word_dur": (1, "n_words")}
    outputs = {"encoder_out": (1, "n_tokens", DUR_SIZE), "x_masks": (1, "n_tokens")}
    _export(stage.linguistic, folder / "linguistic.onnx", inputs, outputs, axes)
    encoder_out, masks = stage.linguistic(**inputs)
    inputs = {
        "encoder_out": encoder_out.detach(),
        "x_masks": masks,
        "ph_midi": torch.full((1, 5), 60),
        "spk_embed": torch.zeros(1, 5, DUR_SIZE),
    }
    axes = {
        "encoder_out": (1, "n_tokens", DUR_SIZE),
        "x_masks": (1, "n_tokens"),
        "ph_midi": (1, "n_tokens"),
        "spk_embed": (1, "n_tokens", DUR_SIZE),
    }
    _export(stage.dur, folder / "dur.onnx", inputs, {"ph_dur_pred": (1, "n_tokens")}, axes)


def export_encoder(encoder: PhonemeEncoder | VarianceEncoder, folder: Path) -> None:
    """Write ``linguistic.onnx`` in phoneme mode."""
    inputs = {"tokens": torch.tensor([[2, 5, 9, 2]]), "ph_dur": torch.tensor([[6, 6, 6, 6]])}
    axes = {"tokens": (1, "n_tokens"), "ph_dur": (1, "n_tokens")}
    outputs = {"encoder_out": (1, "n_tokens", ENCODER_SIZE), "x_masks": (1, "n_tokens")}
    _export(encoder, folder / "linguistic.onnx", inputs, outputs, axes)


def export_pitch(stage: PitchStage, folder: Path) -> None:
    """Write ``linguistic.onnx`` and ``pitch.onnx``."""
    export_encoder(stage.linguistic, folder)
    n = 24
    inputs = {
        "encoder_out": torch.zeros(1, 4, ENCODER_SIZE),
        "ph_dur": torch.tensor([[6, 6, 6, 6]]),
        "note_midi": torch.tensor([[60.0, 60.0, 62.0]]),
        "note_rest": torch.tensor([[True, False, False]]),
        "note_dur": torch.tensor([[8, 8, 8]]),
        "pitch": torch.full((1, n), 60.0),
        "expr": torch.ones(1, n),
        "retake": torch.ones(1, n, dtype=torch.bool),
        "spk_embed": torch.zeros(1, n, ENCODER_SIZE),
        "steps": torch.tensor(10),
    }
    axes = {"encoder_out": (1, "n_tokens", ENCODER_SIZE), "ph_dur": (1, "n_tokens")}
    axes |= dict.fromkeys(("note_midi", "note_rest", "note_dur"), (1, "n_notes"))
    axes |= dict.fromkeys(("pitch", "expr", "retake"), (1, "n_frames"))
    axes["spk_embed"] = (1, "n_frames", ENCODER_SIZE)
    _export(PitchGraph(stage.pitch), folder / "pitch.onnx", inputs, {"pitch_pred": (1, "n_frames")}, axes)


def export_variance(acoustic: AcousticGraph, folder: Path) -> None:
    """Write ``linguistic.onnx`` and ``variance.onnx``, which measure what the acoustic model draws."""
    export_encoder(VarianceEncoder(acoustic), folder)
    n = 24
    inputs = {
        "encoder_out": torch.zeros(1, 4, ENCODER_SIZE),
        "ph_dur": torch.tensor([[6, 6, 6, 6]]),
        "pitch": torch.full((1, n), 60.0),
        **{name: torch.zeros(1, n) for name in CURVES},
        "retake": torch.ones(1, n, len(CURVES), dtype=torch.bool),
        "spk_embed": torch.zeros(1, n, ENCODER_SIZE),
        "steps": torch.tensor(10),
    }
    axes = {"encoder_out": (1, "n_tokens", ENCODER_SIZE), "ph_dur": (1, "n_tokens")}
    axes |= dict.fromkeys(("pitch", *CURVES), (1, "n_frames"))
    axes |= {"retake": (1, "n_frames", len(CURVES)), "spk_embed": (1, "n_frames", ENCODER_SIZE)}
    outputs = {f"{name}_pred": (1, "n_frames") for name in CURVES}
    _export(VarianceGraph(acoustic), folder / "variance.onnx", inputs, outputs, axes)
