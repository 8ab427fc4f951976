"""What is done to pictures of pages before they are read."""

import pytest
from PIL import Image, ImageDraw, ImageOps

from actors.pdfium import opened
from actors.picture import SKEW_MAX, cleaned, ink_outside, is_plain, lit, straightened
from bench.documents import text_pdf
from bench.scans import Scanner


def page(scanner: Scanner, seed: int = 3) -> Image.Image:
    """A page of text as it comes from a scanner."""
    with opened(scanner.scan(text_pdf(seed, 1)), None) as sheets, sheets.sheet(0) as sheet:
        return sheet.picture()


def rows(picture: Image.Image) -> float:
    """How much the rows of dots differ: the more, the more level are the lines."""
    means = picture.resize((1, picture.height), Image.Resampling.BOX).tobytes()
    mean = sum(means) / len(means)
    return sum((each - mean) ** 2 for each in means) / len(means)


@pytest.mark.parametrize("skew", [-SKEW_MAX, -6.4, -3, -1.2, 0.7, 2, 4.1])
def test_skewed_lines_are_made_level(skew: float) -> None:
    level = rows(page(Scanner()))
    skewed = page(Scanner(skew=skew, noise=15))
    assert rows(straightened(skewed)) > max(0.6 * level, 1.2 * rows(skewed))


def test_a_level_page_is_left_as_it_is() -> None:
    picture = page(Scanner())
    assert straightened(picture) is picture


@pytest.mark.parametrize("turned", [90, 270])
def test_a_page_on_its_side_is_left_as_it_is_too(turned: int) -> None:
    picture = page(Scanner(turned=turned, noise=8), seed=5)
    assert straightened(picture) is picture


def test_grey_paper_is_not_taken_for_skewed() -> None:
    picture = page(Scanner(contrast=0.25, noise=25)).point([shade * 4 // 5 for shade in range(256)])
    assert straightened(picture) is picture


def test_what_is_light_on_dark_becomes_dark_on_light() -> None:
    picture = page(Scanner())
    assert lit(picture) is picture
    assert lit(ImageOps.invert(picture)).tobytes() == picture.tobytes()


def test_faint_pages_are_darkened_and_grain_is_taken_out() -> None:
    faint = page(Scanner(contrast=0.25, noise=20))
    clean = cleaned(faint, 1)
    shades = clean.histogram()
    assert any(shades[:8])
    assert any(shades[-8:])
    assert sum(shades[:64]) < 0.2 * clean.width * clean.height


def test_ink_is_told_by_where_it_lies() -> None:
    picture = Image.new("L", (400, 400), 255)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 40, 139, 79), fill=0)
    draw.rectangle((240, 240, 339, 259), fill=0)
    assert ink_outside(picture, []) == 1
    assert ink_outside(picture, [(36, 36, 144, 84)]) == pytest.approx(1 / 3, abs=0.05)
    assert ink_outside(picture, [(36, 36, 144, 84), (236, 236, 344, 264)]) == 0


def test_where_there_is_no_ink_none_lies_outside() -> None:
    assert ink_outside(Image.new("L", (40, 40), 255), []) == 0


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 2)])
def test_the_smallest_pictures_do_no_harm(size: tuple[int, int]) -> None:
    picture = Image.new("L", size, 255)
    picture.putpixel((0, 0), 0)
    for changed in (straightened(picture), cleaned(picture, 2), lit(picture)):
        assert changed.size == size
    assert 0 <= ink_outside(picture, [(0, 0, 1, 1)]) <= 1


def test_a_plain_picture_is_told_from_one_with_a_dot() -> None:
    picture = Image.new("L", (9, 9), 200)
    assert is_plain(picture)
    picture.putpixel((4, 4), 199)
    assert not is_plain(picture)
