"""A thousand hostile URLs reach no private address, and tell nobody what is there (reliability 13)."""

import asyncio
import ipaddress
import re
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import psutil
import pytest

from actors.errors import DocumentError, NetworkFailed, SourceRefused
from actors.fetch import Fetcher
from actors.settings import PrivateSources, Settings
from protocol.words import ErrorCode, SourceType
from stack import free_port
from tests.hostile_urls import NAMES, OUTSIDE, hostile_urls
from tests.hosts import OPEN, document

AT_LEAST = 1_000
ONLY_OUTSIDE: Settings = replace(
    OPEN, private_sources=PrivateSources(networks=(ipaddress.ip_network(f"{OUTSIDE}/32"),)), fetch_timeout_s=5
)
REFUSED = {ErrorCode.ADDRESS_REFUSED, ErrorCode.UNSUPPORTED, ErrorCode.NOT_FOUND}


class World(asyncio.Protocol):
    """Listens on every address of this machine. At `OUTSIDE` it is a host that redirects; all else is a breach."""

    breaches: Counter[str] = Counter()
    asked_outside = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._here = transport.get_extra_info("sockname")[0]
        if self._here != OUTSIDE:
            World.breaches[self._here] += 1

    def data_received(self, data: bytes) -> None:
        if self._here == OUTSIDE:
            World.asked_outside += 1
            target, host = data.split()[1].decode(), data.lower().split(b"host: ")[1].split(b"\r\n")[0].decode()
            status, location = led(target, host)
            head = f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            self._transport.write(head.encode())
        self._transport.close()


def led(target: str, host: str) -> tuple[str, str]:
    """Where the outside host leads: to the aim in the query after so many hops; `/self` to itself, under its name."""
    if target == "/self":
        return "302", f"http://{host}/again"
    path, _, aim = target.partition("?")
    _, status, hops = path.split("/")
    return status, unquote(aim) if hops == "1" else f"/{status}/{int(hops) - 1}?{aim}"


@asynccontextmanager
async def world() -> AsyncIterator[int]:
    """Listeners on one port of all addresses of this machine; and where that is allowed on the web's own ports."""
    loop, port, servers = asyncio.get_running_loop(), free_port(), []
    for each, address in [(each, address) for each in (port, 80, 443) for address in ("0.0.0.0", "::")]:
        try:
            servers.append(await loop.create_server(World, address, each))
        except OSError:
            assert (each, address) != (port, "0.0.0.0")
    yield port
    for server in servers:
        server.close()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are what the tests say they are, and no others exist; those of a rebinder change after the first look."""
    seen: Counter[str] = Counter()

    def look_up(name: bytes, port: int) -> list[Any]:
        host = name.decode()
        seen[host] += 1
        known = {name.lower().removesuffix("."): addresses for name, addresses in NAMES.items()}.get(host.lower())
        if host.startswith("rebind-"):
            known = [OUTSIDE] if seen[host] == 1 else ["127.0.0.1"]
        if host == "outside.test":
            known = [OUTSIDE]
        if known is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 0, 0, "", (each, port)) for each in known]

    monkeypatch.setattr("actors.connect.look_up", look_up)


_heard: list[str] | None = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _heard is not None and isinstance(arguments[1], tuple):
        _heard.append(arguments[1][0])


@pytest.fixture
def connects() -> Iterator[list[str]]:
    """Every address that this process tries to connect to, on any port."""
    global _heard  # noqa: PLW0603 - Python never lets go of an audit hook
    if _heard is None:
        sys.addaudithook(_hear)
    _heard = []
    yield _heard
    _heard = []


def own_addresses() -> list[str]:
    """This machine's further addresses, as a URL names them."""
    found = [each.address for card in psutil.net_if_addrs().values() for each in card]
    plain = [address.partition("%")[0] for address in found if re.fullmatch(r"[\d.]+|[\da-f:]+(%.*)?", address)]
    return [f"[{each}]" if ":" in each else each for each in plain if not re.fullmatch(r"(\w\w:){5}\w\w", each)]


async def told(fetching: Fetcher, url: str, *, look: bool) -> DocumentError:
    """What a URL ends with; none may succeed."""
    with pytest.raises(DocumentError) as caught:
        await (fetching.look(SourceType.URL, url, "mallory") if look else fetching.fetch(document(url)))
    return caught.value


async def test_a_thousand_hostile_urls_reach_no_private_address(resolver: None, connects: list[str]) -> None:
    World.breaches.clear()
    World.asked_outside = 0
    async with world() as port:
        fetching, urls = Fetcher(ONLY_OUTSIDE), hostile_urls(port, own_addresses())
        ends = {url: await told(fetching, url, look=False) for url in urls}
        await fetching.close()
    assert len(urls) >= AT_LEAST
    assert World.breaches == {}
    assert set(connects) == {OUTSIDE}
    assert World.asked_outside > 200
    for url, end in ends.items():
        if not (isinstance(end, NetworkFailed) and "its name is not known" in str(end)):
            assert (type(end), end.code in REFUSED) == (SourceRefused, True), (url, end)


async def test_an_open_port_and_a_closed_one_are_told_apart_by_nothing(resolver: None, connects: list[str]) -> None:
    """The closed port is asked about by `look`, so that both ways into the fetcher are shown to say the same."""
    async with world() as port:
        closed = free_port()
        fetching = Fetcher(ONLY_OUTSIDE)
        for url in hostile_urls(port, own_addresses()):
            if "outside.test" in url or "rebind-" in url:
                continue  # the outside host serves the open port only
            open_end = await told(fetching, url, look=False)
            closed_end = await told(fetching, url.replace(str(port), str(closed)), look=True)
            assert (type(open_end), str(open_end), open_end.code) == (
                type(closed_end), str(closed_end), closed_end.code
            ), url  # fmt: skip
        await fetching.close()
    assert connects == []


async def test_a_listener_that_is_reached_notices(resolver: None) -> None:
    """The measure itself measures: without a judgement the same listener counts."""
    World.breaches.clear()
    everywhere = PrivateSources(networks=tuple(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0"))))
    async with world() as port:
        fetching = Fetcher(replace(OPEN, private_sources=everywhere, fetch_timeout_s=5))
        for host in ("127.0.0.1", "2130706433", "127.1.2.3", "localhost", "[::ffff:127.0.0.1]"):
            await told(fetching, f"http://{host}:{port}/", look=False)
        await fetching.close()
    assert World.breaches.total() >= 5
