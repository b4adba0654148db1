"""The command: a server of its own, which answers from the moment it has told its address."""

import http.client
import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.album.albums import album as run
from tests.databases import name_of

ROOT = Path(__file__).parents[3]


@contextmanager
def serving(path, *words, log=None, files=None):
    """Run `album serve`; give the port that it says.

    What it logs goes to the file `log`; it may have `files` open at a time.
    """
    command = [sys.executable, "-m", "album", "--library", name_of(path), "serve", "--port", "0"]
    if files is not None:
        command = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *command]
    errors = None if log is None else log.open("wb")
    process = subprocess.Popen(
        [*command, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    try:
        said = process.stdout.readline()
        yield int(re.search(r"http://127\.0\.0\.1:(\d+)/", said)[1])
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
        if errors is not None:
            errors.close()


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


def test_others_may_look_only_with_a_password(album):
    """Without one given, it is made up, and nobody is let in without it."""
    command = [sys.executable, "-m", "album", "--library", name_of(album.path), "serve"]
    command += ["--port", "0", "--host", "0.0.0.0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
        password = re.search(r"Its password is (\S{16}) ", process.stdout.readline())[1]
        for bearer, status in (("", 401), ("x", 401), (password, 200)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
            connection.request("GET", "/api/v1/people", headers=headers)
            assert connection.getresponse().status == status
            connection.close()
        process.terminate()


@pytest.mark.parametrize("words", [["--password", os.fsdecode(b"caf\xe9")], []])
def test_a_password_that_is_not_utf_8(album, monkeypatch, words):
    if not words:
        monkeypatch.setenv("ALBUM_PASSWORD", os.fsdecode(b"caf\xe9"))
    ran = run("serve", "--library", album.path, "--port", 0, *words)
    assert ran.code == 1
    assert ran.err.count("\n") == 1 and "--password or ALBUM_PASSWORD is not valid UTF-8" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of descriptors")
def test_more_connections_than_descriptors(album, tmp_path):
    """Three times as many as the process may have files, and none of them asks for anything."""
    import resource

    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 700:
        pytest.skip("this process may not have so many connections itself")
    log = tmp_path / "log"
    with serving(album.path, log=log, files=192) as port:
        held = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(600)]
        for number, one in enumerate(held):
            with suppress(OSError):  # some have been closed already
                one.sendall(b"GET /people HTTP/1.1\r\n" if number % 2 else b"\0\r\n\r\n")
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/people")
            assert connection.getresponse().status == 200
            connection.close()
            for one in held:
                one.close()
    assert log.stat().st_size < 10_000
