"""Fits the known errors of the heads that are trained here, and writes them as data.

    python benchmarks/calibrate_heads.py DATA --cache DIR [--write]

DATA holds fgnet_dev/ and utkface_dev/. As in `benchmarks/calibrate.py`, errors of ages come from
FG-NET, and beyond 40 years from UTKFace too, of which only the part counts that `nets.train.splits`
keeps for choosing: neither trained on nor judged by. The confidence of genders comes from that part
(one face) and from FG-NET (several faces of one person).
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate import age_errors, gender_errors

from album.bench.datasets import Faces, read_fgnet, read_utkface
from album.bench.measure import Measured
from album.bench.protocols import Labelled
from album.calibration import PATH
from album.training import Known, known
from nets.engine import HEADS
from nets.heads import HeadNet, age_probabilities
from nets.models import load_manifest
from nets.train.heads import inputs_of


def labelled(name: str, faces: Faces, data: Known, rows) -> Labelled:
    """What a head says of some of the faces, with their labels."""
    said = data.said.take(rows)
    maps = said.maps.load() if wants_maps(name) else None
    out = HeadNet(load_manifest()[name], threads=2).run(inputs_of(said), maps)
    ages = out["age"] if "age" in out else age_probabilities(out["older"])
    at = said.rows
    truth = Faces(
        [faces.paths[i] for i in at],
        faces.people[at],
        faces.ages[at],
        faces.male[at],
        faces.years[at],
    )
    return Labelled(truth, Measured(at, said.identity, ages, out["male"]), data.missed)


def wants_maps(name: str) -> bool:
    return "map" in load_manifest()[name].facts["input"]


def calibrated(name: str, fgnet: tuple[Faces, Known], utk: tuple[Faces, Known]) -> dict:
    several = labelled(name, *fgnet, np.arange(len(fgnet[1].said.rows)))
    single = labelled(name, *utk, utk[1].chosen("check", changed=False))
    return {"age": age_errors(several, single), "gender": gender_errors(single, several)}


def features(faces: Faces, choose: str, maps: bool, cache: Path) -> tuple[Faces, Known]:
    *_, found = known(faces, choose=choose, cache=cache, maps=maps)
    return faces, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    found = {}
    for maps in (False, True):
        names = [name for name in HEADS if wants_maps(name) == maps]
        fgnet = features(read_fgnet(args.data / "fgnet_dev"), "largest", maps, args.cache)
        utk = features(read_utkface(args.data / "utkface_dev"), "centre", maps, args.cache)
        found |= {name: calibrated(name, fgnet, utk) for name in names}
    write(found, save=args.write)


def write(found: dict, *, save: bool) -> None:
    data = json.loads(PATH.read_text(encoding="utf-8"))
    data["attributes"] |= found
    print(json.dumps(found, indent=2))
    if save:
        PATH.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
