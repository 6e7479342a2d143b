"""The cloud: prod in rehearsal, two instances with a worker each, over emulators that can be put out of reach."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cantilena.publishing import push_voicebank
from tests.buckets.server import make_bucket, run_bucket_server
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.outage import OutageProxy, run_outage_proxy
from tests.emulators.tasks import QUEUE, TasksEmulator, run_tasks
from tests.integration.phrases import FULL
from tests.rehearsal.front import Front, run_front
from tests.serving.fleet import Fleet, running_fleet
from tests.tokens import PROJECT, Mint, run_key_server
from tests.voicebanks.build import TinyBank, build_voicebank

_BUCKET = "songs"
_VOICEBANK = "Full"


@dataclass(frozen=True)
class Cloud:
    """Everything there is: where it is asked, who signs, its instances, and the ways to its stores."""

    front: Front
    mint: Mint
    fleet: Fleet
    documents: OutageProxy
    objects: OutageProxy
    tasks: TasksEmulator

    def stop_stores(self) -> None:
        """Take the stores away, as a network does that drops everything."""
        self.documents.stop()
        self.objects.stop()

    def bring_stores_back(self) -> None:
        self.documents.resume()
        self.objects.resume()


@contextmanager
def run_cloud(folder: Path, firestore: FirestoreEmulator, settings: Mapping[str, str] | None = None) -> Iterator[Cloud]:
    """Start it, publish a tiny voicebank in its bucket, and wait until both instances sing."""
    (folder / "banks").mkdir(parents=True)
    build_voicebank(folder / "banks", TinyBank(name=_VOICEBANK, **FULL))
    mint = Mint()
    with (
        run_bucket_server(folder / "bucket") as bucket,
        run_outage_proxy(firestore.host) as documents,
        run_outage_proxy(bucket.url.removeprefix("http://")) as objects,
        run_key_server(mint) as keys,
        run_front() as front,
        run_tasks(mint) as tasks,
        pytest.MonkeyPatch.context() as patch,
    ):
        make_bucket(bucket, _BUCKET)
        for name in ("PORT", "FIRESTORE_EMULATOR_HOST"):
            patch.delenv(name, raising=False)
        place = {"STORAGE_BUCKET": _BUCKET, "NO_GCE_CHECK": "true"}
        for name, value in {**place, "STORAGE_EMULATOR_HOST": bucket.url}.items():
            patch.setenv(name, value)
        push_voicebank(folder / "banks" / _VOICEBANK)
        environment = {
            **place, "APP_ENV": "prod", "ALLOW_EMULATORS": "rehearsal", "STORAGE_EMULATOR_HOST": f"http://{objects.host}",
            "GOOGLE_CLOUD_PROJECT": f"rehearsal-{secrets.token_hex(6)}", "FIRESTORE_EMULATOR_HOST": documents.host,
            "VOICEBANK_CACHE_DIR": str(folder / "voicebanks"), "LINK_SIGNING_KEY": secrets.token_hex(32),
            "IDENTITY": "firebase", "FIREBASE_PROJECT": PROJECT, "IDENTITY_CERTS_URL": keys.url, "DISPATCH": "tasks",
            "TASKS_QUEUE": QUEUE, "TASKS_SERVICE_ACCOUNT": "tasks@songs.test", "TASKS_EMULATOR_HOST": tasks.host,
            "SERVICE_URL": front.url, "CANTILENA_THREADS": "1", "CANTILENA_CACHE_MAX_BYTES": "0",
            "MAX_REQUESTS_PER_MINUTE": "0", **(settings or {}),
        }  # fmt: skip
        fleet = Fleet(folder=folder, environment=environment)
        with running_fleet(fleet, 2):
            front.hosts += [api.serve.url.removeprefix("http://") for api in fleet.living]
            yield Cloud(front=front, mint=mint, fleet=fleet, documents=documents, objects=objects, tasks=tasks)
            documents.resume()
            objects.resume()
