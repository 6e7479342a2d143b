"""What onnxruntime is told about the device that a model runs on.

Only the processor could be tried where this was written; the options of the others are those that keep results the
same from run to run and that DiffSinger's graphs are known to need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cantilena.errors import OptionError

SMALL_ROLES: Final = ("linguistic", "dur")
"""Models that answer faster than a device is reached, and that some devices compute wrongly."""

_PROVIDERS: Final[Mapping[str, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
_PACKAGES: Final[Mapping[str, str]] = {
    "cuda": "onnxruntime-gpu, on a machine with an NVIDIA card and its libraries",
    "coreml": "onnxruntime on a Mac",
    "directml": "onnxruntime-directml on Windows",
}
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "cpu": {},
    # Shortened floats would change what is sung. Phrases all differ in length, and the thorough search for the best
    # way to convolve begins anew with each. What graphs need grows by what is asked for, not to twice as much.
    "cuda": {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"},
    # Of lengths that are free and of graphs inside graphs it makes something wrong or nothing.
    "coreml": {"ModelFormat": "NeuralNetwork", "RequireStaticInputShapes": "1", "EnableOnSubgraphs": "0"},
    "directml": {},
}


def device_of(role: str, device: str) -> str:
    """Where a model of a role runs when a device was asked for."""
    return "cpu" if role in SMALL_ROLES else device


def provider_options(device: str, available: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """The providers of a session in the order of preference, each with its options.

    Parameters
    ----------
    device : str
        One of ``cpu, cuda, coreml, directml``.
    available : sequence of str
        The providers this onnxruntime was built with.

    Raises
    ------
    OptionError
        ``device_unavailable``
    """
    if _PROVIDERS.get(device) not in available:
        raise device_unavailable(device, available)
    names = dict.fromkeys((device, "cpu"))
    return [(_PROVIDERS[name], dict(_OPTIONS[name])) for name in names]


def device_unavailable(device: str, available: Sequence[str]) -> OptionError:
    """The error that says which devices there are instead."""
    here = ", ".join(name for name, provider in _PROVIDERS.items() if provider in available and name != device)
    package = _PACKAGES.get(device)
    return OptionError(
        "device_unavailable",
        f"The device {device!r} is not available here; what is: {here}.",
        hint=f"Use --device cpu, or install {package}." if package else "Use --device cpu.",
    )
