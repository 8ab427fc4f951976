"""What is done to the picture of a page so that it can be read; for a child of `sandbox` only."""

from collections.abc import Iterable

from PIL import Image, ImageDraw, ImageFilter, ImageOps, ImageStat

from actors.ocr import Box

SMALLER = 4
"""Of pictures that are only looked at: a letter is some dots high, and grain is gone."""
SKEW_MAX, SKEW_MIN = 10, 0.5
"""Degrees that are tried, and those from which on a page is turned back."""
INK = 128
"""Darker dots are ink, once the darkest is black and the lightest white."""


def is_plain(picture: Image.Image) -> bool:
    """Whether there is nothing on it at all."""
    darkest, lightest = picture.getextrema()
    return darkest == lightest


def straightened(picture: Image.Image) -> Image.Image:
    """The page with its lines level. Tesseract does that too, but loses whole paragraphs of skewed pages with grain.

    Its lines are level where the rows of dots differ most from each other: text here, and nothing there. Of a page that
    lies on its side these are the columns.
    """
    small = _small(picture)
    near = max(range(-SKEW_MAX, SKEW_MAX + 1), key=lambda degrees: _contrast(small, degrees))
    skew = max((near, near - 0.5, near + 0.5), key=lambda degrees: _contrast(small, degrees))
    return _turned(picture, skew) if abs(skew) >= SKEW_MIN else picture


def lit(picture: Image.Image) -> Image.Image:
    """Dark on light, whichever it was."""
    return ImageOps.invert(picture) if ImageStat.Stat(picture).median[0] < INK else picture


def cleaned(picture: Image.Image, grain_px: int) -> Image.Image:
    """Without grain of that size, and with all shades from black to white."""
    return ImageOps.autocontrast(picture.filter(ImageFilter.GaussianBlur(grain_px)))


def ink_outside(picture: Image.Image, boxes: Iterable[Box]) -> float:
    """The share of what is dark on the page that lies outside of all boxes."""
    small = _small(picture)
    ink = _ink(small)
    draw = ImageDraw.Draw(small)
    for box in boxes:
        draw.rectangle([edge / SMALLER for edge in box], fill=255)
    return _ink(small) / max(ink, 1)


def _small(picture: Image.Image) -> Image.Image:
    return ImageOps.autocontrast(picture.reduce(SMALLER))


def _turned(picture: Image.Image, degrees: float) -> Image.Image:
    paper = ImageStat.Stat(picture).median[0]  # corners in another shade would look like lines
    return picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=paper)


def _contrast(picture: Image.Image, degrees: float) -> float:
    turned = _turned(picture, degrees)
    lines = (turned.resize(size, Image.Resampling.BOX) for size in ((1, picture.height), (picture.width, 1)))
    return max(ImageStat.Stat(each).var[0] for each in lines)


def _ink(picture: Image.Image) -> int:
    return sum(picture.histogram()[:INK])
