"""The built command, used as a stranger would: what is typed, what comes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
HYMN = ROOT / "examples" / "amazing-grace.musicxml"
COMMAND = Path(sys.executable).with_name("cantilena")


def cantilena(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | environment,
    )


def test_a_hymn_is_sung_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "hymn.wav"
    done = cantilena("sing", HYMN, "--measures", "1-8", "-o", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}\n"
    samples, sample_rate = soundfile.read(out)
    assert sample_rate == 44_100
    assert 0.1 < np.abs(samples).max() < 1.0
    assert len(samples) > 10 * sample_rate


def test_the_result_as_json_has_every_field_of_the_contract(tmp_path: Path) -> None:
    done = cantilena(
        "sing", HYMN, "--measures", "1-4", "-o", tmp_path / "a.flac", "--json", "--progress", "json", "--seed", 7
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {
        "path", "duration_seconds", "lead_in_seconds", "sample_rate", "format", "voicebank", "speaker", "seed", "rtf",
        "timings_ms", "phrases", "cache", "warnings",
    }  # fmt: skip
    assert set(result["timings_ms"]) >= {
        "parse", "align", "durations", "pitch", "variance", "synthesize_audio", "postprocess", "encode", "total",
    }  # fmt: skip
    assert result["format"] == "flac"
    assert result["seed"] == 7
    assert 0 < result["lead_in_seconds"] <= 1
    progress = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["phrase"] for line in progress] == list(range(1, result["phrases"] + 1))
    assert progress[-1]["progress"] == 1.0


def test_only_what_changed_is_sung_again(tmp_path: Path) -> None:
    changed = tmp_path / "changed.musicxml"
    changed.write_text(HYMN.read_text().replace("<text>wretch</text>", "<text>soul</text>"))
    environment = {"CANTILENA_CACHE_DIR": str(tmp_path / "cache")}

    def sing(score: Path, *options: str) -> tuple[dict[str, int], list[bool], bytes]:
        out = tmp_path / "a.wav"
        done = cantilena(
            "sing", score, "--verse", "1", "-o", out, "--force", "--json", "--progress", "json", *options, **environment
        )
        assert done.returncode == 0, done.stderr
        progress = [json.loads(line)["cached"] for line in done.stderr.splitlines()]
        return json.loads(done.stdout)["cache"], progress, out.read_bytes()

    cache, cached, first = sing(HYMN)
    phrases = len(cached)
    assert cache == {"hits": cached.count(True), "misses": cached.count(False)}
    assert 0 < cache["hits"] < phrases, "the verse is sung on every pass, and so found on all but the first"
    cache, cached, again = sing(HYMN)
    assert (cache, all(cached), again) == ({"hits": phrases, "misses": 0}, True, first)
    cache, cached, other = sing(changed)
    assert cache == {"hits": phrases - 1, "misses": 1}
    assert cached.count(False) == 1
    cache, cached, anew = sing(changed, "--no-cache")
    assert (cache, any(cached), anew) == ({"hits": 0, "misses": phrases}, False, other)


def test_where_nothing_can_be_kept_one_line_says_so_and_the_song_is_sung(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    out = tmp_path / "a.wav"
    done = cantilena("sing", HYMN, "--measures", "1-4", "-o", out, CANTILENA_CACHE_DIR=str(tmp_path / "file"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}\n"
    assert done.stderr.count("[cache_unwritable]") == 1
    assert (tmp_path / "file").read_text() == "no folder"


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    takes = [tmp_path / f"{name}.{suffix}" for name in ("first", "second")]
    for take in takes:
        done = cantilena("sing", HYMN, "--measures", "1-2", "-o", take, "--seed", 3, "--no-cache")
        assert done.returncode == 0, done.stderr
    assert takes[0].read_bytes() == takes[1].read_bytes()


def test_opus_is_written_too(tmp_path: Path) -> None:
    out = tmp_path / "a.opus"
    assert cantilena("sing", HYMN, "--measures", "1-2", "-o", out).returncode == 0
    assert soundfile.info(out).samplerate == 48_000


def test_every_step_is_logged_as_the_contract_has_it(tmp_path: Path) -> None:
    done = cantilena("sing", HYMN, "--measures", "1-4", "-o", tmp_path / "a.wav", LOG_FORMAT="json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    steps = [line for line in lines if line["event"] == "synthesize_step"]
    assert [line["step"] for line in steps] == [
        "align", "durations", "pitch", "variance", "synthesize_audio", "postprocess",
    ]  # fmt: skip
    for line in steps:
        assert {"time", "severity", "message", "service", "version", "elapsed_ms", "phrases", "frames"} <= line.keys()
    (total,) = [line for line in lines if line["event"] == "synthesize_total"]
    assert {"elapsed_ms", "audio_seconds", "rtf", "cache_hits", "voicebank", "device", "outcome"} <= total.keys()
    assert "amazing" not in done.stderr.lower(), "lyrics and titles are never logged"


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    out = tmp_path / "mine.wav"
    out.write_text("precious")
    refused = cantilena("sing", HYMN, "-o", out)
    assert refused.returncode == 2
    assert "mine.wav" in refused.stderr
    assert "--force" in refused.stderr
    assert out.read_text() == "precious"
    assert cantilena("sing", HYMN, "--measures", "1-2", "-o", out, "--force").returncode == 0
    assert soundfile.info(out).frames > 0


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (("sing", "nowhere.musicxml"), 3, "score_not_found"),
        (("sing", HYMN, "--part", "Tuba"), 5, "part_unknown"),
        (("sing", HYMN, "--verse", "9"), 5, "verse_unknown"),
        (("sing", HYMN, "--measures", "90-95"), 5, "measure_unknown"),
        (("sing", HYMN, "--speaker", "nobody"), 5, "speaker_unknown"),
        (("sing", HYMN, "--voicebank", "Nobody_1.0"), 4, "voicebank_unknown"),
        (("sing", HYMN, "--tempo", "99"), 2, "option_out_of_range"),
        (("sing", HYMN, "--transpose", "nan"), 2, "option_invalid"),
        (("sing", HYMN, "--chord-note", "middle"), 2, "option_unknown_choice"),
        (("sing", HYMN, "-o", "no/such/folder/a.wav"), 2, "output_unwritable"),
        (("sing", HYMN, "-o", "a.aiff"), 2, "option_unknown_choice"),
        (("sing", HYMN, "--pronounce", "grace=x y z"), 2, None),
        (("check", HYMN, "--part", "Tuba"), 5, None),
    ],
)
def test_what_cannot_be_done_is_said_in_one_document(
    tmp_path: Path, arguments: tuple[object, ...], exit_code: int, code: str | None
) -> None:
    done = subprocess.run(
        [COMMAND, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    document = json.loads(done.stdout)
    problem = document["error"] if "error" in document else document["findings"][0]
    assert problem["message"].endswith(".")
    assert problem["hint"]
    if code is not None:
        assert problem["code"] == code
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_no_file_and_no_traceback(tmp_path: Path) -> None:
    singing = subprocess.Popen(
        [COMMAND, "sing", HYMN, "-o", tmp_path / "a.wav", "--progress", "json", "--no-cache"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert singing.stderr is not None
    assert json.loads(singing.stderr.readline())["phrase"] == 1
    singing.send_signal(signal.SIGINT)
    _, rest = singing.communicate(timeout=30)
    assert singing.returncode == 130
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_parse_describes_the_parts_of_a_hymn_on_two_staves() -> None:
    done = cantilena("parse", ROOT / "examples" / "old-hundredth.musicxml", "--json", "--notes")
    assert done.returncode == 0, done.stderr
    description = json.loads(done.stdout)
    assert len(description["parts"]) >= 4
    assert sum(part["sung"] for part in description["parts"]) == 1
    assert {"measure", "onset_beats", "duration_beats", "midi", "lyric", "syllabic", "verse"} <= set(
        description["parts"][0]["melody"][0]
    )


def test_check_says_what_would_be_sung() -> None:
    done = cantilena("check", HYMN)
    assert done.returncode == 0, done.stderr
    assert "can be sung" in done.stdout


@pytest.mark.parametrize(
    ("speaker", "inside", "beyond", "span"), [("mezzo", 0, 1, "G3 to D5"), ("baritone", -9, -8, "A2 to F4")]
)
def test_check_warns_of_notes_beyond_the_range_of_the_built_in_voice(
    speaker: str, inside: int, beyond: int, span: str
) -> None:
    """The hymn goes up to D5."""
    fits, strains = (cantilena("check", HYMN, "--speaker", speaker, "--transpose", t) for t in (inside, beyond))
    assert fits.returncode == strains.returncode == 0
    assert "outside the range" not in fits.stdout + fits.stderr
    assert f"outside the range of {speaker} ({span})" in strains.stdout + strains.stderr


def test_the_voicebanks_at_hand_are_listed_with_their_terms() -> None:
    listed = json.loads(cantilena("voicebank", "list", "--json").stdout)
    assert [bank["id"] for bank in listed] == ["Vesper_1.0"]
    told = cantilena("voicebank", "info", "Vesper_1.0").stdout
    assert "Kokoro-82M" in told, "the credits a licence asks for are shown"


def test_doctor_finds_everything_in_order() -> None:
    done = cantilena("doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["healthy"]


def test_doctor_shows_the_cache_and_says_when_nothing_can_be_kept(tmp_path: Path) -> None:
    assert (
        f"cache: {tmp_path / 'cache'} holds 0 entries"
        in cantilena("doctor", CANTILENA_CACHE_DIR=str(tmp_path / "cache")).stdout
    )
    (tmp_path / "file").write_text("no folder")
    refused = cantilena("doctor", CANTILENA_CACHE_DIR=str(tmp_path / "file"))
    assert refused.returncode == 6
    assert "MISSING cache" in refused.stdout
    assert "nothing is kept" in cantilena("doctor", CANTILENA_CACHE_MAX_BYTES="0").stdout


def test_help_is_there_at_once() -> None:
    begin = time.monotonic()
    assert "sing" in cantilena("--help").stdout
    assert time.monotonic() - begin < 5  # how fast it really is: benchmarks
