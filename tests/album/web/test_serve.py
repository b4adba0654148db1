"""The command: a server of its own, which answers from the moment it has told its address."""

import http.client
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.album.albums import album as run
from tests.databases import name_of

ROOT = Path(__file__).parents[3]


@contextmanager
def serving(path, *words):
    """Run `album serve`; give the port that it says."""
    command = [sys.executable, "-m", "album", "--library", name_of(path), "serve", "--port", "0"]
    process = subprocess.Popen([*command, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        yield int(re.search(r"http://127\.0\.0\.1:(\d+)/", said)[1])
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def test_it_answers_as_soon_as_it_has_told_where(album):
    with serving(album.path) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/people")
        answer = connection.getresponse()
        assert answer.status == 200
        assert b"Person 1" in answer.read()
        connection.close()


def test_a_port_that_is_taken(album):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = run("serve", "--library", album.path, "--port", port)
    assert ran.code == 1
    assert f"Port {port} of 127.0.0.1 can't be used" in ran.err


def test_a_library_that_is_not_there(tmp_path):
    ran = run("serve", "--library", tmp_path / "none.db", "--port", 0)
    assert ran.code == 1
    assert "There is no library" in ran.err
