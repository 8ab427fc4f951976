"""`python -m api` serves; `python -m api token --sub alice` prints a token."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from actors.environment import BadSetting, from_environment
from actors.settings import Settings
from api.auth import TOKEN_TTL_S, mint


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 where the port is taken, 2 where a setting or an argument will not do."""
    asked = _parser().parse_args(arguments)
    try:
        settings = from_environment()
    except BadSetting as fault:
        print(fault, file=sys.stderr)
        return 2
    if asked.command == "token":
        print(mint(settings, asked.sub, asked.ttl_s))
        return 0
    return _serve(settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api", description="Serve the API, or make a token for it.")
    commands = parser.add_subparsers(dest="command")
    token = commands.add_parser("token", help="print a token")
    token.add_argument("--sub", required=True, help="whom the token is for")
    token.add_argument("--ttl-s", default=TOKEN_TTL_S, type=float, help="seconds that it is good for")
    return parser


def _serve(settings: Settings) -> int:
    from api import serve  # noqa: PLC0415 - a token needs no server

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        listener = serve.listen(settings)
    except serve.CannotListen as fault:
        print(fault, file=sys.stderr)
        return 1
    asyncio.run(serve.serve(settings, listener))
    return 0


if __name__ == "__main__":
    sys.exit(main())
