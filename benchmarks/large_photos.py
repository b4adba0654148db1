"""Makes 12-megapixel JPEGs with 0 to 5 faces out of the development photos.

    python benchmarks/large_photos.py OUT [--data FOLDER] [--photos 300]

A photo is a blurred and grained landscape out of WIDER FACE without anybody in it, 4000 x 3000 or
upright, with portraits of LFW people pasted in, whose faces are 40 to 400 pixels large where the
photo is 1,600 pixels long. Grain and quality (92) make files of about 4 MB, as cameras do.
`truth.json` has the boxes of the faces, in pixels.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

SIZE = 4000, 3000
FACE_IN_LFW = 0.40
"""Side of the face in an LFW picture, as a part of its side."""
PEOPLE = 40


def background(path: Path, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """What is behind everybody: the colours of a photo, and grain so that it is no easy JPEG."""
    small = Image.open(path).convert("RGB").filter(ImageFilter.GaussianBlur(24))
    image = small.resize(size, Image.Resampling.BICUBIC)
    for octave in (16, 4, 1):
        shape = size[1] // octave, size[0] // octave
        grain = rng.normal(128, 5 if octave > 1 else 4, shape).clip(0, 255).astype(np.uint8)
        layer = Image.fromarray(grain).resize(size, Image.Resampling.BILINEAR)
        pixels = np.asarray(image, np.int16) + (np.asarray(layer, np.int16) - 128)[..., None]
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return image


def portrait(path: Path, side: int) -> tuple[Image.Image, Image.Image]:
    """Enlarge a portrait, and make a soft mask for it."""
    image = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    soft = ((1 - np.maximum(abs(x), abs(y))) * 8).clip(0, 1)
    mask = Image.fromarray((soft * 255).astype(np.uint8)).resize((side, side))
    return image, mask


def make(number: int, sources: dict, rng: np.random.Generator) -> tuple[Image.Image, list]:
    size = SIZE if number % 4 else SIZE[::-1]
    image = background(sources["wider"][number % len(sources["wider"])], size, rng)
    boxes: list[list[float]] = []
    people = rng.permutation(len(sources["lfw"]))
    for person in people[: int(rng.integers(0, 6))]:
        face = float(np.exp(rng.uniform(np.log(40), np.log(400)))) * max(size) / 1600
        side = round(face / FACE_IN_LFW)
        if side > min(size):
            continue
        for _ in range(20):
            left, top = (int(rng.integers(0, room - side + 1)) for room in size)
            box = [left, top, left + side, top + side]
            if all(
                box[2] <= b[0] or b[2] <= box[0] or box[3] <= b[1] or b[3] <= box[1] for b in boxes
            ):
                break
        else:
            continue
        choices = sources["lfw"][person]
        picture, mask = portrait(choices[int(rng.integers(len(choices)))], side)
        image.paste(picture, (left, top), mask)
        boxes.append(box)
    faces = []
    for left, top, right, _ in boxes:
        margin = (right - left) * (1 - FACE_IN_LFW) / 2
        side = (right - left) * FACE_IN_LFW
        faces.append([left + margin, top + margin, left + margin + side, top + margin + side])
    return image, faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("ALBUM_DATA", "../shared/data"))
    )
    parser.add_argument("--photos", type=int, default=300)
    args = parser.parse_args()
    lfw = [
        sorted(one.glob("*.jpg"))
        for one in sorted((args.data / "lfw_dev").rglob("*"))
        if one.is_dir()
    ]
    lfw = sorted((one for one in lfw if len(one) >= 4), key=len, reverse=True)[:PEOPLE]
    sources = {"lfw": lfw, "wider": sorted((args.data / "wider_dev").rglob("*.jpg"))}
    args.out.mkdir(parents=True, exist_ok=True)
    truth = {}
    for number in range(args.photos):
        rng = np.random.default_rng(number)
        image, faces = make(number, sources, rng)
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"{2000 + number % 20}:06:{1 + number % 28:02} 12:00:00"
        name = f"photo{number:04}.jpg"
        image.save(args.out / name, quality=92, exif=exif)
        truth[name] = faces
    (args.out / "truth.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    sys.exit(main())
