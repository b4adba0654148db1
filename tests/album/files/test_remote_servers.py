"""Photos on real servers of S3 and SFTP, read by real processes."""

import getpass
import os
import shutil
import subprocess
import sys
import time

import pytest

from db.library import Library
from tests.album.albums import ANNA, BERT, Drawn, photo
from tests.album.distributed.processes import free_port, started

PHOTOS = 24
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="Unix only")]


@pytest.fixture
def photos(tmp_path):
    for i in range(PHOTOS):
        folder = tmp_path / "photos" / f"{2000 + i % 3}"
        photo(folder / f"{i:02}.jpg", Drawn(ANNA), Drawn(BERT), shade=60 + i, year=2000 + i % 10)
    return tmp_path / "photos"


def found(path):
    with Library.open(path) as library, library.read() as conn:
        return conn.exec_driver_sql(
            "SELECT photo.content_hash, taken_at, x0, vector FROM photo "
            "JOIN face ON face.photo_id = photo.id JOIN observation ON face_id = face.id "
            "ORDER BY 1, 3, 4"
        ).all()


def check(photos, address, tmp_path, **env):
    """Index from a disk, from a server in threads, and from a server on workers."""
    os.environ.update(env)
    runs = {"disk": (photos, "--jobs", 2), "jobs": (address, "--jobs", 2)}
    runs["workers"] = (address, "--workers", 2)
    for name, words in runs.items():
        where = tmp_path / f"{name}.db"
        process = started("index", "--profile", "fake", "--library", where, *words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert f"Read {PHOTOS} new photos" in out
    assert found(tmp_path / "disk.db") == found(tmp_path / "jobs.db")
    assert found(tmp_path / "disk.db") == found(tmp_path / "workers.db")


@pytest.fixture
def environment():
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.filterwarnings("ignore")
def test_s3(photos, tmp_path, environment):
    servers = pytest.importorskip("moto.server", reason="needs moto[server] and s3fs")
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("s3fs")
    port = free_port()
    server = servers.ThreadedMotoServer(port=port)
    server.start()
    try:
        keys = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }
        os.environ.update(keys)
        client = boto3.client("s3")
        client.create_bucket(Bucket="album")
        for path in photos.rglob("*.jpg"):
            name = path.relative_to(photos).as_posix()
            client.upload_file(os.fspath(path), "album", f"family/{name}")
        check(photos, "s3://album/family", tmp_path, **keys)
    finally:
        server.stop()


@pytest.mark.skipif(SSHD is None, reason="needs sshd (Debian: apt-get install openssh-server)")
def test_sftp(photos, tmp_path, environment):
    pytest.importorskip("paramiko")
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.fspath(keys / name)]
        subprocess.run(words, check=True)
    shutil.copyfile(keys / "user.pub", keys / "authorized")
    port = free_port()
    (keys / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\nPidFile none\n"
        f"AuthorizedKeysFile {keys}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        "UsePAM no\nSubsystem sftp internal-sftp\nPasswordAuthentication no\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 - where Debian's sshd wants to live
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", keys / "config"], stderr=subprocess.PIPE)
    try:
        time.sleep(1)
        address = f"sftp://{getpass.getuser()}@127.0.0.1:{port}{photos}"
        check(photos, address, tmp_path, FSSPEC_SFTP_KEY_FILENAME=os.fspath(keys / "user"))
    finally:
        server.kill()
        server.communicate()
