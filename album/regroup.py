"""`album regroup`: all faces are grouped anew, within what the user has said.

People whom the user has touched stay: the faces that were placed with them, and the core of those
that were not. Everything else is free. Faces that were rejected do not come back, two touched
people never become one, and of the people whom nobody has touched those go on whose faces stay
together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from album.assigning import (
    LAST_WHOLE,
    Situation,
    changes,
    ids_for,
    kept_whole,
    linked,
    look,
)
from album.calibration import identity_calibration
from album.errors import AlbumError
from album.grouping import Faces, Ints
from album.linking import columns, photos_of
from clustering.constraints import Constraints
from clustering.linkage import cluster
from db.library import Library
from db.people import store_people
from db.settings import set_setting
from nets.engine import Engine

CORE = 0.5
"""Threshold within which faces are the core of a person, in units of that of the grouping."""


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What grouping all faces anew changed, or would change.

    Attributes
    ----------
    faces : int
        That were grouped.
    before, after : int
        People with faces among them.
    moved : int
        Faces that were somebody's and are now somebody else's.
    people : tuple of int
        Those who gained or lost faces, by id; whom a dry run would found are left out.
    event_id : int
        Of the journal; 0 where nothing was changed.
    """

    faces: int
    before: int
    after: int
    moved: int
    people: tuple[int, ...]
    event_id: int = 0
