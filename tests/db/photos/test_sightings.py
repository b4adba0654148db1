"""When people of clips are seen, and who is who when a clip is read again."""

import numpy as np
import pytest

from db.journal.forgetting import forget_people
from db.people.faces import load_faces
from db.people.people import people
from db.photos.files import save_files
from db.photos.matching import match_vectors
from db.photos.sightings import sightings
from db.records import Analysis, Identity, PhotoFacts, Sighting
from db.rows import Moment
from tests.db.make import boxes, faces, group, place_faces, save_analysis, seen, vectors

pytestmark = pytest.mark.postgresql

ANNA, BERT, CLEO = vectors(3, seed=1)


def clip(people, *, contract="A", net="net", at=100, sightings=()):
    left = [200.0 * i for i in range(len(people))]
    found = faces(boxes(*left), time_ms=np.full(len(people), at))
    identity = Identity(net, np.array(people, np.float32).reshape(-1, 16))
    facts = PhotoFacts("clip", 9, 9, "clip")
    return Analysis(facts, found, contract, identity=(identity,), sightings=tuple(sightings))


@pytest.fixture
def read(library):
    save_files(library, [seen("/a.mov", "clip", kind="clip")])

    def save(*people, **options):
        save_analysis(library, clip(people, **options))
        table = load_faces(library)
        return dict(zip(table.face_id.tolist(), table.time_ms.tolist(), strict=True))

    return save


def test_people_are_found_again_by_their_vectors_not_by_their_frame(library, read):
    assert read(ANNA, BERT, at=100) == {1: 100, 2: 100}
    assert read(BERT, ANNA + 0.01, contract="B", at=700) == {1: 700, 2: 700}
    table = load_faces(library, identity="net")
    np.testing.assert_allclose(table.vectors[1], BERT, atol=1e-2)


def test_who_is_new_gets_an_id_and_who_is_lost_goes(library, read):
    read(ANNA, BERT)
    assert read(CLEO, BERT, contract="B", at=700) == {2: 700, 3: 700}


def test_what_the_user_said_of_somebody_lost_stays(library, read):
    read(ANNA, BERT)
    [person] = group(library, [1])
    place_faces(library, [1], person)
    assert read(BERT, contract="B", at=700) == {1: 100, 2: 700}
    assert [row.faces for row in people(library)] == [1]


def test_another_net_goes_by_box_and_time(library, read):
    read(ANNA, BERT)
    assert read(BERT, ANNA, contract="B", net="other") == {1: 100, 2: 100}


def test_moments_are_replaced_with_the_analysis_and_told_by_person(library, read):
    read(ANNA, BERT, sightings=[Sighting(0, 0, 900, 5), Sighting(0, 4000, 4000, 1)])
    [anna, _] = group(library, [1], [2])
    assert sightings(library, [anna]) == {1: (Moment(0, 900, 5), Moment(4000, 4000, 1))}
    read(BERT, ANNA, contract="B", sightings=[Sighting(1, 100, 800, 4)])
    assert sightings(library, [anna]) == {1: (Moment(100, 800, 4),)}
    assert sightings(library, []) == {}


def test_a_sighting_of_nobody_is_refused():
    with pytest.raises(ValueError, match="not there"):
        clip([ANNA], sightings=[Sighting(1, 0, 0, 1)])


def test_vectors_match_one_to_one_nearest_first():
    old = np.array([[1.0, 0], [0.99, 0.1]])
    assert match_vectors(old, np.array([[1.0, 0], [1, 0.01], [0, 1]])).tolist() == [0, 1, -1]
    assert match_vectors(old[:0], old).tolist() == [-1, -1]


def test_somebody_forgotten_in_a_clip_does_not_come_back_in_another_frame(library, read):
    moments = [Sighting(0, 0, 900, 5), Sighting(1, 100, 800, 4)]
    read(ANNA, BERT, CLEO, sightings=moments)
    anna, bert, _ = group(library, [1], [2], [3])
    forget_people(library, [anna])
    # Bert's best box is now where Anna's was, and she is somewhere else.
    moved = [Sighting(0, 200, 700, 3), Sighting(1, 0, 900, 5)]
    assert read(BERT, ANNA, CLEO, contract="B", at=700, sightings=moved) == {2: 700, 3: 700}
    assert sightings(library, [bert]) == {2: (Moment(200, 700, 3),)}


def test_nobody_comes_back_to_a_clip_of_which_all_were_forgotten(library, read):
    read(ANNA)
    forget_people(library, group(library, [1]))
    assert read(BERT, ANNA, contract="B", at=700) == {}


def test_under_a_new_net_the_boxes_of_a_clip_must_do(library, read):
    read(ANNA, BERT)
    forget_people(library, group(library, [1], [2])[:1])
    assert read(ANNA, BERT, contract="B", net="other") == {2: 100}
