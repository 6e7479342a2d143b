"""Models with weights of 8 bits, made once from a voicebank's own and kept.

A program of its own makes them (``quantize_model.py``), so that the memory it takes is given back when it ends.
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from cantilena.cancellation import interrupted_by
from cantilena.errors import InferenceError, OptionError
from cantilena.voicebank.files import broken

if TYPE_CHECKING:
    from cantilena.cache import ContentStore

QUANTIZED_ROLES: Final = ("acoustic", "pitch", "variance")
"""The models that are nearly all matrix product. A vocoder's convolutions become slower."""

_KIND = "int8-models"
_SCHEME = b"dynamic per-channel 1"  # goes up whenever quantize_model.py makes something else
_PROGRAM = Path(__file__).with_name("quantize_model.py")
_LARGEST_SHARE = 0.9  # of the file's size; a model that hardly shrinks has little to gain
_KEPT_AS_IT_IS = b"not worth quantising"
_CHUNK = 2**20
_making = Lock()  # one at a time in this process: each takes several times the memory of its model


def quantized_file(file: Path, store: ContentStore | None) -> Path:
    """The file of a model with weights of 8 bits; the file itself where that gains nothing.

    Parameters
    ----------
    file : Path
        A model that holds all of its weights itself.
    store : ContentStore or None
        Where it is kept; None: in a temporary folder, as long as this process runs.

    Raises
    ------
    OptionError
        ``precision_unavailable``: what quantises models is not installed.
    InferenceError
        ``inference_failed``: it could not be quantised.
    """
    _require_packages()
    with _making:
        return _find_or_make(file, store)


def _find_or_make(file: Path, store: ContentStore | None) -> Path:
    key = _key(file)
    if store is not None:
        kept = store.file(_KIND, key)
        if kept is not None:
            return _or_itself(kept, file)
    made = _temporary_folder() / f"{key}.onnx"
    if not made.is_file():
        _quantize(file, made)
    if store is None:
        return _or_itself(made, file)
    store.write(_KIND, key, _chunks(made))
    kept = store.file(_KIND, key)
    if kept is None:  # the store is full, or cannot be written
        return _or_itself(made, file)
    made.unlink()
    return _or_itself(kept, file)


def _require_packages() -> None:
    if importlib.util.find_spec("onnx") is None:
        raise OptionError(
            "precision_unavailable",
            "The precision 'int8' needs the package onnx, which is not installed.",
            hint="Run: pip install 'cantilena[int8]'",
        )


def _key(file: Path) -> str:
    from importlib.metadata import version  # which imports a mail parser, and takes as long as reading a score

    digest = hashlib.sha256(b"\0".join([_SCHEME, version("onnxruntime").encode(), version("onnx").encode(), b""]))
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _quantize(file: Path, target: Path) -> None:
    part = target.with_suffix(".part")
    program = [sys.executable, "-P", str(_PROGRAM), str(file), str(part)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        try:
            with interrupted_by(running.kill):
                _, told = running.communicate()
        except BaseException:
            running.kill()
            running.wait()
            part.unlink(missing_ok=True)
            raise
    if running.returncode != 0:
        reason = (told.strip().splitlines() or [f"exit code {running.returncode}"])[-1]
        raise InferenceError(
            "inference_failed",
            f"The model {file} could not be quantised: {reason}.",
            hint="Sing with --precision fp32.",
        )
    if part.stat().st_size > _LARGEST_SHARE * file.stat().st_size:
        part.write_bytes(_KEPT_AS_IT_IS)
    part.replace(target)


def _or_itself(made: Path, file: Path) -> Path:
    return file if made.stat().st_size == len(_KEPT_AS_IT_IS) else made


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _temporary_folder() -> Path:
    """A folder that goes when the process does."""
    return Path(_keep_temporary_folder().name)


@cache
def _keep_temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cantilena-int8-", ignore_cleanup_errors=True)
