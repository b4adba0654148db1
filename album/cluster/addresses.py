"""Addresses of schedulers, and certificates: what is wrong with them, told early."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from album.errors import ClusterError, shown

PORT = 8786
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Files with certificates; what is not named is as dask's own settings have it.

    Attributes
    ----------
    ca, cert, key : Path or None
        Who is trusted, who we are, and the proof of that.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def security(self, distributed: Any) -> Any:
        """Return them as dask takes them.

        Raises
        ------
        ClusterError
            A file can't be read.
        """
        named = {"tls_ca_file": self.ca, "tls_client_cert": self.cert, "tls_client_key": self.key}
        given = {name: str(path) for name, path in named.items() if path is not None}
        for path in given.values():
            if not Path(path).is_file():
                raise ClusterError(f"The certificate {shown(path)} is not there; check its path.")
        worker = {
            name.replace("client", "worker"): path
            for name, path in given.items()
            if "client" in name
        }
        return distributed.Security(**given, **worker)


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


def check(address: str, security: Any) -> None:
    """Knock at a scheduler: dask itself would try for long and say little.

    Raises
    ------
    ClusterError
        Nobody answers, or the certificates do not fit; the sentence names the host.
    """
    protocol, host, port = split(address)
    place = f"{host}:{port}"
    context = _context(address, security) if protocol == "tls" else None
    try:
        with socket.create_connection((host, port), timeout=PATIENCE_S) as plain:
            if context is not None:
                _shake_hands(plain, host, context)
    except socket.gaierror as error:
        raise ClusterError(f"There is no host {host}; check the address {address}.") from error
    except ssl.SSLError as error:
        told = getattr(error, "verify_message", "") or error.reason or "no more is known"
        raise ClusterError(
            f"The scheduler {place} and the certificates named do not trust each other ({told}); "
            f"check --tls-ca, --tls-cert and --tls-key."
        ) from error
    except OSError as error:
        told = error.strerror or "no answer"
        raise ClusterError(
            f"There is no scheduler at {place} ({told}); start one there with: dask scheduler",
            may_pass=True,
        ) from error


def _context(address: str, security: Any) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext | None = security.get_connection_args("client").get("ssl_context")
    except (OSError, ValueError) as error:
        told = getattr(error, "reason", None) or error
        raise ClusterError(
            f"The certificates for {address} can't be used ({told}); check --tls-ca, --tls-cert "
            f"and --tls-key, or dask's configuration."
        ) from error
    if context is None:
        raise ClusterError(
            f"{address} asks for certificates; name them with --tls-ca, --tls-cert and "
            f"--tls-key, or in dask's configuration."
        )
    return context


def _shake_hands(plain: socket.socket, host: str, context: ssl.SSLContext) -> None:
    with context.wrap_socket(plain, server_hostname=host) as safe:
        # A refusal of our certificate comes with the first read (TLS 1.3).
        safe.settimeout(1.0)
        try:
            safe.recv(1)
        except TimeoutError:
            return
