"""A bare Quart and Hypercorn hello: what the API's start is measured against.

python -m bench.hello PORT
"""

import asyncio
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart


def main() -> None:
    """Serve until SIGTERM."""
    app = Quart(__name__)

    @app.get("/api/health")
    async def hello() -> dict[str, str]:
        return {"status": "ok"}

    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
