"""Only judged addresses are connected to, whatever a host is called and wherever it leads."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from actors.connect import JudgedBackend, addresses_of, is_ours, is_own, is_public, judged
from actors.errors import SourceRefused
from actors.settings import PrivateSources
from protocol.words import ErrorCode
from stack import free_port
from tests.hosts import LIMIT_S, LOOPBACK, OPEN, document, fetcher, host, leads, refusal, says

PUBLIC_ONES = "8.8.8.8 192.0.43.8 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2001:4860:4860::8888"
OTHERS = """0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 168.63.129.16 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:10.0.0.1 64:ff9b::a00:1
64:ff9b:1::808:808 100::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254
fe80::1 fe80::1%eth0 fec0::1 ff02::1"""
PUBLIC = ipaddress.ip_address("8.8.8.8")
PRIVATE = ipaddress.ip_address("10.1.2.3")
LOCAL = ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize("address", PUBLIC_ONES.split())
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OTHERS.split())
def test_all_other_addresses_are_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_this_machines_own_addresses_are_known() -> None:
    assert is_own(LOCAL)
    assert is_ours(ipaddress.ip_address("127.0.0.77"))
    assert not is_ours(PUBLIC)


def test_where_the_system_binds_to_any_address_not_all_are_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.connect._may_bind", lambda _: True)
    assert is_own(LOCAL)
    assert not is_own(PUBLIC)


@pytest.mark.parametrize("address", ["2001:4860:4860::8888", "2001:4860:4860::1"])
def test_a_public_address_in_our_own_network_is_refused_unless_it_is_listed(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The firewall in front of us would keep strangers from it, and does not keep us."""
    monkeypatch.setattr("actors.connect.source_to", lambda _: ipaddress.ip_address("2001:4860:4860::1"))
    ours = ipaddress.ip_address(address)
    with pytest.raises(SourceRefused):
        judged("neighbour.test", [ours], PrivateSources())
    listed = PrivateSources(networks=(ipaddress.ip_network(ours),))
    assert judged("neighbour.test", [ours], listed) == [ours]
    assert judged("far.test", [ipaddress.ip_address("2606:4700::1111")], PrivateSources())


def test_a_public_address_of_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.connect.is_own", lambda address: address == PUBLIC)
    with pytest.raises(SourceRefused):
        judged("own.test", [PUBLIC], PrivateSources())


def test_a_host_with_one_private_address_is_refused_as_a_whole() -> None:
    with pytest.raises(SourceRefused):
        judged("example.com", [PUBLIC, PRIVATE], PrivateSources())


def test_of_a_host_with_a_listed_address_only_that_is_used() -> None:
    assert judged("localhost", [ipaddress.ip_address("::1"), LOCAL], LOOPBACK) == [LOCAL]


def test_a_listed_host_may_have_any_address() -> None:
    assert judged("files.internal", [PRIVATE], PrivateSources(hosts=frozenset({"files.internal"}))) == [PRIVATE]


def test_a_listed_network_counts_in_ipv6_clothes_too() -> None:
    assert judged("x", [ipaddress.ip_address("::ffff:127.0.0.1")], LOOPBACK) == [LOCAL]


async def test_a_name_is_looked_up_once_and_what_was_judged_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers differently the second time, as in a rebinding attack, gets no second time."""
    asked: list[str] = []

    def look_up(name: bytes, port: int) -> list[Any]:
        asked.append(name.decode())
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("actors.connect.look_up", look_up)
    async with host(says()) as there, fetcher() as fetching:
        (await fetching.fetch(document(there.url(name="rebind.test")))).close()
        assert asked == ["rebind.test"]
        assert f"host: rebind.test:{there.port}" in there.heads[0]


async def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_: bytes, port: int) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr("actors.connect.look_up", look_up)
    async with host(says()) as there, fetcher() as fetching:
        (await fetching.fetch(document(there.url(name="two.test")))).close()


async def test_a_name_that_is_none_is_not_known() -> None:
    with pytest.raises(httpcore2.ConnectError, match="its name is not known"):
        await addresses_of("a..b", 80)


async def test_a_host_that_does_not_answer_is_given_up_in_time() -> None:
    """A listener whose queue is full lets nobody in."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listener.getsockname())
            with pytest.raises(httpcore2.ConnectTimeout):
                await JudgedBackend(LOOPBACK).connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=0.2)
        finally:
            for each in waiting:
                each.close()


async def test_a_redirect_to_a_private_address_is_refused_before_anything_is_sent() -> None:
    async with host(says()) as inside, host(leads(lambda _: inside.url("/secrets"))) as outside:
        only_by_name = replace(OPEN, private_sources=PrivateSources(hosts=frozenset({"localhost"})))
        error = await refusal(outside.url(name="localhost"), only_by_name)
        assert error.code is ErrorCode.ADDRESS_REFUSED
        assert len(outside.heads) == 1
        assert inside.conversations == []


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "127。0。0。1",
        "user:password@127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ],
)
async def test_every_spelling_of_a_private_address_is_refused(name: str) -> None:
    async with host(says()) as there:
        error = await refusal(there.url(name=name), replace(OPEN, private_sources=PrivateSources()))
        assert (type(error), error.code) == (SourceRefused, ErrorCode.ADDRESS_REFUSED)
        assert there.conversations == []


async def test_the_error_does_not_tell_an_open_port_from_a_closed_one() -> None:
    closed = replace(OPEN, private_sources=PrivateSources())
    async with host(says()) as there:
        told = {
            str(await refusal(url, closed)) for url in (there.url(), f"http://127.0.0.1:{free_port()}/document.pdf")
        }
    assert len(told) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for `files.test` that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "files.test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("files.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request over TLS."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%PDF-")
    await writer.drain()
    writer.close()


async def test_tls_keeps_the_name_of_the_judged_address(certificate: Path) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    names: list[str] = []
    theirs.sni_callback = lambda _, name, __: names.append(name)
    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=theirs)
    ours = ssl.create_default_context(cafile=certificate)
    stream = await JudgedBackend(LOOPBACK).connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1])
    stream = await stream.start_tls(ours, "files.test")
    await stream.write(b"GET / HTTP/1.1\r\nHost: files.test\r\n\r\n")
    assert (await stream.read(1_000)).startswith(b"HTTP/1.1 200 OK")
    await stream.aclose()
    server.close()
    await asyncio.wait_for(server.wait_closed(), LIMIT_S)
    assert names == ["files.test"]


async def test_a_certificate_that_nobody_signed_is_not_trusted(certificate: Path) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=theirs)
    error = await refusal(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    server.close()
    await asyncio.wait_for(server.wait_closed(), LIMIT_S)
    assert str(error) == "The host 127.0.0.1 could not be reached: its certificate is not trusted."


async def test_a_host_that_speaks_no_tls_is_not_reached() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    error = await refusal(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    server.close()
    await asyncio.wait_for(server.wait_closed(), LIMIT_S)
    assert str(error) == "The host 127.0.0.1 could not be reached: no encrypted connection came about."
