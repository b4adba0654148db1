"""Who can reach schedulers and workers: this machine alone, unless connections are encrypted."""

import socket
import sys
import time
from contextlib import suppress

import psutil
import pytest

from album.distributed.addresses import Tls, is_loopback, own_address
from album.distributed.dask import connect, serve
from album.errors import ClusterError
from tests.album.albums import Shelf, album, pairs
from tests.album.distributed.processes import ended, free_port, scheduler, started, until_listening

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")

AWAY = "tcp://192.0.2.1:8786"  # an address that documentation may use, and nobody else
LIBRARY = '[[library]]\nname = "one"\nlibrary = "one.db"\nphotos = "photos"\n'


def listeners(process):
    """Return (process, address) of every socket on which a process or one below it listens."""
    found = set()
    try:
        there = psutil.Process(process.pid)
        for one in (there, *there.children(recursive=True)):
            connections = one.net_connections("inet")
            found |= {(one.pid, c.laddr) for c in connections if c.status == psutil.CONN_LISTEN}
    except psutil.Error:  # it ended meanwhile
        pass
    return found


def has_ipv6():
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


def seen_listening(process, processes):
    """Watch a process until so many below it have listened for a while, or it ends."""
    seen, until = set(), None
    while process.poll() is None and (until is None or time.monotonic() < until):
        seen |= listeners(process)
        if until is None and len({pid for pid, _ in seen}) >= processes:
            until = time.monotonic() + 1
        time.sleep(0.05)
    assert until is not None, process.communicate()
    return seen


def test_local_workers_listen_on_loopback_alone(tmp_path):
    photos = pairs(tmp_path / "photos", 60)
    words = ("--profile", "fake", "--library", tmp_path / "library.db", "--workers", 2)
    process = started("index", *words, photos)
    with ended(process):
        seen = seen_listening(process, processes=3)  # the index with its nannies, and two workers
    assert {address.ip for _, address in seen} == {"127.0.0.1"}


@pytest.mark.long
@pytest.mark.parametrize(("host", "ip"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")])
def test_workers_of_a_local_scheduler_listen_on_loopback_alone(host, ip):
    if ip == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    port = free_port()
    there = scheduler(port, host=host)
    worker = started("worker", f"tcp://{host}:{port}", "--workers", 1)
    with ended(worker, there):
        seen = seen_listening(worker, processes=2)
    assert {address.ip for _, address in seen} <= {ip, "127.0.0.1"}


@pytest.mark.parametrize("command", ["index", "regroup", "batch", "batch by its file", "worker"])
def test_plain_connections_to_other_machines_are_refused(command, tmp_path):
    (tmp_path / "photos").mkdir()
    config, own = tmp_path / "batch.toml", Shelf(tmp_path)
    cluster = f'[cluster]\nscheduler = "{AWAY}"\n' if "file" in command else ""
    config.write_text(cluster + LIBRARY)
    own.index(tmp_path / "photos")
    before = own.path.read_bytes()
    ran = {
        "index": lambda: own("index", "--scheduler", AWAY, tmp_path / "photos"),
        "regroup": lambda: own("regroup", "--scheduler", AWAY),
        "batch": lambda: album("batch", "--scheduler", AWAY, config),
        "batch by its file": lambda: album("batch", config),
        "worker": lambda: album("worker", AWAY),
    }[command]()
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1), ran.err
    assert f"{AWAY} is not encrypted" in ran.err
    assert "use tls://192.0.2.1:8786 with --tls-ca, --tls-cert and --tls-key" in ran.err
    assert "--insecure" in ran.err
    assert own.path.read_bytes() == before
    assert not (tmp_path / "one.db").exists()


@pytest.mark.parametrize("command", ["index", "batch", "batch by its file"])
def test_plain_connections_are_made_where_the_user_allows_them(command, tmp_path):
    (tmp_path / "photos").mkdir()
    config, own = tmp_path / "batch.toml", Shelf(tmp_path)
    # Connects to this machine, though it is no loopback address.
    here = f"tcp://0.0.0.0:{free_port()}"
    cluster = f'[cluster]\nscheduler = "{here}"\ninsecure = true\n' if "file" in command else ""
    config.write_text(cluster + LIBRARY)
    ran = {
        "index": lambda: own("index", "--insecure", "--scheduler", here, tmp_path / "photos"),
        "batch": lambda: album("batch", "--insecure", "--scheduler", here, config),
        "batch by its file": lambda: album("batch", config),
    }[command]()
    assert ran.code == 1
    assert "There is no scheduler at 0.0.0.0" in ran.err


def test_a_worker_joins_where_the_user_allows_it():
    port = free_port()
    there = scheduler(port)
    until_listening(port)
    worker = started("worker", "--insecure", f"tcp://0.0.0.0:{port}", "--workers", 1)
    with ended(worker, there):
        assert worker.stderr.readline() == f"At work for tcp://0.0.0.0:{port}.\n"


def test_callers_of_the_functions_are_refused_too():
    with pytest.raises(ClusterError, match="is not encrypted"):
        connect(AWAY, Tls())
    with pytest.raises(ClusterError, match="is not encrypted"):
        serve(AWAY, Tls(), workers=1, report=print)


def test_encrypted_and_local_connections_are_allowed():
    for address in ("tls://192.0.2.1:1", "tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1"):
        Tls().refuse_plain(address)
    for address in (
        "tcp://0.0.0.0:1",
        "tcp://[::]:1",
        "tcp://localhost.example:1",
        "tcp://127.1:1",
    ):
        with pytest.raises(ClusterError, match="is not encrypted"):
            Tls().refuse_plain(address)
        Tls(insecure=True).refuse_plain(address)


def test_hosts_on_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.10", "::1", "localhost")))
    assert not any(map(is_loopback, ("10.0.0.1", "0.0.0.0", "::", "fe80::1", "vm", "localhost.x")))


def test_the_own_address_towards_a_scheduler():
    assert own_address("tcp://127.0.0.1:1") == "127.0.0.1"
    assert own_address("tls://localhost") in ("127.0.0.1", "::1")
