"""Keeps those screenshots of the page that docs show, in a palette of 256 colours: python shrink.py FROM TO."""

import pathlib
import sys

from PIL import Image, ImageChops

SHOWN = {
    "page-overview": "page-overview-1280-light",
    "page-studies": "page-studies-1280-dark",
    "page-study": "page-study-1280-light",
    "page-slices": "page-slices-1280-dark",
    "page-overview-narrow": "page-overview-390-light",
    "page-study-narrow": "page-study-390-dark",
    "page-trying": "page-trying-1280-light",
    "page-tried": "page-tried-1280-dark",
    "page-tried-narrow": "page-tried-slices-390-light",
}

source, target = map(pathlib.Path, sys.argv[1:])
for name, shot in SHOWN.items():
    picture = Image.open(source / f"{shot}.png").convert("RGB")
    ground = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    bottom = ImageChops.difference(picture, ground).getbbox()[3]  # what is empty below is left out
    picture = picture.crop((0, 0, picture.width, min(picture.height, bottom + 16)))
    picture.quantize(256, dither=Image.Dither.NONE).save(target / f"{name}.png", optimize=True)
