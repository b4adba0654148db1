"""The same on real processes: dask's local cluster, and a scheduler with `album worker`."""

import re
import shutil
import subprocess
import sys

import pytest

from db.library import Library
from tests.album.albums import pairs
from tests.album.distributed.processes import (
    ROOT,
    ended,
    free_port,
    scheduler,
    started,
    until_listening,
)
from tests.album.indexing.test_sharing import content

PHOTOS = 60

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pairs(tmp_path_factory.mktemp("photos"), PHOTOS)


def index(path, photos, *words):
    return started("index", "--profile", "fake", "--library", path, photos, *words)


def held(path):
    with Library.open(path) as library:
        return content(library)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "library.db"
    process = index(path, photos, "--jobs", 2)
    process.communicate()
    return held(path)


def test_local_workers_end_with_what_one_process_ends_with(photos, alone, tmp_path):
    path = tmp_path / "library.db"
    process = index(path, photos, "--workers", 2)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err  # empty.jpg
    assert "Traceback" not in err
    assert f"Read {PHOTOS} new photos" in out
    assert held(path) == alone


def test_a_scheduler_and_its_workers(photos, alone, tmp_path):
    port, path = free_port(), tmp_path / "library.db"
    address = f"tcp://127.0.0.1:{port}"
    # The worker is there first, and waits.
    worker = started("worker", address, "--workers", 1)
    assert "There is no scheduler at 127.0.0.1" in worker.stderr.readline()
    there = scheduler(port)
    until_listening(port)
    with ended(worker, there):
        process = index(path, photos, "--scheduler", address)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert "Traceback" not in err
        assert held(path) == alone
    assert worker.returncode == 130


@pytest.mark.long
def test_the_certificate_of_the_manual_is_enough(photos, alone, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    manual = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    (make,) = re.findall(r"^openssl .*$", manual, re.M)
    subprocess.run(make.split(), cwd=tmp_path, check=True, capture_output=True)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    papers = ("--tls-ca", cert, "--tls-cert", cert, "--tls-key", key)
    port, path = free_port(), tmp_path / "library.db"
    address = f"tls://127.0.0.1:{port}"
    there = scheduler(port, "--protocol", "tls", "--tls-ca-file", cert, *papers[2:])
    until_listening(port)
    worker = started("worker", address, "--workers", 1, *papers)
    with ended(worker, there):
        process = index(path, photos, "--scheduler", address, *papers)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert held(path) == alone


@pytest.mark.slow
def test_only_those_with_certificates_get_in(photos, alone, tmp_path):
    import distributed

    made = {}
    for circle in ("ours", "theirs"):
        security = distributed.Security.temporary()
        parts = ("ca_file", "scheduler_cert", "scheduler_key", "client_cert", "client_key")
        for part in parts:
            made[circle, part] = tmp_path / f"{circle}-{part}.pem"
            made[circle, part].write_text(getattr(security, f"tls_{part}"))

    def papers(circle, who, cert="--tls-cert", key="--tls-key", ca="--tls-ca"):
        return (
            *(ca, made[circle, "ca_file"], cert, made[circle, f"{who}_cert"]),
            *(key, made[circle, f"{who}_key"]),
        )

    port, path = free_port(), tmp_path / "library.db"
    address = f"tls://127.0.0.1:{port}"
    there = scheduler(port, *papers("ours", "scheduler", ca="--tls-ca-file"), "--protocol", "tls")
    until_listening(port)
    worker = started("worker", address, "--workers", 1, *papers("ours", "client"))
    with ended(worker, there):
        process = index(path, photos, "--scheduler", address, *papers("ours", "client"))
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert held(path) == alone
        for words, told in (
            (papers("theirs", "client"), "do not trust each other"),
            ((), "asks for certificates"),
        ):
            stranger = index(tmp_path / "no.db", photos, "--scheduler", address, *words)
            _, err = stranger.communicate(timeout=60)
            assert (stranger.returncode, err.count("\n")) == (1, 1), err
            assert told in err
        plain = index(tmp_path / "no.db", photos, "--scheduler", f"tcp://127.0.0.1:{port}")
        _, err = plain.communicate(timeout=60)
        assert (plain.returncode, err.count("\n")) == (1, 1), err
        assert "tls:// where it asks for certificates" in err
