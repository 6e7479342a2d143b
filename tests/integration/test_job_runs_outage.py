"""A song that is sung while Firestore and the bucket are out of reach: it goes on, and is stored when they are back."""

from __future__ import annotations

import hashlib
import secrets
import time

from cantilena.adapters.firestore_jobs import FirestoreJobs
from cantilena.adapters.gcs_objects import GcsObjects
from cantilena.service.object_names import output_object
from tests.buckets.server import make_bucket, run_bucket_server
from tests.emulators.outage import run_outage_proxy
from tests.emulators.stores import open_database
from tests.integration.phrases import PHRASES, song_file
from tests.workers.processes import wait_until
from tests.workers.studio import ask, tiny_studio


def test_stores_that_fall_silent_stop_no_song(firestore_emulator, tmp_path, monkeypatch):
    project = f"outage-{secrets.token_hex(6)}"
    with (
        run_bucket_server(tmp_path / "bucket") as bucket,
        run_outage_proxy(firestore_emulator.host) as documents,
        run_outage_proxy(bucket.url.removeprefix("http://")) as files,
        open_database(firestore_emulator.host, project=project) as near,
        open_database(documents.host, project=project) as far,
        tiny_studio(tmp_path) as studio,
    ):
        make_bucket(bucket, "songs")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{files.host}")
        jobs, objects = FirestoreJobs(near), GcsObjects("songs")
        ask(jobs, objects, now=time.time(), score=song_file(PHRASES * 12))
        running = studio.begin(studio.runs(FirestoreJobs(far), objects, now=time.time), "j")
        wait_until(lambda: jobs.read("j").job.step == "postprocess", 60.0)
        documents.stop()
        files.stop()
        wait_until(lambda: list(studio.files.glob("*/audio.wav")) != [], 60.0)
        heard = jobs.read("j").job
        time.sleep(1.0)
        assert jobs.read("j").job == heard
        documents.resume()
        files.resume()
        assert running.result(60) == "done"
        job = jobs.read("j").job
        assert (job.status, job.attempt) == ("succeeded", 1)
        for output in job.outputs:
            content = b"".join(objects.stream(output_object("s", "j", 1, output.name)))
            assert hashlib.sha256(content).hexdigest() == output.sha256
        objects.close()
