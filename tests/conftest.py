"""What all tests share: where the reference data lies, and the rule that nothing is skipped silently in CI."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulators.firestore import FirestoreEmulator

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# Skips that are honest in CI too: what they need is an optional extra that CI does not install.
_OPTIONAL = ("torch is not installed",)

_skipped: list[str] = []


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the user's own cache, the commands it starts included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANTILENA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _interrupts_arrive() -> Iterator[None]:
    """A run that a shell started in the background ignores Ctrl-C, and so would every program that a test starts."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture(autouse=True)
def _logs_end_with_their_test() -> Iterator[None]:
    """What one test set up for its log lines does not stand in the way of the next."""
    yield
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        structlog.reset_defaults()


@pytest.fixture
def shared() -> Path:
    """The folder of reference data beside the checkout; tests that need it are skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference data in ../shared, which is not here")
    return SHARED


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[FirestoreEmulator]:
    """Google's Firestore emulator, one for all tests of a run; a project of its own keeps a test's documents apart."""
    from tests.emulators.firestore import EmulatorMissing, run_firestore

    try:
        with run_firestore() as emulator:
            yield emulator
    except EmulatorMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if not any(optional in reason for optional in _OPTIONAL):
            _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, where the reference data is at hand, a skipped test is a failed run."""
    if os.environ.get("CI") and SHARED.is_dir() and _skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") and SHARED.is_dir() and _skipped:
        terminalreporter.section("skipped although CI has the reference data")
        for line in _skipped:
            terminalreporter.line(line)
