"""Programs of the machine that some tests drive, and what becomes of a test where they are not."""

import os

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


def lacking(what: str) -> BaseException:
    """How a test ends for want of something: a developer may do without, the CI has what `make programs` installs."""
    return pytest.fail.Exception(what) if IN_CI else pytest.skip.Exception(what)
