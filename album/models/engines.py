"""Which nets an index uses, as plain names that can be sent to other processes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nets.engine import Engine


@dataclass(frozen=True, slots=True)
class Choice:
    """What makes an engine; see `nets.engine.load_engine`.

    Attributes
    ----------
    profile, detector, embedder, attributes : str or None
        Names; None: as the profile has it.
    min_face : float
    device : str
    emotions : bool
        Also classify what faces express.
    """

    profile: str = "default"
    detector: str | None = None
    embedder: str | None = None
    attributes: str | None = None
    min_face: float = 40
    device: str = "cpu"
    emotions: bool = True


def build(choice: Choice, *, threads: int = 1) -> "Engine":
    """Put an engine together; the nets are read when they are first run.

    Parameters
    ----------
    choice : Choice
    threads : int
        Cores that one call of an embedder or head may use.

    Raises
    ------
    ValueError, WeightsError, ModelMissing
        See `nets.engine.load_engine`.
    """
    # Imported late: to name nets does not need them.
    from album.models.added import models_folder
    from nets.engine import load_engine, with_emotions

    engine = load_engine(
        profile=choice.profile,
        detector=choice.detector,
        embedder=choice.embedder,
        attributes=choice.attributes,
        min_face=choice.min_face,
        threads=threads,
        models=models_folder(),
        device=choice.device,
    )
    if not choice.emotions:
        return engine
    # One pass a face instead of two: smiles are told apart nearly as well.
    return with_emotions(engine, threads=threads, device=choice.device, thorough=False)
