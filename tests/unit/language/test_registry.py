"""Languages by their codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cantilena.errors import OptionError
from cantilena.language import load_language


def test_english_is_there_once() -> None:
    assert load_language("en") is load_language("en")


@pytest.mark.parametrize("code", ["de", "", "EN", "english"])
def test_an_unknown_language_is_refused_naming_those_there_are(code: str) -> None:
    with pytest.raises(OptionError) as caught:
        load_language(code)
    assert caught.value.code == "language_unknown"
    assert "en" in caught.value.message


def test_words_need_neither_numpy_nor_onnxruntime() -> None:
    script = (
        "import sys; from cantilena.language import load_language; load_language('en').pronounce('Zzyzx');"
        "print(sorted({'numpy', 'onnxruntime', 'lxml'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
