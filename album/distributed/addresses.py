"""Addresses of schedulers, and certificates: what is wrong with them is found early."""

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from album.errors import BadCertificates, ClusterError, PlainConnection, shown

PORT = 8786
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections are secured; what is not named is as dask's own settings have it.

    Attributes
    ----------
    ca, cert, key : Path or None
        Files: who is trusted, who we are, and the proof of that.
    insecure : bool
        Allow unencrypted connections to other machines.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False

    def refuse_plain(self, address: str) -> None:
        """Refuse an unencrypted connection to another machine, unless it is explicitly allowed.

        Dask unpickles whatever arrives, on both ends of a connection. Workers listen on the
        interface that leads to their scheduler, so this covers what they accept, too.

        Raises
        ------
        PlainConnection
            The address is tcp:// beyond loopback.
        """
        protocol, host, port = split(address)
        if protocol == "tcp" and not self.insecure and not is_loopback(host):
            raise PlainConnection(address, f"tls://{bracketed(host)}:{port}")

    def files(self) -> dict[str, Path]:
        """Return the files that are named, by "ca", "cert" and "key".

        Raises
        ------
        ClusterError
            One of them is not there.
        """
        named = {"ca": self.ca, "cert": self.cert, "key": self.key}
        files = {part: path for part, path in named.items() if path is not None}
        for path in files.values():
            if not path.is_file():
                raise ClusterError(f"The certificate {shown(path)} is not there; check its path.")
        return files


def split(address: str) -> tuple[str, str, int]:
    """Return protocol, host and port of a scheduler.

    Raises
    ------
    ClusterError
        It is no address.
    """
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme not in ("tcp", "tls"):
        raise ClusterError(
            f"{address} is no address of a scheduler; it looks like tcp://host:{PORT}, "
            f"or tls://host:{PORT}."
        )
    return parts.scheme, host, port


def bracketed(host: str) -> str:
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name alone: nothing is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def own_address(address: str) -> str:
    """Return this machine's address on the interface that leads to a scheduler.

    It is loopback where the scheduler is on this machine. Nothing is sent.

    Raises
    ------
    OSError
        The host is not known, or there is no route to it.
    """
    _, host, port = split(address)
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as one:
        one.connect(place)
        own: str = one.getsockname()[0]
        return own


def check(address: str, context: ssl.SSLContext | None) -> None:
    """Try to connect to a scheduler: dask itself would try for long and say little.

    Parameters
    ----------
    address : str
    context : ssl.SSLContext or None
        The certificates, for tls://.

    Raises
    ------
    ClusterError
        Nobody answers, or the certificates do not fit; the sentence names the host.
    """
    protocol, host, port = split(address)
    place = f"{host}:{port}"
    if protocol == "tls" and context is None:
        raise BadCertificates(f"{address} asks for certificates.")
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as plain:
            if protocol == "tls" and context is not None:
                _handshake(plain, host, context)
    except socket.gaierror as error:
        raise ClusterError(f"There is no host {host}; check the address {address}.") from error
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or "no more is known"
        raise BadCertificates(
            f"The scheduler {place} and the certificates named do not trust each other ({reason})."
        ) from error
    except OSError as error:
        reason = error.strerror or "no answer"
        raise ClusterError(
            f"There is no scheduler at {place} ({reason}); start one there with: dask scheduler",
            may_pass=True,
        ) from error


def _handshake(plain: socket.socket, host: str, context: ssl.SSLContext) -> None:
    with context.wrap_socket(plain, server_hostname=host) as safe:
        # A refusal of our certificate comes with the first read (TLS 1.3).
        safe.settimeout(1.0)
        try:
            safe.recv(1)
        except TimeoutError:
            return
