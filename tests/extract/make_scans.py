"""Scans made on the spot: pages of print, tilted and speckled, in a PDF without text."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.extract.make import pdf_objects, shown, stream


class Stamped(NamedTuple):
    """A picture with a short text upon it."""

    page: Image.Image
    text: str


#: Letter paper at 200 dots per inch.
WIDTH, HEIGHT = 1700, 2200
_DOTS_PER_POINT = 200 / 72


@cache
def font_file(language: str) -> Path:
    """Give a font that has the letters of a language; skips the test where there is none."""
    command = ["fc-match", "-f", "%{file}\t%{lang}", f":lang={language}"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("fontconfig is not installed, so no font can be found")
    file, _, languages = said.partition("\t")
    if language not in languages.split("|"):
        pytest.skip(f"no font for {language} is installed")
    return Path(file)


def blank() -> Image.Image:
    return Image.new("L", (WIDTH, HEIGHT), 255)


def write(
    page: Image.Image,
    text: str,
    *,
    at: tuple[int, int] = (150, 160),
    points: float = 12,
    language: str = "en",
) -> Image.Image:
    """Print lines of text onto a page."""
    font = ImageFont.truetype(font_file(language), round(points * _DOTS_PER_POINT))
    draw = ImageDraw.Draw(page)
    x, y = at
    for line in text.split("\n"):
        draw.text((x, y), line, fill=20, font=font)
        y += round(points * 1.5 * _DOTS_PER_POINT)
    return page


def scanned(page: Image.Image, *, tilt: float = 0.6, seed: int = 7) -> Image.Image:
    """Give a page as a scanner would: tilted by degrees, grey, speckled and a little blurred."""
    tilted = page.rotate(tilt, resample=Image.Resampling.BICUBIC, fillcolor=255)
    noise = Image.effect_noise(page.size, 18)
    grey = Image.blend(tilted, noise, 0.12)
    return grey.filter(ImageFilter.GaussianBlur(0.6))


def photo() -> Image.Image:
    """Give a picture in which there is nothing to read."""
    return Image.effect_noise((WIDTH, HEIGHT), 90).filter(ImageFilter.GaussianBlur(30))


def encoded(page: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    page.save(out, kind, **options)
    return out.getvalue()


def scan_pdf(
    pages: Sequence[Image.Image | Stamped | str], *, size: tuple[int, int] = (612, 792)
) -> bytes:
    """Give a PDF: each picture fills a page, and each text is one with a text layer."""
    kids = b" ".join(b"%d 0 R" % (4 + 3 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        content, picture = 5 + 3 * number, 6 + 3 * number
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R /Resources"
            b" << /Font << /F1 3 0 R >> /XObject << /Im1 %d 0 R >> >> >>"
            % (*size, content, picture)
        )
        if isinstance(page, str):
            objects += [stream(shown(page)), b"null"]
            continue
        text, shot = (page.text, page.page) if isinstance(page, Stamped) else ("", page)
        head = b"/Type /XObject /Subtype /Image /Width %d /Height %d" % shot.size
        head += b" /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode"
        objects.append(stream(b"q %d 0 0 %d 0 0 cm /Im1 Do Q " % size + shown(text)))
        objects.append(stream(encoded(shot, quality=80), head))
    return pdf_objects(objects)
