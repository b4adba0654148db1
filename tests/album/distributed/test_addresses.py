"""Schedulers that are not there, and certificates that do not fit, are told in one sentence."""

import socket
import ssl
import threading
from contextlib import contextmanager

import distributed
import pytest

from album.cli.remedies import sentence
from album.distributed.addresses import Tls, check, split
from album.distributed.dask import context_of, security_of
from album.errors import ClusterError
from tests.album.albums import Shelf
from tests.album.distributed.processes import ALBUM, free_port, started

PARTS = ("ca_file", "scheduler_cert", "scheduler_key", "client_cert", "client_key")


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """Certificates of two circles who do not know each other: files by circle and part."""
    made = {}
    for circle in ("ours", "theirs"):
        security = distributed.Security.temporary()
        folder = tmp_path_factory.mktemp(circle)
        for part in PARTS:
            path = folder / f"{part}.pem"
            path.write_text(getattr(security, f"tls_{part}"))
            made[circle, part] = path
    return made


def tls(papers, ca, client):
    return Tls(papers[ca, "ca_file"], papers[client, "client_cert"], papers[client, "client_key"])


@contextmanager
def listening(context=None):
    """Something that answers at a port, with certificates where a context is given."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        stop = threading.Event()

        def answer():
            while not stop.is_set():
                try:
                    plain, _ = server.accept()
                except OSError:
                    continue
                try:
                    if context is None:
                        plain.close()
                    else:
                        with context.wrap_socket(plain, server_side=True) as safe:
                            safe.settimeout(3)
                            safe.recv(1)
                except OSError:
                    plain.close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


@pytest.fixture
def guarded(papers):
    """A server that lets only our circle in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers["ours", "scheduler_cert"], papers["ours", "scheduler_key"])
    context.load_verify_locations(papers["ours", "ca_file"])
    context.verify_mode = ssl.CERT_REQUIRED
    with listening(context) as port:
        yield f"tls://127.0.0.1:{port}"


def test_addresses_are_understood():
    assert split("tcp://host:1234") == ("tcp", "host", 1234)
    assert split("tls://10.0.0.1") == ("tls", "10.0.0.1", 8786)
    assert split("host:99") == ("tcp", "host", 99)
    assert split("tcp://[::1]:99") == ("tcp", "::1", 99)
    for wrong in ("http://host:1", "tcp://", "tcp://host:x", "tcp://host:99999"):
        with pytest.raises(ClusterError, match="is no address of a scheduler"):
            split(wrong)


def test_nobody_is_there():
    port = free_port()
    with pytest.raises(ClusterError, match=f"no scheduler at 127.0.0.1:{port} .*refused") as error:
        check(f"tcp://127.0.0.1:{port}", None)
    assert error.value.may_pass


def test_there_is_no_such_host():
    with pytest.raises(ClusterError, match=r"There is no host no-such-host\.invalid; check"):
        check("tcp://no-such-host.invalid:1", None)


def test_certificates_that_fit(guarded, papers):
    check(guarded, context_of(guarded, security_of(tls(papers, "ours", "ours"))))


@pytest.mark.parametrize("circles", [("theirs", "ours"), ("ours", "theirs")])
def test_certificates_that_do_not_fit(guarded, papers, circles):
    context = context_of(guarded, security_of(tls(papers, *circles)))
    with pytest.raises(ClusterError, match=r"127.0.0.1:\d+ .*do not trust each other \(") as error:
        check(guarded, context)
    assert not error.value.may_pass
    assert "--tls-ca" in sentence(error.value)


def test_certificates_that_are_missing(guarded, tmp_path):
    with pytest.raises(ClusterError, match="asks for certificates"):
        check(guarded, context_of(guarded, security_of(Tls())))
    with pytest.raises(ClusterError, match=r"certificate .*no\.pem is not there"):
        security_of(Tls(ca=tmp_path / "no.pem"))
    (tmp_path / "empty.pem").write_text("no certificate")
    wrong = Tls(tmp_path / "empty.pem", tmp_path / "empty.pem", tmp_path / "empty.pem")
    with pytest.raises(ClusterError, match="can't be used"):
        context_of(guarded, security_of(wrong))


def test_what_answers_is_no_scheduler(papers):
    with listening() as port, pytest.raises(ClusterError, match=f"127.0.0.1:{port}"):
        address = f"tls://127.0.0.1:{port}"
        check(address, context_of(address, security_of(tls(papers, "ours", "ours"))))


def test_the_command_says_it_in_one_sentence(tmp_path):
    (tmp_path / "photos").mkdir()
    port, own = free_port(), Shelf(tmp_path)
    ran = own("index", "--profile", "fake", "--scheduler", f"127.0.0.1:{port}", tmp_path / "photos")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert f"There is no scheduler at 127.0.0.1:{port}" in ran.err
    wrong = own("index", "--scheduler", "ftp://host", tmp_path / "photos")
    assert wrong.code == 1 and "is no address of a scheduler" in wrong.err
    both = own("index", "--scheduler", "host", "--workers", 2, tmp_path / "photos")
    assert both.code == 2 and "not both" in both.err


def test_without_dask(tmp_path):
    (tmp_path / "photos").mkdir()
    words = ("index", "--library", tmp_path / "library.db", "--workers", 1, tmp_path / "photos")
    process = started(*words, code=f"import sys; sys.modules['distributed'] = None; {ALBUM}")
    _, err = process.communicate()
    assert (process.returncode, err.count("\n")) == (1, 1), err
    assert "pip install 'album-people[cluster]'" in err
