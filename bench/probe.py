"""Asks /api/health at a steady rate, in a process of its own, until its standard input ends.

Each probe is a connection of its own, as a load balancer's is, and is sent at its time whether or not the one
before was answered: a server that stands still for a while is asked all the same. It says `up` when it begins, and
at the end the seconds that each took, as a JSON list.

    python -m bench.probe 127.0.0.1 8000 --rate 50
"""

import argparse
import asyncio
import json
import sys
import time

TIMEOUT_S = 5.0
"""What a probe without an answer counts as."""


async def probe(host: str, port: int) -> float:
    """Seconds until a 200 was here; `TIMEOUT_S` where none came."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /api/health HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n")
                answer = await reader.readline()
            finally:
                writer.close()
    except (TimeoutError, OSError):
        return TIMEOUT_S
    return time.perf_counter() - started if b" 200 " in answer else TIMEOUT_S


async def probes(host: str, port: int, rate: float) -> list[float]:
    """Probe `rate` times a second until standard input ends."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), stop.set)
    sent: list[asyncio.Task[float]] = []
    started = loop.time()
    print("up", flush=True)
    while not stop.is_set():
        sent.append(asyncio.create_task(probe(host, port)))
        await asyncio.sleep(started + len(sent) / rate - loop.time())
    loop.remove_reader(sys.stdin.fileno())
    return await asyncio.gather(*sent)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.probe", description=__doc__.partition("\n")[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=50.0, help="probes a second")
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(probes(asked.host, asked.port, asked.rate))))


if __name__ == "__main__":
    main()
