"""What is derived of people, found anew for those whose faces have changed, inside the change."""

from collections.abc import Iterable
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from album.models.calibration import attribute_calibration
from album.models.contracts import NetsUsed
from db.journal import edits
from db.journal.journal import Edit
from db.records import PersonFacts
from db.rows import FaceTable
from db.settings import GROUPED_UNDER


def refresh(edit: Edit, nets: NetsUsed | None, person_ids: Iterable[int]) -> None:
    """Derive gender, birth year, cover, counts and dates of some people from their faces.

    Parameters
    ----------
    edit : Edit
    nets : NetsUsed or None
        Whose ages and genders count. Without it only counts and dates are found anew, and the rest
        by the next index.
    person_ids : iterable of int
        Those who do not exist are left out. Who has no face at all loses what was derived, who has
        some but none in a photo that is there keeps it.
    """
    who = sorted(edits.existing(edit, person_ids))
    found = [PersonFacts(person_id) for person_id in sorted(edits.faceless(edit, who))]
    if nets is None:
        decide_again(edit)
    elif who:
        found += _facts(edit, nets, who)
    edits.save_facts(edit, found, who)


def decide_again(edit: Edit) -> None:
    """Let the next index group, though no photo may have changed."""
    edits.drop_setting(edit, GROUPED_UNDER)


def _facts(edit: Edit, nets: NetsUsed, who: list[int]) -> list[PersonFacts]:
    # Imported late: it takes the clustering and the readers of dates with it.
    from album.grouping.grouping import dates_of, describe

    attributes = nets.attributes_contract
    table = edits.faces_of(edit, who, identity=None, attributes=attributes, emotions=True)
    assert table.p_male is not None
    table = rows_of(table, np.isfinite(table.p_male))
    if not len(table):
        return []
    ids, labels = np.unique(table.person_id, return_inverse=True)
    use = attribute_calibration(nets.attributes)
    return describe(table, dates_of(table), labels.reshape(-1), ids, use)


def rows_of(table: FaceTable, chosen: NDArray[np.bool_]) -> FaceTable:
    """Return some rows of a table of faces."""
    columns = {field.name: getattr(table, field.name) for field in fields(table)}
    return replace(table, **{name: c[chosen] for name, c in columns.items() if c is not None})
