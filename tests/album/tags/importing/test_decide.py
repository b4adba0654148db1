"""Whose tagged faces become: every rule of `album.tags.importing.decide` by itself."""

from album.tags.importing.decide import Claim, Known, Standing, Target, decide
from album.tags.importing.names import cleaned, problem, spelling


def faces(**people):
    """Faces of people: p3_auto=[(1, 10), …] are faces 1 … of photos 10 … of person 3."""
    found = {}
    for key, mine in people.items():
        who, source = key[1:].split("_")
        for face_id, photo_id in mine:
            source_of = "" if source == "none" else source
            found[face_id] = Standing(face_id, photo_id, int(who), source_of)
    return found


def claim(face_id, name, photo_id=None, **options):
    return Claim(face_id, photo_id if photo_id is not None else 10 * face_id, name, **options)


def told(decision):
    return {
        target.name: (target.person_id, set(target.faces), set(target.followers))
        for target in decision.targets
    }


def test_a_group_gets_the_name_of_one_of_its_faces_and_keeps_its_id():
    known = Known(faces(p3_auto=[(1, 10), (2, 20), (3, 30)]))
    decision = decide([claim(1, "Ana")], known)
    assert told(decision) == {"Ana": (3, {1}, set())}
    assert decision.named == {3: "Ana"}
    assert not decision.freed


def test_all_groups_with_one_name_become_one_person():
    known = Known(faces(p3_auto=[(1, 10), (2, 20)], p4_auto=[(3, 30), (4, 40), (5, 50)]))
    decision = decide([claim(1, "Ana"), claim(3, "ANA ")], known)
    # The larger one has most faces of as many tags.
    assert told(decision) == {"Ana": (4, {1, 3}, {2})}
    assert decision.named == {4: "Ana"}


def test_a_name_that_somebody_has_means_that_person():
    known = Known(faces(p3_auto=[(1, 10), (2, 20)], p7_user=[(8, 80)]), names={7: "ana"})
    decision = decide([claim(1, "Ana")], known)
    assert told(decision) == {"ana": (7, {1}, {2})}
    assert not decision.named


def test_of_two_people_of_one_name_the_one_with_most_faces_is_meant():
    known = Known(
        faces(p0_none=[(1, 10)], p6_user=[(7, 70)], p8_user=[(8, 80), (9, 90)]),
        names={6: "Ana", 8: "Ana"},
    )
    assert told(decide([claim(1, "Ana")], known)) == {"Ana": (8, {1}, set())}


def test_a_face_of_either_of_two_people_of_one_name_stays():
    known = Known(
        faces(p6_auto=[(1, 10)], p6_imported=[(2, 20)], p8_user=[(8, 80), (9, 90), (7, 70)]),
        names={6: "Ana", 8: "ana"},
    )
    decision = decide([claim(1, "Ana"), claim(2, "Ana")], known)
    assert not decision.changes
    assert decision.known == 2


def test_a_face_of_nobody_founds_a_person():
    decision = decide([claim(1, "Ana"), claim(2, "Ana")], Known(faces(p0_none=[(1, 10), (2, 20)])))
    assert decision.targets == [Target("Ana", 0, (1, 2))]


def test_a_group_in_which_tags_contradict_falls_apart():
    known = Known(faces(p3_auto=[(1, 10), (2, 20), (3, 30)]))
    decision = decide([claim(1, "Ana"), claim(2, "Ben")], known)
    assert told(decision) == {"Ana": (0, {1}, set()), "Ben": (0, {2}, set())}
    assert decision.freed == {3}


def test_somebody_who_has_another_name_loses_the_face_alone():
    known = Known(faces(p3_auto=[(1, 10), (2, 20)]), names={3: "Ben"})
    decision = decide([claim(1, "Ana")], known)
    assert told(decision) == {"Ana": (0, {1}, set())}
    assert not decision.freed


