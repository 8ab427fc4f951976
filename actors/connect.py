"""Connections to judged addresses only.

A host's name is looked up once, every address that it has is judged, and exactly a judged address is connected to.
There is no second look-up, so no spelling, no redirect and no change of a name's addresses gets past the judgement;
TLS and the `Host` header keep the name.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore2

from actors.errors import SourceRefused
from actors.settings import Network, PrivateSources
from protocol.words import ErrorCode

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOK_UPS_MAX = 128
HEADS_MAX_BYTES = 128 * 1024
"""Of an answer before its body, with all the preliminary ones (1xx) that a host may send before it, without end."""
HEAD_PIECE_BYTES = 4 * 1024
"""Heads are read in so small pieces: the pool reads all heads in one without letting anybody else have a turn."""

# Beyond what `ipaddress` calls global: what may still lead into a private network or to a cloud's own services.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # shared by the customers of a provider (RFC 6598)
        "168.63.129.16/32",  # Azure's platform services
        "192.0.0.0/24",  # IETF protocol assignments
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_UNICAST6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HOST6_BITS = 64
"""What neighbours in one network differ in."""
_ANY_PORT = 9
_NOBODYS: dict[int, Address] = {4: ipaddress.IPv4Address("240.0.0.1"), 6: ipaddress.IPv6Address("100::1")}


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet. One that carries an IPv4 address is judged by that."""
    address = plain(address)
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _UNICAST6:
            return False
    refused = address.is_multicast or address.is_reserved or any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not refused


def is_ours(address: Address) -> bool:
    """Whether this machine itself has the address, or one beside it (IPv6): public, and yet behind our own firewall."""
    return is_own(address) or (address.version == 6 and _network_of(source_to(address)) == _network_of(address))


def is_own(address: Address) -> bool:
    """Whether this machine has the address. Then the system lets us bind to it; some let us bind to any."""
    if source_to(address) == address:
        return True
    return _may_bind(address) and not _may_bind(_NOBODYS[address.version])


def _may_bind(address: Address) -> bool:
    with _probe(address) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
        return True


def source_to(address: Address) -> Address | None:
    """From which address of ours the system would talk to another, which hears nothing of it; None: from none."""
    with _probe(address) as probe:
        try:
            probe.connect((str(address), _ANY_PORT))
        except OSError:
            return None
        return ipaddress.ip_address(probe.getsockname()[0])


def _probe(address: Address) -> socket.socket:
    return socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)


def _network_of(address: Address | None) -> int | None:
    return int(plain(address)) >> _HOST6_BITS if address else None


