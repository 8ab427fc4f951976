"""Scans of our own making, for demo, bench and tests: documents drawn, soiled and put into PDFs as pictures."""

import io
import math
import random
from dataclasses import dataclass

from fpdf import FPDF
from PIL import Image, ImageChops
from pypdfium2 import PdfDocument

INCH_MM = 25.4
LAYERS = 4
"""Of evenly spread grain, which together are nearly normally spread."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a page comes out. `skew`, `turned`: degrees against the clock; `noise`: spread of the grain, in shades."""

    dpi: int = 200
    skew: float = 0.0
    turned: int = 0
    noise: float = 0.0
    contrast: float = 1.0
    quality: int = 80
    """Of the JPEG."""
    size: float = 1.0
    """What it takes a sheet for, in parts of its own size."""
    seed: int = 0
    """Decides where each grain lies."""

    def scan(self, pdf: bytes) -> bytes:
        """All pages of a document as pictures, with nothing else on them."""
        paper = FPDF(unit="mm")
        with PdfDocument(pdf) as document:
            for page in document:
                picture = self.picture(page.render(scale=self.dpi / 72, grayscale=True).to_pil())
                mm = self.size * INCH_MM / self.dpi
                size = (picture.width * mm, picture.height * mm)
                paper.add_page(format=size)
                file = io.BytesIO()
                picture.save(file, "JPEG", quality=self.quality)
                paper.image(file, 0, 0, *size)
        return bytes(paper.output())

    def picture(self, page: Image.Image) -> Image.Image:
        """A drawn page as the scanner sees it."""
        seen = page.rotate(self.skew, Image.Resampling.BICUBIC, fillcolor=255).rotate(self.turned, expand=True)
        seen = seen.point([round(255 - self.contrast * (255 - shade)) for shade in range(256)])
        if self.noise:
            seen = ImageChops.add(seen, grain(seen.size, self.noise, self.seed), offset=-128)
        return seen


def grain(size: tuple[int, int], spread: float, seed: int = 0) -> Image.Image:
    """Noise around a middle grey; `spread` is its standard deviation, in shades. The same seed gives the same.

    Pillow's own depends on all that it was asked for before.
    """
    chance = random.Random(seed)
    even = 256 / math.sqrt(12)  # the deviation of one layer
    noise = Image.new("L", size)
    for count in range(1, LAYERS + 1):
        layer = Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
        noise = Image.blend(noise, layer, 1 / count)
    wider = spread * math.sqrt(LAYERS) / even
    return noise.point([max(0, min(255, round(128 + (shade - 127.5) * wider))) for shade in range(256)])