def test_what_the_user_said_stays():
    known = Known(
        faces(p3_user=[(1, 10)], p4_user=[(2, 20)], p5_auto=[(3, 30)]),
        names={3: "Ana", 4: "Ben"},
        rejected={(3, 4)},
    )
    decision = decide([claim(1, "Ben"), claim(2, "ben"), claim(3, "Ben")], known)
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [1, 3]
    assert decision.known == 1


def test_a_tag_on_a_face_that_the_user_placed_with_somebody_nameless_names_them():
    known = Known(faces(p3_user=[(1, 10)], p3_auto=[(2, 20)]), touched={3})
    decision = decide([claim(1, "Ana")], known)
    assert decision.named == {3: "Ana"}
    assert told(decision) == {"Ana": (3, set(), set())}
    # Where the name is somebody else's, the user's word goes before.
    known = Known(known.faces | faces(p7_auto=[(8, 80)]), names={7: "Ana"}, touched={3, 7})
    decision = decide([claim(1, "Ana")], known)
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [1]


def test_faces_that_the_user_placed_decide_the_name_of_their_person():
    """Found by random sequences: a second import named the person, once the other face had gone."""
    known = Known(faces(p3_user=[(1, 10), (2, 20)], p3_auto=[(4, 40)]), touched={3})
    decision = decide([claim(1, "Ana"), claim(4, "Carl")], known)
    assert told(decision) == {"Ana": (3, set(), set()), "Carl": (0, {4}, set())}
    assert decision.named == {3: "Ana"}
    assert not decision.overruled
    decision = decide([claim(1, "Ana"), claim(2, "Ben"), claim(4, "Carl")], known)
    assert told(decision) == {"Carl": (0, {4}, set())}
    assert [one.face_id for one in decision.overruled] == [1, 2]


def test_nobody_makes_way_for_a_tag_that_does_not_count():
    known = Known(
        faces(p3_user=[(1, 10)], p7_auto=[(8, 10), (9, 90)]), names={7: "Ana"}, touched={3, 7}
    )
    decision = decide([claim(1, "Ana")], known)
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [1]


def test_a_person_whom_the_user_has_named_keeps_every_face():
    """Found automatically or imported, and also where the tag means somebody who is there."""
    base = faces(p3_auto=[(1, 10)], p3_imported=[(2, 20)], p7_auto=[(8, 80)])
    names = {3: "Anna", 7: "Ben"}
    claims = [claim(1, "Ben"), claim(2, "Ana")]
    decision = decide(claims, Known(base, names, named_by_user={3}))
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [1, 2]
    decision = decide(claims, Known(base, names, named_by_user={7}))
    assert told(decision) == {"Ben": (7, {1}, set()), "Ana": (0, {2}, set())}
    decision = decide([claim(1, "ANNA"), claim(2, "anna")], Known(base, names, named_by_user={3}))
    assert told(decision) == {"Anna": (3, {1}, set())}
    assert decision.known == 1
    # Nor does a face make way for another in the same photo, whosever that is by its tags.
    known = Known(base | faces(p0_none=[(4, 10)]), names, named_by_user={3})
    decision = decide([claim(4, "Anna", 10)], known)
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [4]
    decision = decide([claim(4, "Anna", 10), claim(1, "Carl")], known)
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [1, 4]


def test_followers_stay_where_they_cannot_go():
    base = faces(p3_auto=[(1, 10), (2, 20), (3, 30), (4, 40)], p7_user=[(8, 20)], p7_auto=[(9, 90)])
    known = Known(base, names={7: "Ana"}, rejected={(3, 7)})
    decision = decide([claim(1, "Ana")], known)
    assert told(decision) == {"Ana": (7, {1}, {4})}
    for more in ({"touched": {3}}, {"different": {(3, 7)}}):
        known = Known(base, names={7: "Ana"}, **more)
        assert told(decide([claim(1, "Ana")], known)) == {"Ana": (7, {1}, set())}


