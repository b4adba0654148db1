"""From when on a face shows too little: blurred and small copies of clear faces.

    python benchmarks/quality.py DATA [--cache DIR] [--people N]

Each copy of a face of LFW is compared with the other faces of its person, on average, as in the
grouping. Then all copies lie in one album with the whole of LFW, once grouped like other faces and
once with the rule that faces which show too little found and bridge nobody.
"""

import argparse
from pathlib import Path

import numpy as np
from calibrate import AGES, read
from continuation import bcubed_of
from PIL import Image, ImageFilter

from album.evaluation.datasets import read_lfw
from album.grouping.features import Dated, Faces, unit, weak_faces
from album.grouping.grouping import by_linkage
from album.models.calibration import identity_calibration
from nets.core.api import Detections
from nets.core.quality import CROP, quality
from nets.engine import load_engine

FACE = 105.0
"""Size of a face in LFW, in pixels."""
SIZES = (60, 45, 32, 24, 18)
RADII = (1.5, 2.5, 4.0, 6.0)


def copies(picture: Image.Image):
    """Name and picture of each copy."""
    yield "as it is", picture
    for size in SIZES:
        side = round(picture.width * size / FACE)
        yield f"{size} px", picture.resize((side, side), Image.Resampling.BOX)
    for radius in RADII:
        yield f"blurred, {radius} px", picture.filter(ImageFilter.GaussianBlur(radius))


def described(engine, picture: Image.Image):
    """Vector, ages and qualities of the face nearest the centre; None where none is found."""
    pixels = np.asarray(picture)
    found = engine.detect(pixels)
    if not len(found):
        return None
    middle = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    best = [int(np.argmin(np.hypot(*(middle - np.array(picture.size) / 2).T)))]
    one = Detections(found.boxes[best], found.landmarks[best], found.scores[best])
    batch = engine.crop(pixels, one)
    said = engine.describe(batch)
    return said.vectors[0], said.ages[0], quality(batch.chips[CROP], one)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--people", type=int, default=90)
    args = parser.parse_args()
    lfw = read(args.data, "lfw", "fused", AGES, args.cache)
    paths = read_lfw(args.data / "lfw_dev").paths
    use = identity_calibration("fused", AGES)
    engine = load_engine(min_face=16, threads=2)
    who, count = np.unique(lfw.truth.people, return_counts=True)
    rng = np.random.default_rng(0)
    rows = [
        int(rng.choice(np.flatnonzero(lfw.truth.people == one)))
        for one in rng.permutation(who[count >= 4])[: args.people]
    ]
    made = []
    for row in rows:
        with Image.open(paths[lfw.said.rows[row]]) as opened:
            picture = opened.convert("RGB")
        for name, copy in copies(picture):
            if (said := described(engine, copy)) is not None:
                made.append((name, row, *said))
    own = distances(lfw, use, made)
    table(made, own, use.identity_threshold)
    albums(lfw, use, [one for one in made if one[0] != "as it is"])


def distances(lfw, use, made) -> np.ndarray:
    """Average squared distance of each copy to the other faces of its person."""
    vectors = unit(lfw.said.vectors)
    extra = use.nearness.variance(vectors)
    out = []
    for _, row, vector, _, _ in made:
        others = np.flatnonzero(lfw.truth.people == lfw.truth.people[row])
        others = others[others != row]
        one = unit(vector[None])
        far = 2 - 2 * vectors[others] @ one[0] + extra[others] + use.nearness.variance(one)[0]
        out.append(far.mean())
    return np.array(out)


def table(made, own, threshold: float) -> None:
    print("| copy | size | sharpness | within the threshold of its person | counts as weak |")
    print("| --- | --- | --- | --- | --- |")
    for name in dict.fromkeys(one[0] for one in made):
        which = [i for i, one in enumerate(made) if one[0] == name]
        scores = np.array([made[i][4] for i in which])
        size, sharp, _ = np.median(scores, axis=0)
        weak = weak_faces(*scores.T).mean()
        near = (own[which] <= threshold).mean()
        print(f"| {name} | {size:.0f} | {sharp:.0f} | {near:.3f} | {weak:.2f} |")


def albums(lfw, use, made) -> None:
    """Group LFW together with the copies, with and without the rule."""
    people = np.concatenate([lfw.truth.people, lfw.truth.people[[one[1] for one in made]]])
    vectors = np.vstack([lfw.said.vectors, [one[2] for one in made]]).astype(np.float32)
    ages = np.vstack([lfw.said.ages, [one[3] for one in made]]).astype(np.float32)
    clear = np.arange(len(people)) < len(lfw.truth.people)
    weak = np.zeros(len(people), bool)
    weak[~clear] = weak_faces(*np.array([one[4] for one in made]).T)
    nothing = np.full(len(people), np.nan)
    undated = Dated(nothing, nothing, np.full(len(people), np.inf))
    print("\n| album | clear faces: precision | recall | F | weak faces: precision | recall |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, rule in (("all alike", None), ("weak ones join only", weak)):
        labels = by_linkage(Faces(vectors, ages, np.arange(len(people)), rule), undated, use)
        p, r = bcubed_of(labels, people)
        f = 2 * p[clear].mean() * r[clear].mean() / (p[clear].mean() + r[clear].mean())
        said = [p[clear].mean(), r[clear].mean(), f, p[weak].mean(), r[weak].mean()]
        print(f"| {name} | {' | '.join(f'{value:.4f}' for value in said)} |")


if __name__ == "__main__":
    main()
