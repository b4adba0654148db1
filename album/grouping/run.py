"""Group a library if something has changed since it was last grouped."""

from collections.abc import Iterator

from album.events import Event, Grouped
from album.grouping.candidates import prepare
from album.grouping.grouping import group
from album.grouping.incremental import LAST_WHOLE, assign
from album.grouping.memory import open_workspace
from album.models.calibration import calibration_files
from album.models.contracts import nets_of, remember_nets
from clustering.linkage.tiles import TileSearch
from db.library import Library
from db.people.faces import last_face
from db.photos.status import status
from db.settings import GROUPED_UNDER, get_setting
from nets.engine import Engine
from nets.runtime.models import digest


def group_if_due(
    library: Library,
    engine: Engine,
    method: str,
    *,
    tile_search: TileSearch | None = None,
    memory: int | None = None,
) -> Iterator[Event]:
    """Group the faces, unless nothing has changed since they were last grouped in this way.

    Parameters
    ----------
    library : Library
    engine : Engine
    method : str
        A key of `album.grouping.grouping.LINKAGE`.
    tile_search : callable, optional
        Searches for near faces on other workers, see `clustering.linkage.tiles.TileSearch`.
    memory : int, optional
        See `album.grouping.memory.Workspace`.
    """
    contracts = engine.embedder.contract, engine.attributes.contract
    how = f"{digest(*contracts, method, *calibration_files())} {last_face(library)}"
    remember_nets(library, engine)
    if get_setting(library, GROUPED_UNDER) == how:
        counts = status(library)
        shown = counts.people - counts.passers_by
        yield Grouped(shown, counts.passers_by, counts.faces)
        return
    # Stored with the grouping itself: whatever changes from then on needs another one.
    done = {GROUPED_UNDER: how}
    with open_workspace(library.path, memory, tile_search=tile_search) as workspace:
        if method == "default":
            yield from assign(library, nets_of(engine), workspace, settings=done)
        else:
            done[LAST_WHOLE] = f"{method} 0"
            yield from group(library, engine, method=method, settings=done)
        prepare(library, workspace)
