"""The nets that a library was last grouped with, by name and contract; loads none of them."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from db.library import Library
from db.settings import get_setting, set_setting

if TYPE_CHECKING:
    from nets.engine import Engine

GROUPED_WITH = "grouped_with"


@dataclass(frozen=True, slots=True)
class NetsUsed:
    """The nets of the last grouping.

    Attributes
    ----------
    embedder, attributes : str
        Names, by which `album.models.calibration` knows them.
    identity_contract, attributes_contract : str
        Of the observations.
    """

    embedder: str
    identity_contract: str
    attributes: str
    attributes_contract: str


def nets_of(engine: "Engine") -> NetsUsed:
    """Return names and contracts of the nets of an engine."""
    return NetsUsed(
        embedder=engine.embedder.name,
        identity_contract=engine.embedder.contract,
        attributes=engine.attributes.name,
        attributes_contract=engine.attributes.contract,
    )


def remember_nets(library: Library, engine: "Engine") -> None:
    """Store the nets that a library is grouped with."""
    nets = nets_of(engine)
    if nets != nets_used(library):
        set_setting(library, GROUPED_WITH, json.dumps(asdict(nets)))


def nets_used(library: Library) -> NetsUsed | None:
    """Return the nets of the last grouping; None where a library was never grouped since 0.1."""
    text = get_setting(library, GROUPED_WITH)
    return None if text is None else NetsUsed(**json.loads(text))
