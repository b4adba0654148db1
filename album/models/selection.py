"""Which detector and which age head an index uses: the requested one, else the library's own.

Another detector or head reads every photo again, so a library keeps the ones of its first index
until the user asks for others. Only the default profile leaves a choice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from album.models.added import models_folder
from album.models.contracts import nets_used
from db.library import Library
from db.photos.status import status
from db.settings import get_setting, set_setting
from nets.engine import DEFAULT_HEAD, PROFILES, Profile
from nets.runtime.addable import installed

SHIPPED_DETECTOR = "mtcnn"
ADDED_DETECTOR = "retinaface"
"""The detector of new libraries once the user has added it."""
EARLIER_HEAD = "faceres-deep"
"""The default of versions that recorded no head."""


@dataclass(frozen=True, slots=True)
class Selection:
    """How one part of the engine is selected.

    Attributes
    ----------
    setting : str
        Setting of the library that records the choice.
    of_profile : callable
        Return the name of the part in a profile.
    for_new : callable
        Return the name for a new library.
    for_unrecorded : callable
        Return the name for a library whose setting is missing, empty ones included.
    """

    setting: str
    of_profile: Callable[[Profile], str]
    for_new: Callable[[], str]
    for_unrecorded: Callable[[Library], str]

    def choose(self, library: Library, requested: str | None, profile: str) -> str:
        """Return the name of the part and record it in the library.

        Parameters
        ----------
        library : Library
            Open for writing.
        requested : str or None
            By the user.
        profile : str
            A key of `nets.engine.PROFILES`.
        """
        chosen = self.preview(library, requested, profile)
        if profile == "default" and get_setting(library, self.setting) != chosen:
            set_setting(library, self.setting, chosen)
        return chosen

    def preview(self, library: Library | None, requested: str | None, profile: str) -> str:
        """Return the name that `choose` would return, and record nothing.

        Parameters
        ----------
        library : Library or None
            None: a new one.
        requested, profile
            See `choose`.
        """
        if requested is not None or profile != "default":
            return requested or self.of_profile(PROFILES[profile])
        if library is None:
            return self.for_new()
        return get_setting(library, self.setting) or self.for_unrecorded(library)

    def replaced(self, library: Library, chosen: str) -> str | None:
        """Return the name that `chosen` replaces if photos are read again because of it.

        Parameters
        ----------
        library : Library
            As it is before `choose`.
        chosen : str

        Returns
        -------
        str or None
            None where `chosen` is in use already, or nothing has been read yet.
        """
        before = self.preview(library, None, "default")
        return None if chosen == before or _is_empty(library) else before


def _is_empty(library: Library) -> bool:
    counts = status(library)
    return not (counts.photos or counts.clips)


def _new_detector() -> str:
    return (
        SHIPPED_DETECTOR if installed(ADDED_DETECTOR, models_folder()) is None else ADDED_DETECTOR
    )


def _unrecorded_detector(library: Library) -> str:
    return _new_detector() if _is_empty(library) else SHIPPED_DETECTOR


def _unrecorded_head(library: Library) -> str:
    if _is_empty(library):
        return DEFAULT_HEAD
    used = nets_used(library)
    if used is None:
        return EARLIER_HEAD
    others = {(one.embedder, one.attributes) for name, one in PROFILES.items() if name != "default"}
    if (used.embedder, used.attributes) in others:
        return DEFAULT_HEAD  # the default profile reads everything again anyway
    return used.attributes


DETECTOR = Selection(
    setting="detector",
    of_profile=lambda profile: profile.detector,
    for_new=_new_detector,
    for_unrecorded=_unrecorded_detector,
)
HEAD = Selection(
    setting="attributes",
    of_profile=lambda profile: profile.attributes,
    for_new=lambda: DEFAULT_HEAD,
    for_unrecorded=_unrecorded_head,
)
