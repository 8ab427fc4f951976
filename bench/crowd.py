"""Thousands of cheap observers in a process of their own: they note what comes and when, and decode nothing.

A client library would be the bottleneck on a small machine: here one loop over `epoll` reads all sockets and looks
only for the row and its status. `bench.audience` speaks to it:

    < up
    > {"port": ...}     the plan, a line of JSON
    < open 1000         all have their first frame (or have asked, where they do not read)
    > until 150000      read until so many events came; < seen
    > vanish 100        so many take no packet any more, and send none; < vanished
    > stop              < the report, a line of JSON; end of standard input: no report
"""

import ctypes
import os
import re
import resource
import select
import socket
import sys
import time
from array import array
from collections.abc import Iterator

import msgspec

from bench.rfc6455 import CLOSE, TEXT, Frames, upgrade

OPENING_MAX = 100
"""Observers on their way at the same time; more would only queue up before the server."""
OPEN_LIMIT_S, SEEN_LIMIT_S = 90.0, 10.0
TURN_S = 0.05
READ_BYTES = 256 * 1024

_ROW = re.compile(rb'"row_id":(\d+)')
_BEGUN = b'"status":"processing"'
_PROGRESS, _REFUSAL = b'{"type":"progress"', b'{"error":'


class Plan(msgspec.Struct):
    """What kind of observers."""

    port: int
    paths: list[str]
    """Of each observer."""
    token: str = ""
    a_second: float = 500.0
    """How many are opened in a second at most."""
    asks: bool = True
    """Whether they say anything at all after connecting."""
    reads: bool = True
    receive_buffer_bytes: int = 0
    """What the kernel holds for each; 0: its default."""


class Report(msgspec.Struct):
    """What they saw. The first three are columns of one table: event by event, as they came."""

    observers: list[int]
    """Places in `Plan.paths`."""
    numbers: list[int]
    """`number_of` the event."""
    times_s: list[float]
    """By the monotonic clock, which is the same in all processes."""
    opened: int
    closed: int
    """By the server."""
    lost: int
    """Events that were skipped, by their numbers."""
    repeated: int
    """Events whose number had come."""
    first_byte_s: list[float]
    """From connecting to the first byte of the first frame."""
    whole_s: list[float]
    """From connecting to the last byte of the first frame."""


def number_of(payload: bytes) -> int | None:
    """Which event of its job this is, 0 = the first, where rows begin and end one after the other; None: none."""
    row = _ROW.search(payload) if payload.startswith(_PROGRESS) else None
    return 2 * int(row[1]) + (_BEGUN not in payload) if row else None


class Observer:
    """One connection."""

    def __init__(self, place: int, opened: socket.socket, at_s: float) -> None:
        self.place, self.socket = place, opened
        self.connected_s, self.first_byte_s, self.whole_s = at_s, 0.0, 0.0
        self.next = 0
        """The number of the event that shall come."""
        self._head: bytes | None = b""
        self._frames = Frames()

    def hear(self, data: bytes, now_s: float) -> Iterator[int]:
        """The numbers of the events in these bytes.

        Raises:
            ConnectionError: the server refused, or closes.
        """
        if self._head is not None:
            self._head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                return
            if not self._head.startswith(b"HTTP/1.1 101"):
                raise ConnectionRefusedError(self._head)
            self._head = None
        if data and not self.first_byte_s:
            self.first_byte_s = now_s
        for frame in self._frames.feed(data):
            if frame.opcode == CLOSE or frame.beginning.startswith(_REFUSAL):
                raise ConnectionAbortedError
            self.whole_s = self.whole_s or now_s
            if frame.opcode == TEXT and (number := number_of(frame.beginning)) is not None:
                yield number


