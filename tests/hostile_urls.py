"""A thousand URLs that lead to private addresses, in all forms that are known to fool somebody.

Every one of them names a port where it can, so that a listener there would notice whoever connects.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import product
from urllib.parse import quote

OUTSIDE = "127.0.0.77"
"""The one address that stands for the internet: hosts there may be asked."""
HERE = ["127.0.0.1", "127.1.2.3", "127.255.255.254", "0.0.0.0"]
"""Addresses at which a listener on this machine is reached."""
ELSEWHERE = ["10.0.0.1", "172.16.31.7", "192.168.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16",
             "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255"]  # fmt: skip
PLAIN6 = ["::1", "::", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0001", "fe80::1",
          "fe80::1%25lo", "fe80::1%lo", "::1%25lo", "fc00::1", "fd00:ec2::254", "ff02::1", "ff01::1", "fec0::1",
          "100::1", "2001:db8::1", "5f00::1", "3fff::1"]  # fmt: skip
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "LOCALHOST": ["127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "any.localhost": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata": ["169.254.169.254"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "127.0.0.1.nip.test": ["127.0.0.1"],
    "7f000001.nip.test": ["127.0.0.1"],
    "xn--private-9za.test": ["10.1.2.3"],
    "mixed.test": ["127.0.0.1", "8.8.8.8"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "translated.test": ["64:ff9b::7f00:1"],
    "tunnelled.test": ["2002:7f00:1::"],
    "zoned.test": ["fe80::1%lo"],
    "unspecified.test": ["0.0.0.0", "::"],
    "docker.test": ["172.17.0.1"],
    "router": ["192.168.0.1"],
}
"""What the tests' resolver knows; no other name exists."""
SCHEMES = ["ftp", "file", "gopher", "dict", "ldap", "sftp", "tftp", "ws", "wss", "jar", "netdoc", "data", "javascript",
           "s3", "unix", "http+unix", "view-source", "//", "", "http:", "https"]  # fmt: skip


def wide(text: str) -> str:
    """The same in full-width letters, which name the same host."""
    return "".join(chr(ord(char) + 0xFEE0) for char in text)


def spellings(address: str) -> Iterator[str]:
    """The ways to write an IPv4 address that some resolver takes."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255
    yield from (
        address,
        f"{address}.",
        str(number),
        f"0x{number:x}",
        f"0X{number:X}",
        f"0{number:o}",
        f"0x00{number:08x}",
    )
    yield from (f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{number & 0xFFFF}", f"0x{a:x}.0{b:o}.{number & 0xFFFF}")
    yield from (f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"0x{a:02x}.{b}.0{c:o}.{d}")
    yield f"000{a:o}.000{b:o}.000{c:o}.000{d:o}"
    yield from (address.replace(".", dot) for dot in ("\u3002", "\uff0e", "\uff61"))
    yield wide(address).replace(wide("."), ".")
    yield "".join(f"%{ord(char):02x}" for char in address)
    yield address.replace(".", "%2e")


def clothes(address: str) -> Iterator[str]:
    """IPv6 addresses that carry an IPv4 address."""
    number = int(ipaddress.IPv4Address(address))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    turned = f"{(number >> 16) ^ 0xFFFF:x}:{(number & 0xFFFF) ^ 0xFFFF:x}"
    for start in ("::", "::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "fe80::5efe:", "::FFFF:"):
        yield from (f"{start}{address}", f"{start}{high}:{low}")
    yield from (f"0:0:0:0:0:ffff:{high}:{low}", f"0000:0000:0000:0000:0000:ffff:{address}")
    yield from (f"2002:{high}:{low}::", f"2002:{high}:{low}::1", f"2001:0:4136:e378:8000:63bf:{turned}")


def hosts() -> Iterator[str]:
    """What stands for the host in a URL."""
    for address in [*HERE, *ELSEWHERE]:
        yield from spellings(address)
        yield from (f"[{each}]" for each in clothes(address))
    yield from (f"[{each}]" for each in PLAIN6)
    yield from NAMES
    yield from (
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        wide("localhost"),
        "loc%61lhost",
        "localhost%00.test",
        "lo\u00adcalhost",
        "127.0.0.1%2f.test",
    )


def direct(port: int, own: Sequence[str]) -> Iterator[str]:
    """URLs that lead to a private address by themselves; `own`: further addresses of this machine."""
    yield from (f"{scheme}://{host}:{port}/" for host in own for scheme in ("http", "https"))
    yield from (f"https://[{host}]:{port}/" for host in (*PLAIN6, *clothes("127.0.0.1")))
    yield from (f"https://{host}:{port}/" for host in (*spellings("127.0.0.1"), *spellings("169.254.169.254")))
    yield from (f"http://{host}:{port}/document.pdf" for host in hosts())
    yield from (f"{scheme}://127.0.0.1:{port}/document.pdf" for scheme in ("https", "HTTP", "hTTpS", *SCHEMES))
    names = ("user", "user:password", "example.com", "example.com:80", "127.0.0.1", "a%40b", "%00", ":", "")
    yield from (f"http://{name}@{host}:{port}/x" for name, host in product(names, ("127.0.0.1", "[::1]", "localhost")))
    ends = ("", "/", "?", "#", "/../..", "/%2e%2e/", "?url=http://example.com/", "#@example.com/", "\\@example.com/")
    yield from (f"http://{host}:{port}{end}" for host, end in product(("127.0.0.1", "[::1]", "2130706433"), ends))
    yield from (f"http://127.0.0.1:{text}/" for text in (f"0{port}", "80", "443", "22", "6379", "", "65535"))
    yield from (f"http://localhost{text}/" for text in ("", ":", ":80", ":6379"))
    yield from (f"http:{slashes}127.0.0.1:{port}/" for slashes in ("", "/", "///", "\\\\", "/\\", "//\t", "// "))


def redirected(port: int) -> Iterator[str]:
    """URLs that lead there over a host that may be asked."""
    aims = [
        f"http://{host}:{port}/secrets"
        for host in ("127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1", "[::ffff:7f00:1]")
    ]
    aims += [
        f"//127.0.0.1:{port}/",
        f"http://user:pw@127.0.0.1:{port}/",
        "file:///etc/passwd",
        f"ftp://127.0.0.1:{port}/",
    ]
    aims += [
        f"https://127.0.0.1:{port}/",
        f"http://127\u30020\u30020\u30021:{port}/",
        f"http://mixed.test:{port}/",
        "http://169.254.169.254/latest/",
    ]
    for aim, status in product(aims, (301, 302, 303, 307, 308)):
        yield f"http://outside.test:{port}/{status}/1?{quote(aim, safe='')}"
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
        for host in (*spellings(address), *(f"[{each}]" for each in clothes(address))):
            yield f"http://outside.test:{port}/302/1?{quote(f'http://{host}:{port}/secrets', safe='')}"
    for aim, hops in product(aims[:6], range(2, 8)):
        yield f"http://outside.test:{port}/302/{hops}?{quote(aim, safe='')}"


def rebound(port: int, count: int = 50) -> Iterator[str]:
    """URLs whose name leads to a host that may be asked when it is first looked up, and to a private one afterwards."""
    yield from (f"http://rebind-{number}.test:{port}/self" for number in range(count))


def hostile_urls(port: int, own: Sequence[str] = ()) -> list[str]:
    """All of them, each once."""
    return list(dict.fromkeys([*direct(port, own), *redirected(port), *rebound(port)]))
