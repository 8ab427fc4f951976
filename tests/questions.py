"""A question to a model, and a look at how asking it fails."""

import traceback
from typing import Any

import pytest

from actors.errors import DocumentError
from actors.tag import ModelTagger, Question

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
TEXT = "Employee training keeps a workplace safe. The safety manual tells every employee about compliance procedures."


def question(text: str = TEXT, **known: Any) -> Question:
    return Question(pages=[text], **{"model_name": "test/model", "num_tags": 5, **known})


async def failure(tagger: ModelTagger, **known: Any) -> DocumentError:
    """How the tagger fails. Whatever it is, nothing of the key, the text or the provider's address is in it."""
    with pytest.raises(DocumentError) as caught:
        await tagger.tag(question(**known), KEY)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    for secret in (KEY, KEY[9:25], "Employee", "127.0.0.1"):
        assert secret not in shown
    return caught.value
