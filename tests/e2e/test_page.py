"""The first page in a real browser, before the real service: a score in, a song out."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.long_scores import write_long_score
from tests.browser import BrowserMissing, Watched, open_page, run_browser
from tests.buckets.server import free_port
from tests.serving.process import ServeProcess, serve_process
from tests.workers.processes import wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
expect.set_options(timeout=60_000)
UNCACHED = {"CANTILENA_CACHE_MAX_BYTES": "0"}
DROP = """([zone, name, text]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name));
  const carrying = { dataTransfer: carried, bubbles: true, cancelable: true };
  for (const kind of ["dragover", "drop"])
    document.querySelector(zone).dispatchEvent(new DragEvent(kind, carrying));
}"""
WATCH = """() => {
  window.seen = [];
  const text = (id) => document.getElementById(id).textContent;
  const look = () => window.seen.push([document.getElementById("progress").value, text("step"), text("said")]);
  new MutationObserver(look).observe(document.getElementById("step"), { childList: true });
}"""
NAMED = """(control) => control.labels?.length || control.textContent.trim() || control.ariaLabel
  || control.getAttribute("aria-labelledby")"""
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return numbers(colour)[3] === 0 ? behind(element.parentElement) : colour;
  };
  const all = [...document.querySelectorAll("h1, h2, p, label, span, button, select, summary, a")];
  return all.filter((element) => element.checkVisibility()).map((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    return [element.tagName + " " + element.textContent.trim().slice(0, 30), (a + 0.05) / (b + 0.05)];
  });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with run_browser() as browser:
            yield browser
    except BrowserMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[ServeProcess]:
    with serve_process(tmp_path_factory.mktemp("page"), UNCACHED) as running:
        wait_until(lambda: httpx2.get(f"{running.url}/ready", timeout=30).status_code == 200, seconds=60)
        yield running


@pytest.fixture
def watched(browser: Browser, server: ServeProcess) -> Iterator[Watched]:
    with open_page(browser, server.url) as watched:
        yield watched


def sing(page: Page) -> None:
    page.get_by_role("button", name="Sing").click()


def result(page: Page) -> bytes:
    """What the link to download gives, once the song is there."""
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes()


def choose_file(page: Page, path: Path) -> None:
    page.get_by_label("MusicXML file").set_input_files(path)


def test_the_sample_is_sung_played_and_downloaded(watched: Watched, server: ServeProcess) -> None:
    page = watched.page
    page.get_by_role("button", name="use the sample song").click()
    expect(page.get_by_text("Little Boats", exact=True)).to_be_visible()
    page.get_by_label("Verse", exact=True).select_option("2")
    page.get_by_role("combobox", name="Voice").select_option(label="baritone")
    page.get_by_label("Audio file").select_option("flac")
    sing(page)
    audio = result(page)

    session = page.evaluate("() => JSON.parse(sessionStorage.getItem('cantilena')).id")
    (job,) = httpx2.get(f"{server.url}/sessions/{session}/jobs").json()["jobs"]
    assert (job["request"]["verse"], job["request"]["speaker"]) == ("2", "baritone")
    assert hashlib.sha256(audio).hexdigest() == job["outputs"][0]["sha256"]
    assert audio.startswith(b"fLaC")

    player = page.locator("audio")
    player.evaluate("(audio) => audio.play()")
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.2")
    assert player.evaluate("(audio) => audio.duration") == pytest.approx(job["audio_seconds"], abs=0.1)
    assert watched.complaints == []
    assert watched.hosts == {server.url.removeprefix("http://")}


def test_progress_is_shown_and_never_goes_back(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    write_long_score(tmp_path / "long.musicxml", seconds=240)  # sung in several times the two seconds between writes
    choose_file(page, tmp_path / "long.musicxml")
    page.evaluate(WATCH)
    sing(page)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    seen = page.evaluate("window.seen")
    values = [value for value, _, _ in seen]
    assert values == sorted(values)
    assert len(set(values)) >= 3
    assert any(text.startswith("Singing: ") for _, text, _ in seen)
    assert not any(text.startswith("Finishing: phrase") for _, text, _ in seen)
    assert "Singing" in {said for _, _, said in seen}  # to listeners the step alone, not every phrase
    expect(page.get_by_role("status")).to_have_text("The song is ready.")


def test_a_part_without_words_is_sung_on_a_syllable_and_remarks_are_shown(watched: Watched) -> None:
    page = watched.page
    choose_file(page, EXAMPLES / "old-hundredth.musicxml")
    page.get_by_text("One remark").click()
    expect(page.get_by_text("Soprano, measure 0: Verses 2, 3 are not sung")).to_be_visible()
    expect(page.get_by_label("Syllable")).to_be_hidden()
    page.get_by_label("Part", exact=True).select_option(label="Alto (no words)")
    expect(page.get_by_label("Verse", exact=True)).to_be_hidden()
    page.get_by_label("Syllable").fill("loo")
    sing(page)
    assert result(page)[:2] in (b"ID", b"\xff\xfb")
    assert watched.complaints == []


def test_what_is_no_score_is_said_with_a_hint(watched: Watched) -> None:
    page = watched.page
    page.evaluate(DROP, ["#drop", "notes.musicxml", "<html>no music</html>"])
    problem = page.get_by_role("alert")
    expect(problem).to_be_visible()
    told = problem.locator("p").all_inner_texts()
    assert len(told) == 2
    assert all(told)
    expect(page.get_by_role("button", name="Sing")).to_be_hidden()

    page.evaluate(DROP, ["#drop", "hymn.musicxml", (EXAMPLES / "amazing-grace.musicxml").read_text("utf-8")])
    expect(page.get_by_text("Amazing Grace", exact=True)).to_be_visible()
    expect(problem).to_be_hidden()


def test_what_cannot_be_sung_is_said(watched: Watched) -> None:
    page = watched.page
    choose_file(page, EXAMPLES / "old-hundredth.musicxml")
    page.get_by_label("Part", exact=True).select_option(label="Bass (no words)")
    page.get_by_label("Syllable").fill("ら")
    sing(page)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_be_hidden()
    page.get_by_label("Syllable").fill("la")
    sing(page)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_song_is_stopped(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    write_long_score(tmp_path / "long.musicxml", seconds=600)
    choose_file(page, tmp_path / "long.musicxml")
    sing(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#outcome")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_hidden()
    expect(page.get_by_role("button", name="Sing")).to_be_focused()
    assert watched.complaints == []


def test_a_song_survives_a_reload_and_a_restart_of_the_service(browser: Browser, tmp_path: Path) -> None:
    port = str(free_port())
    write_long_score(tmp_path / "long.musicxml", seconds=150)
    data = {"DATA_DIR": str(tmp_path / "data"), "CANTILENA_CACHE_DIR": str(tmp_path / "cache")}
    with ExitStack() as stack:
        with serve_process(tmp_path / "first", data, arguments=("--port", port)) as first:
            page = stack.enter_context(open_page(browser, first.url)).page
            choose_file(page, tmp_path / "long.musicxml")
            sing(page)
            expect(page.locator("#step")).to_have_text(re.compile("^(Laying|Timing|Shaping|Singing)"))
            page.reload()
            expect(page.get_by_role("button", name="Stop")).to_be_visible()
            first.stop()
        expect(page.get_by_text("Cantilena does not answer just now")).to_be_visible()
        stack.enter_context(serve_process(tmp_path / "second", data, arguments=("--port", port)))
        expect(page.get_by_role("link", name="Download")).to_be_visible()


def test_it_is_used_with_the_keyboard_alone(watched: Watched) -> None:
    page = watched.page
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="use the sample song")).to_be_focused()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Sing")
    expect(button).to_be_visible()
    for _ in range(10):
        page.keyboard.press("Tab")
        if button.evaluate("(button) => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Download")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_on_a_phone(browser: Browser, server: ServeProcess, scheme: str) -> None:
    with open_page(browser, server.url, width=360, scheme=scheme) as watched:
        page = watched.page
        choose_file(page, EXAMPLES / "old-hundredth.musicxml")
        expect(page.get_by_role("button", name="Sing")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for text, contrast in page.evaluate(CONTRASTS):
            assert contrast >= 4.5, text
        for control in page.locator("input, select, button, progress, audio").all():
            assert control.evaluate(NAMED), control.evaluate("(control) => control.id")


def test_nothing_from_elsewhere_can_run_in_it(server: ServeProcess) -> None:
    policy = httpx2.get(server.url).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for name in ("page.css", "page.js", "icon.svg", "sample.musicxml"):
        answer = httpx2.get(f"{server.url}/page/{name}")
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
    assert httpx2.get(f"{server.url}/page/index.html").status_code == 404
