"""Fits the known errors of the heads that are trained here, and writes them as data.

    python benchmarks/calibrate_heads.py DATA --cache DIR [--write]

DATA holds fgnet_dev/ and utkface_dev/. As in `benchmarks/calibrate.py`, errors of ages come from
FG-NET, and beyond 40 years from UTKFace too, of which only the part counts that `nets.train.splits`
keeps for choosing: neither trained on nor judged by. The confidence of genders comes from that part
(one face) and from FG-NET (several faces of one person). What `benchmarks/calibrate.py` has written
stays.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from calibrate import age_errors, gender_errors

from album.evaluation.datasets import Faces, read_fgnet, read_utkface
from album.evaluation.measure import Measured
from album.evaluation.protocols import Labelled
from album.models.calibration import PATH
from album.training.heads import Known, known
from nets.embedders.heads import age_and_gender, head_nets
from nets.engine import HEADS
from nets.train.heads import inputs_of


def labelled(name: str, faces: Faces, data: Known, rows) -> Labelled:
    """What a head says of some of the faces, with their labels."""
    said = data.said.take(rows)
    assert said.maps is not None
    out = age_and_gender(head_nets(name, threads=2), inputs_of(said), said.maps.load())
    at = said.rows
    truth = Faces(
        [faces.paths[i] for i in at],
        faces.people[at],
        faces.ages[at],
        faces.male[at],
        faces.years[at],
    )
    return Labelled(truth, Measured(at, said.identity, out.ages, out.male), data.missed)


def calibrated(name: str, fgnet: tuple[Faces, Known], utk: tuple[Faces, Known]) -> dict:
    several = labelled(name, *fgnet, np.arange(len(fgnet[1].said.rows)))
    single = labelled(name, *utk, utk[1].chosen("check", changed=False))
    return {"age": age_errors(several, single), "gender": gender_errors(single, several)}


def features(faces: Faces, choose: str, cache: Path) -> tuple[Faces, Known]:
    *_, found = known(faces, choose=choose, cache=cache, maps=True)
    return faces, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    fgnet = features(read_fgnet(args.data / "fgnet_dev"), "largest", args.cache)
    utk = features(read_utkface(args.data / "utkface_dev"), "centre", args.cache)
    write({name: calibrated(name, fgnet, utk) for name in HEADS}, save=args.write)


def write(found: dict, *, save: bool) -> None:
    data = json.loads(PATH.read_text(encoding="utf-8"))
    data["attributes"] |= found
    print(json.dumps(found, indent=2))
    if save:
        PATH.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
