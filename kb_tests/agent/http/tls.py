"""Connections with TLS; imported only where it is asked for.

Certificates are not verified: what is measured is a run's own server, with a certificate made for the run. No
session is resumed, so that every connection makes a full handshake.
"""

from __future__ import annotations

import errno
import select
import ssl
from typing import Callable, Optional

from .connection import Connection


def connections(address: tuple[str, int]) -> Callable[[float, bool], Connection]:
    """Makes connections to `address`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return lambda now, linger: TlsConnection(context, address, now, linger)


class TlsConnection(Connection):
    """As its base; a handshake that fails is a connect that fails, with EPROTO."""

    __slots__ = ("_context",)
    sock: ssl.SSLSocket

    def __init__(self, context: ssl.SSLContext, address: tuple[str, int], now: float, linger: bool) -> None:
        super().__init__(address, now, linger)
        self._context = context

    def establish(self) -> Optional[int]:
        """The connect, then the handshake."""
        try:
            if not isinstance(self.sock, ssl.SSLSocket):
                error = super().establish()
                if error:
                    return error
                self.sock = self._context.wrap_socket(self.sock, do_handshake_on_connect=False)
                self.send = self.sock.send
                self.recv = _recv(self.sock)
                self.recv_into = _recv_into(self.sock)
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self.awaits = select.EPOLLIN
            return None
        except ssl.SSLWantWriteError:
            self.awaits = select.EPOLLOUT
            return None
        except ssl.SSLError:
            return errno.EPROTO
        except OSError as error:
            return error.errno or errno.ECONNRESET
        return 0

    def tls(self) -> str:
        """As in "TLSv1.3 TLS_AES_256_GCM_SHA384, OpenSSL 3.0.17"."""
        suite = self.sock.cipher()
        library = " ".join(ssl.OPENSSL_VERSION.split()[:2])
        return f"{self.sock.version()} {suite[0] if suite else '?'}, {library}"


# As a plain socket's; they do not hold the connection, since workers collect no cycles.


def _recv(sock: ssl.SSLSocket) -> Callable[[int], bytes]:
    def recv(size: int) -> bytes:
        try:
            return sock.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    return recv


def _recv_into(sock: ssl.SSLSocket) -> Callable[[bytearray, int, int], int]:
    def recv_into(buffer: bytearray, size: int, _flags: int) -> int:  # nothing decrypted is in the kernel
        try:
            return sock.recv_into(buffer, size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    return recv_into


def until_drained(receive: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """`receive`, again while bytes are left that OpenSSL has read already: epoll knows nothing of them."""

    def receive_all(connection: Connection) -> None:
        receive(connection)
        while connection.fd >= 0 and connection.sock.pending():  # type: ignore[attr-defined]
            receive(connection)

    return receive_all