def plain(address: Address) -> Address:
    """An IPv4 address in IPv6 clothes (`::ffff:127.0.0.1`) is the IPv4 address; a zone is left out."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address))
    return address


def judged(host: str, found: Iterable[Address], private: PrivateSources) -> list[Address]:
    """Which of a host's addresses may be connected to.

    A host with one private address among public ones is refused as a whole, unless the operator listed that network.

    Raises:
        SourceRefused: none may be.
    """
    addresses = [plain(address) for address in found]
    if host in private.hosts or all(_is_open(each) or _listed(each, private.networks) for each in addresses):
        return addresses
    listed = [each for each in addresses if _listed(each, private.networks)]
    if not listed:
        raise SourceRefused(
            f"The host {host} is refused: its address is not one of the public internet.",
            code=ErrorCode.ADDRESS_REFUSED,
        )
    return listed


def _is_open(address: Address) -> bool:
    return is_public(address) and not is_ours(address)


def _listed(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


async def addresses_of(host: str, port: int, threads: ThreadPoolExecutor | None = None) -> list[Address]:
    """Look a host up, in one of `threads`; numbers in any spelling (`2130706433`, `0x7f.1`) without asking anybody.

    Raises:
        httpcore2.ConnectError: there is no such host.
    """
    name = host.encode("ascii")  # bytes: a str would go through Python's old IDNA codec, which raises on odd names
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        found = await _ask(name, port, threads)
    return list(dict.fromkeys(ipaddress.ip_address(sockaddr[0]) for *_, sockaddr in found))


async def _ask(name: bytes, port: int, threads: ThreadPoolExecutor | None) -> list[Any]:
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, look_up, name, port)
    except OSError:
        raise httpcore2.ConnectError("its name is not known") from None


def look_up(name: bytes, port: int) -> list[Any]:
    """Ask the name servers, as the system does; it may take many seconds."""
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)


class JudgedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections for httpx2's connection pool, to judged addresses only."""

    def __init__(self, private: PrivateSources) -> None:
        self._private = private
        # Threads of their own: names whose servers do not answer shall hold up other names alone.
        self._threads = ThreadPoolExecutor(LOOK_UPS_MAX, thread_name_prefix="look-up")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the pool's interface
        local_address: str | None = None,  # noqa: ARG002 - not used by us
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - not used by us
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers, within `timeout` seconds for all of them.

        Raises:
            SourceRefused: the host's addresses are refused.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: the host cannot be reached; the text says why.
        """
        name = host.removesuffix(".")
        try:
            async with asyncio.timeout(timeout):
                return await _first(judged(name, await addresses_of(name, port, self._threads), self._private), port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout("it does not answer") from None

    async def sleep(self, seconds: float) -> None:
        """Wait between the pool's own tries."""
        await asyncio.sleep(seconds)


async def _first(addresses: list[Address], port: int) -> "Stream":
    fault = "it has no address"
    for address in addresses:
        try:
            return Stream(*await asyncio.open_connection(str(address), port))
        except OSError:
            fault = "it does not answer"  # whether by refusing is for nobody to learn from us
    raise httpcore2.ConnectError(fault)


class Stream(httpcore2.AsyncNetworkStream):
    """One connection on asyncio's own streams.

    The pool asks every idle connection at every request whether it is still good: here that is the look at a flag,
    not a system call, which makes a small download about twice as cheap.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._head_left_bytes: int | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as above
        """At most so many bytes; none at the end."""
        try:
            async with asyncio.timeout(timeout):
                if self._head_left_bytes is None:
                    return await self._reader.read(max_bytes)
                return await self._read_head(min(max_bytes, HEAD_PIECE_BYTES))
        except TimeoutError:
            raise httpcore2.ReadTimeout from None
        except OSError:
            raise httpcore2.ReadError from None

    async def _read_head(self, max_bytes: int) -> bytes:
        assert self._head_left_bytes is not None
        await asyncio.sleep(0)  # what has arrived already is read without waiting
        piece = await self._reader.read(max_bytes)
        self._head_left_bytes -= len(piece)
        if self._head_left_bytes < 0:
            raise httpcore2.ReadError
        return piece

    def head_is_read(self) -> None:
        """What comes now is the body, until the next request."""
        self._head_left_bytes = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        """Send all of it: a request, so that a head follows."""
        self._head_left_bytes = HEADS_MAX_BYTES
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError:
            raise httpcore2.WriteTimeout from None
        except OSError:
            raise httpcore2.WriteError from None

    async def aclose(self) -> None:
        """Close at once: a peer that does not answer the end of TLS must not hold us."""
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> "Stream":
        """The same connection, encrypted; the host's certificate is checked against its name."""
        try:
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except OSError as error:
            await self.aclose()
            untrusted = isinstance(error, ssl.SSLCertVerificationError)
            reason = "its certificate is not trusted" if untrusted else "no encrypted connection came about"
            raise httpcore2.ConnectError(reason) from None
        return self

    def get_extra_info(self, info: str) -> Any:
        """What the pool asks: `is_readable` (an idle connection that is not: still good) and `ssl_object`."""
        if info == "is_readable":
            gone = self._writer.transport.is_closing() or self._reader.exception() is not None
            return gone or self._reader.at_eof()
        return self._writer.get_extra_info(info)
