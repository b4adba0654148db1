"""What is wrong is worded below, what to type is added by the command line."""

import pickle
import re
from pathlib import Path

import pytest

from album import errors
from album.cli.app import COMMANDS
from album.cli.remedies import FAILURES, REMEDIES, about_failures, sentence
from db.errors import OtherCopyError, UnfinishedLibraryError, UnknownFaceError
from nets.core.errors import AddedWeightsError, DeviceMissing, ModelNotAdded

pytestmark = pytest.mark.postgresql

RAISED = (
    errors.NothingGrouped(),
    errors.NotComparable(),
    errors.NoFaceGiven(),
    errors.NotTheirFace(7, 3, "Ana"),
    errors.OneGroup(3, "Ana"),
    errors.NameTaken("Ana", holder_id=3, person_id=5),
    errors.OutdatedQuestion("Both are person 3 by now."),
    errors.TooManyVectors("/library"),
    errors.NobodyAlone(),
    errors.NoEmotions(),
    errors.NotIndexed("/photos"),
    errors.NotInLibrary("/photos/a.jpg"),
    errors.ForgottenBefore("/photos/a.jpg"),
    errors.TracesLeft("the disk is full"),
    errors.PlainConnection("tcp://far:1", "tls://far:1"),
    errors.BadCertificates("tls://far:1 asks for certificates."),
    ModelNotAdded("The model retinaface is not installed; get it from there.", "retinaface"),
    AddedWeightsError("The weights can't be read; add the model again.", "retinaface"),
    DeviceMissing("ONNX Runtime has no cuda on this machine."),
    UnfinishedLibraryError("/b is an unfinished copy of /a; copy that again to finish it."),
    OtherCopyError("/b is an unfinished copy of /a; finish that, or delete it."),
    UnknownFaceError("There is no face with the id 7."),
)
OTHERS = (
    errors.Refused("They have different names, Ana and Ben.", forced="keep the first one's"),
    errors.NoLinks(Path("/a.jpg"), Path("/out"), "hard"),
    errors.NoWorkers("tcp://near:1", 60),
    errors.NoWorkers("", 60),
)


def test_every_remedy_is_tried_here():
    assert {type(error) for error in RAISED} == set(REMEDIES)


@pytest.mark.parametrize("error", [*RAISED, *OTHERS], ids=lambda error: type(error).__name__)
def test_the_command_line_says_what_to_type(error):
    words = sentence(error)
    assert re.search(rf"--[a-z]|\balbum ({'|'.join(COMMANDS)})\b", words)
    assert words.startswith(str(error).removesuffix("."))
    assert re.fullmatch(r"[^{}]+[^.]\.", words)


@pytest.mark.parametrize("error", [*RAISED, *OTHERS], ids=lambda error: type(error).__name__)
def test_errors_cross_to_another_process(error):
    same = pickle.loads(pickle.dumps(error))
    assert type(same) is type(error) and str(same) == str(error) and vars(same) == vars(error)


def test_sentences():
    assert sentence(errors.NameTaken("Ana", holder_id=3, person_id=5)) == (
        "Person 3 is called Ana already; merge the two if they are the same (album merge 3 5), or "
        "use --force to have two of that name."
    )
    assert sentence(errors.Refused("No.")) == "No."
    assert sentence(OTHERS[0]) == (
        "They have different names, Ana and Ben; use --force to keep the first one's."
    )
    assert sentence(OTHERS[1]).endswith("; use --link symbolic or --link copy.")


def test_failures_of_a_kind_are_explained_once():
    assert list(about_failures(["damaged", "empty"])) == []
    assert list(about_failures(["too-slow", "damaged", "too-slow"])) == [FAILURES["too-slow"]]
    codes = {kind.code for kind in vars(errors).values() if hasattr(kind, "code")} | {"memory"}
    assert set(FAILURES) <= codes
