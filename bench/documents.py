"""Real PDFs of our own writing, for the bench, the tests and the demo.

`text_pdf` makes one of any length from a seed; `demo_documents` writes a folder of varied kinds. The same seed makes
the same bytes, but for documents with AES, whose random vectors differ. The sentences stand in `texts.toml`.
"""

import io
import random
import textwrap
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.enums import EncryptionMethod
from PIL import Image, ImageDraw

from bench.scans import Scanner

PASSWORD = "low-tide-1987"
"""Opens the demo's encrypted document; its row carries it."""
TEXTS = Path(__file__).with_name("texts.toml")
LINE_CHARS = 78
FIGURES = (3, 7, 5, 9, 12, 8, 10, 14, 11, 13)

Row = dict[str, str]


def text_pdf(seed: int, pages: int = 3) -> bytes:
    """A document of so many pages with about 2,500 characters each; every seed gives another."""
    chance = random.Random(seed)
    paper = _Paper()
    subjects = chance.sample(SUBJECTS, len(SUBJECTS))
    for number in range(pages):
        subject = subjects[number // 3 % len(subjects)]  # a document of three pages has one subject
        paper.add_page()
        paper.heading(f"{_texts()[subject]['title']}, part {number + 1}")
        paper.prose(sentences(subject, chance, 24), 5)
    return bytes(paper.output())


def demo_documents(folder: Path, *, scans: bool = False) -> list[Row]:
    """Write the demo's documents and return the rows of a batch: all can be tagged but the last two.

    `scans`: whether some may be pictures, for which it takes Tesseract. Paths are relative to `folder`, which is to be
    the server's `TAGSTREAM_LOCAL_ROOT`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for seed, (name, title, make, more) in enumerate(DEMO + SCANS * scans):
        (folder / name).write_bytes(make(random.Random(seed)))
        rows.append({"title": title, "file_path": name, "file_source_type": "local"} | more)
    damaged = text_pdf(7)[:2_000]
    (folder / "damaged.pdf").write_bytes(damaged)
    return [
        *rows,
        {"title": "A damaged file", "file_path": "damaged.pdf", "file_source_type": "local"},
        {"title": "A file that is not there", "file_path": "missing.pdf", "file_source_type": "local"},
    ]


def sentences(subject: str, chance: random.Random, count: int) -> list[str]:
    """So many sentences about a subject, in random order, each with its blanks filled in."""
    texts = _texts()
    templates: list[str] = texts[subject]["sentences"]
    chosen = [each for _ in range(-(-count // len(templates))) for each in chance.sample(templates, len(templates))]
    return [
        each.format(
            place=chance.choice(texts["places"]),
            group=chance.choice(texts["groups"]),
            year=chance.randint(1994, 2025),
            number=chance.randint(12, 480),
        )
        for each in chosen[:count]
    ]


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads(TEXTS.read_text(encoding="utf-8"))


class _Paper(FPDF):
    """A4 with the fonts that every reader has (Latin-1)."""

    def __init__(self) -> None:
        super().__init__()
        self.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))
        self.set_margin(25)
        self.set_font("Helvetica", size=12)

    def heading(self, text: str) -> None:
        self.set_font(style="B", size=16)
        self.multi_cell(0, 9, text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(3)
        self.set_font(style="", size=12)

    def prose(self, text: list[str], per_paragraph: int = 5) -> None:
        for start in range(0, len(text), per_paragraph):
            # Broken by characters: fpdf2 measures every letter again and again, which would be most of the bench.
            for line in textwrap.wrap(" ".join(text[start : start + per_paragraph]), LINE_CHARS):
                self.cell(0, 5.6, line, new_x="LMARGIN", new_y="NEXT")
            self.ln(3)


Fill = Callable[[_Paper, str, random.Random], None]


def _kind(subject: str, fill: Fill, pages: int = 1) -> Callable[[random.Random], bytes]:
    """A document about one subject: its title on every page, and what `fill` puts below."""

    def make(chance: random.Random) -> bytes:
        paper = _Paper()
        for _ in range(pages):
            paper.add_page()
            paper.heading(_texts()[subject]["title"])
            fill(paper, subject, chance)
        return bytes(paper.output())

    return make


def _prose(paper: _Paper, subject: str, chance: random.Random) -> None:
    paper.prose(sentences(subject, chance, min(18, len(_texts()[subject]["sentences"]))))


def _columns(paper: _Paper, subject: str, chance: random.Random) -> None:
    with paper.text_columns(ncols=2, gutter=8, text_align="L", line_height=1.3) as columns:
        for start in sentences(subject, chance, 24):
            columns.write(start + " ")


def _table(paper: _Paper, subject: str, chance: random.Random) -> None:
    paper.prose(sentences(subject, chance, 5))
    with paper.table(text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT")) as table:
        table.row(("Sampling point", "Nitrate mg/l", "Hardness mmol/l", "pH"))
        for place in _texts()["places"][:10]:
            table.row(
                (place, f"{chance.uniform(2, 40):.1f}", f"{chance.uniform(1, 4):.2f}", f"{chance.uniform(6, 8):.1f}")
            )
    paper.ln(6)
    paper.prose(sentences(subject, chance, 3))


def _picture(paper: _Paper, subject: str, chance: random.Random) -> None:
    paper.prose(sentences(subject, chance, 6))
    chart = Image.new("RGB", (600, 300), "white")
    draw = ImageDraw.Draw(chart)
    for position, height in enumerate(FIGURES):
        draw.rectangle((20 + 57 * position, 280 - 18 * height, 60 + 57 * position, 280), fill=(40, 90, 140))
    file = io.BytesIO()
    chart.save(file, "PNG")
    paper.image(file, w=150)
    paper.ln(4)
    paper.prose(sentences(subject, chance, 4))


def _form(paper: _Paper, subject: str, chance: random.Random) -> None:
    fields = {
        "Title of the project": "Carbon storage in rewetted marshland",
        "Applicant": "Institute for Wetland Research",
        "Keywords": "wetlands, methane, carbon storage, water level",
        "Start and duration": "1 April, 36 months",
        "Amount requested": "248,000",
    }
    for name, value in fields.items():
        paper.cell(60, 10, name, border=1)
        paper.cell(0, 10, value, border=1, new_x="LMARGIN", new_y="NEXT")
    paper.ln(6)
    paper.prose(sentences(subject, chance, 5))


def _landscape(chance: random.Random) -> bytes:
    """Slides: few words a page, wide pages."""
    paper = _Paper()
    for statement in sentences("soil-health", chance, 6):
        paper.add_page(orientation="landscape")
        paper.heading("Soil health: what farmers told us")
        paper.set_font(size=24)
        paper.multi_cell(0, 14, statement, align="L")
        paper.set_font(size=12)
    return bytes(paper.output())


def _locked(subject: str, **how: Any) -> Callable[[random.Random], bytes]:
    def make(chance: random.Random) -> bytes:
        paper = _Paper()
        paper.set_encryption(owner_password="only-the-owner-knows", **how)
        paper.add_page()
        paper.heading(_texts()[subject]["title"])
        _prose(paper, subject, chance)
        return bytes(paper.output())

    return make


def _scanned(subject: str) -> Callable[[random.Random], bytes]:
    """A page of prose that went through a scanner a little askew."""
    make = _kind(subject, _prose)
    return lambda chance: Scanner(skew=0.8, noise=10).scan(make(chance))


SUBJECTS = ("tidal-energy", "soil-health", "urban-beekeeping", "bridge-inspection", "drinking-water", "museum-archives")
# file, title, how it is made, what else its row says
DEMO: tuple[tuple[str, str, Callable[[random.Random], bytes], Row], ...] = (
    ("tidal-energy.pdf", "Tidal energy in narrow straits", _kind("tidal-energy", _prose), {}),
    ("soil-health.pdf", "Soil health on mixed farms", _kind("soil-health", _prose, pages=4), {}),
    ("beekeeping.pdf", "Beekeeping on city roofs", _kind("urban-beekeeping", _columns), {"description": "two columns"}),
    ("drinking-water.pdf", "Quality of drinking water", _kind("drinking-water", _table), {"description": "a table"}),
    ("bridges.pdf", "Inspection of old stone bridges", _kind("bridge-inspection", _picture), {}),
    ("archives.pdf", "Digital archives for small museums", _locked("museum-archives"), {}),
    (
        "ventilation.pdf",
        "Ventilation in hospital wards",
        _locked("hospital-ventilation", user_password=PASSWORD, encryption_method=EncryptionMethod.AES_256),
        {"password": PASSWORD},
    ),
    ("grant.pdf", "Application for a research grant", _kind("grant-application", _form), {}),
    ("nachtzug.pdf", "Nachtzüge in Europa", _kind("german", _prose), {}),
    ("olivo.pdf", "El cultivo del olivo en secano", _kind("spanish", _prose), {}),
    ("boulangerie.pdf", "L'apprentissage en boulangerie", _kind("french", _prose), {}),
    ("lighthouses.pdf", "Inventory of lighthouses and beacons", _kind("lighthouse-inventory", _prose, pages=60), {}),
    ("slides.pdf", "What farmers told us about their soil", _landscape, {}),
    ("report.pdf", "Notes of a field season", lambda chance: text_pdf(chance.randrange(1_000), pages=6), {}),
)
SCANS = (
    ("scanned.pdf", "Inspection of bridges, as scanned", _scanned("bridge-inspection"), {"description": "a scan"}),
)