class Crowd:
    """All of them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._poll = select.epoll()
        self._observers: dict[int, Observer] = {}
        """By file."""
        self._all: list[Observer] = []
        self._places, self._numbers, self._times_s = array("l"), array("l"), array("d")
        self._ready = self._closed = self._lost = self._repeated = 0
        self._began_s = time.monotonic()

    def open(self) -> None:
        """Open all, at the plan's rate, until each has its first frame; at most for `OPEN_LIMIT_S`."""
        total = len(self._plan.paths)
        while (settled := self._ready + self._closed) < total and time.monotonic() < self._began_s + OPEN_LIMIT_S:
            due = (time.monotonic() - self._began_s) * self._plan.a_second
            while len(self._all) < min(total, due, settled + OPENING_MAX):
                self._open(self._plan.paths[len(self._all)])
            self.turn(0.002)

    def _open(self, path: str) -> None:
        its = socket.socket()
        if self._plan.receive_buffer_bytes:
            its.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._plan.receive_buffer_bytes)
        observer = Observer(len(self._all), its, time.monotonic())
        its.connect(("127.0.0.1", self._plan.port))
        if self._plan.asks:
            its.sendall(upgrade(path, self._plan.token))
        its.setblocking(False)
        self._all.append(observer)
        if self._plan.reads:
            self._observers[its.fileno()] = observer
            self._poll.register(its.fileno(), select.EPOLLIN)
        else:
            self._ready += 1

    def turn(self, timeout_s: float) -> None:
        """Read what is there, or wait for it."""
        for file, _ in self._poll.poll(timeout_s):
            observer = self._observers[file]
            try:
                data = observer.socket.recv(READ_BYTES)
                self._note(observer, data, time.monotonic())
            except OSError:
                data = b""
            if not data:
                self._closed += 1
                self._leave(observer)

    def _note(self, observer: Observer, data: bytes, now_s: float) -> None:
        waited = not observer.whole_s
        for number in observer.hear(data, now_s):
            if number < observer.next:
                self._repeated += 1
            else:
                self._lost += number - observer.next
                observer.next = number + 1
            self._places.append(observer.place)
            self._numbers.append(number)
            self._times_s.append(now_s)
        self._ready += waited and observer.whole_s > 0

    def _leave(self, observer: Observer) -> None:
        self._poll.unregister(observer.socket.fileno())
        del self._observers[observer.socket.fileno()]
        observer.socket.close()

    def read_until(self, events: int) -> None:
        """Read until so many events came, at most for `SEEN_LIMIT_S`."""
        deadline = time.monotonic() + SEEN_LIMIT_S
        while len(self._numbers) < events and time.monotonic() < deadline:
            self.turn(TURN_S)

    def read_until_told(self) -> str:
        """Read until standard input says something; empty when it has ended."""
        stdin = select.poll()
        stdin.register(sys.stdin.fileno(), select.POLLIN)
        while not stdin.poll(0):
            self.turn(TURN_S)
        return told()

    def vanish(self, count: int) -> None:
        """From now on so many take no packet, as if their machines were gone: no FIN, no reset, no acknowledgement."""
        for observer in list(self._observers.values())[:count]:
            _drop_all_packets(observer.socket)
            self._poll.unregister(observer.socket.fileno())
            del self._observers[observer.socket.fileno()]

    def report(self) -> Report:
        """What was seen so far."""
        reached = [observer for observer in self._all if observer.whole_s]
        return Report(
            observers=self._places.tolist(),
            numbers=self._numbers.tolist(),
            times_s=self._times_s.tolist(),
            opened=len(reached),
            closed=self._closed,
            lost=self._lost,
            repeated=self._repeated,
            first_byte_s=[each.first_byte_s - each.connected_s for each in reached],
            whole_s=[each.whole_s - each.connected_s for each in reached],
        )

    def opened(self) -> int:
        """How many are open."""
        return self._ready


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


_SO_ATTACH_FILTER = 26
_RETURN_K = 0x06


def _drop_all_packets(its: socket.socket) -> None:
    """Linux: a filter that keeps nothing of any packet stands before the socket. It needs no privilege."""
    nothing = _Instruction(_RETURN_K, 0, 0, 0)
    its.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(_Program(1, ctypes.pointer(nothing))))


def told() -> str:
    """The next line of standard input; nothing behind it is read, so that `poll` tells of what is left."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return line.decode()


def main() -> None:
    """Do as standard input says."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("up", flush=True)
    crowd = Crowd(msgspec.json.decode(told(), type=Plan))
    crowd.open()
    print("open", crowd.opened(), flush=True)
    while (order := crowd.read_until_told().split()) and order[0] != "stop":
        if order[0] == "until":
            crowd.read_until(int(order[1]))
            print("seen", flush=True)
        elif order[0] == "vanish":
            crowd.vanish(int(order[1]))
            print("vanished", flush=True)
    if order:
        print(msgspec.json.encode(crowd.report()).decode(), flush=True)


if __name__ == "__main__":
    main()