def test_nobody_comes_into_a_photo_twice():
    # Found there automatically: makes way. Placed there by the user: stays, and the tag is wrong.
    known = Known(faces(p0_none=[(1, 10)], p7_auto=[(8, 10)]), names={7: "Ana"})
    decision = decide([claim(1, "Ana")], known)
    assert decision.freed == {8}
    assert told(decision) == {"Ana": (7, {1}, set())}
    known = Known(faces(p0_none=[(1, 10)], p7_user=[(8, 10)]), names={7: "Ana"})
    decision = decide([claim(1, "Ana")], known)
    assert not decision.changes
    assert [one.face_id for one in decision.overruled] == [1]
    known = Known(known.faces, known.names, exempt={10})
    assert told(decide([claim(1, "Ana")], known)) == {"Ana": (7, {1}, set())}


def test_whom_a_name_means_is_known_before_photos_are_looked_at():
    # A tag names the person whom the user has placed in another tag's photo.
    known = Known(faces(p3_user=[(1, 10), (2, 20)], p0_none=[(4, 20)]), touched={3})
    decision = decide([claim(1, "Ana"), claim(4, "Ana", 20)], known)
    assert decision.named == {3: "Ana"}
    assert told(decision) == {"Ana": (3, set(), set())}
    assert [one.face_id for one in decision.overruled] == [4]


def test_two_tags_of_one_name_on_two_real_faces_are_believed():
    known = Known(faces(p0_none=[(1, 10), (2, 10), (3, 10)]))
    decision = decide([claim(1, "Ana", 10), claim(2, "Ana", 10)], known)
    assert decision.exempt == {10}
    assert told(decision) == {"Ana": (0, {1, 2}, set())}
    decision = decide([claim(1, "Ana", 10, seen=False), claim(2, "Ana", 10)], known)
    assert not decision.exempt
    assert told(decision) == {"Ana": (0, {2}, set())}
    assert [one.face_id for one in decision.doubled] == [1]


def test_a_tag_that_made_way_does_not_come_in_at_the_second_import():
    """The first has made the photo exempt, for the two faces that are really there."""
    claims = [claim(n, "Ana", 10, seen=n < 3) for n in (1, 2, 3)]
    first = decide(claims, Known(faces(p0_none=[(1, 10), (2, 10), (3, 10)])))
    assert told(first) == {"Ana": (0, {1, 2}, set())}
    there = faces(p7_imported=[(1, 10), (2, 10)], p0_none=[(3, 10)])
    second = decide(claims, Known(there, names={7: "Ana"}, exempt={10}))
    assert not second.changes
    assert [one.face_id for one in second.doubled] == [3]


def test_a_second_import_has_nothing_to_do():
    known = Known(faces(p7_imported=[(1, 10), (2, 20)], p7_auto=[(3, 30)]), names={7: "Ana"})
    decision = decide([claim(1, "Ana"), claim(2, "Ana")], known)
    assert not decision.changes
    assert decision.known == 2


def test_a_tag_that_was_changed_changes_what_was_imported():
    known = Known(faces(p7_imported=[(1, 10), (2, 20)]), names={7: "Ana", 9: "Ben"})
    assert told(decide([claim(1, "Ben")], known)) == {"Ben": (9, {1}, set())}
    # The same name on another face of the photo: the old one makes way.
    known = Known(faces(p7_imported=[(1, 10)], p0_none=[(2, 10)]), names={7: "Ana"})
    decision = decide([claim(2, "Ana", 10)], known)
    assert decision.freed == {1}


def test_names():
    assert cleaned("  Ana \n María ") == "Ana María"
    assert cleaned("Zoe\u0308") == "Zo\u00eb"
    nobodys = ("", "  ", None, "Unknown", "UNCONFIRMED", "Ignored", "?")
    for nobody in (*nobodys, "person-12", "Person 12", "PERSON_12", "person12"):
        assert cleaned(nobody) == ""
    assert problem("Ana") is None
    assert "12" in problem("12")
    assert problem("New")
    assert problem("x" * 201)
    assert problem("a\x00b")
    assert (
        problem("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627") is None
    )  # Persian needs its joiners
    assert spelling(["ana", "Ana", "Ana"]) == "Ana"
    assert spelling(["ana", "Ana"]) == "ana"
