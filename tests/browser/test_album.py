"""What people do with the pages, done by a real browser, and checked in the library, too."""

import sqlite3
from contextlib import closing

import pytest

pytestmark = pytest.mark.browser


def rows(server, query, *values):
    with closing(sqlite3.connect(server[1])) as raw:
        return raw.execute(query, values).fetchall()


def faces_of(server, person):
    query = "SELECT face_id FROM assignment WHERE person_id = ? ORDER BY face_id"
    return [row[0] for row in rows(server, query, person)]


def first_person(page):
    page.goto("/people")
    return int(page.locator(".card").first.get_attribute("href").rsplit("/", 1)[1])


def choose(page, text):
    """Pick somebody in the dialog, or give a new name."""
    page.locator("#picker input").fill(text)
    page.locator("#picker li").first.wait_for()
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")


def test_naming_somebody_and_taking_it_back(page, server, shot):
    shot("people")
    who = first_person(page)
    page.goto(f"/people/{who}")
    page.fill("input[name=name]", "Ana <b>Müller</b>")
    page.click("text=Save name")
    page.locator("h1", has_text="Ana <b>Müller</b>").wait_for()
    assert rows(server, "SELECT name FROM person WHERE id = ?", who) == [("Ana <b>Müller</b>",)]
    page.locator(".message", has_text="Named").wait_for()
    shot("person")
    page.click(".message button")
    page.locator(".message", has_text="Undone").wait_for()
    assert page.locator("h1").inner_text() == f"Person {who}"
    assert rows(server, "SELECT name FROM person WHERE id = ?", who) == [(None,)]


def test_a_birth_date_and_a_gender(page, server):
    who = first_person(page)
    page.goto(f"/people/{who}")
    page.fill("input[name=born]", "1955-06")
    page.click("text=Save birth date")
    page.locator("figcaption", has_text="You said: 1955-06").wait_for()
    page.wait_for_load_state("networkidle")
    page.select_option("select[name=gender]", "f")
    page.locator(".message", has_text="female").wait_for()
    said = rows(server, "SELECT born_override, gender_override FROM person WHERE id = ?", who)
    assert said == [("1955-06", "f")]


def test_splitting_moving_and_rejecting_faces(page, server):
    who = first_person(page)
    before = faces_of(server, who)
    page.goto(f"/people/{who}")
    page.locator(".pick").nth(0).check()
    page.locator(".pick").nth(1).check()
    assert page.locator("#selection .number").inner_text() == "2"
    page.click("[data-faces=split]")
    page.locator(".message", has_text="Split faces").wait_for()
    assert len(faces_of(server, who)) == len(before) - 2

    page.locator(".pick").nth(0).check()
    page.click("[data-faces=reject]")
    page.locator(".message", has_text="Noted that face").wait_for()
    assert len(faces_of(server, who)) == len(before) - 3

    page.locator(".pick").nth(0).check()
    page.click("[data-faces=move]")
    choose(page, "Somebody New")
    page.locator(".message", has_text="Somebody New").wait_for()
    assert rows(server, "SELECT count(*) FROM person WHERE name = 'Somebody New'") == [(1,)]

    for _ in range(3):
        page.click(".undo")
        page.locator(".message", has_text="Undone").first.wait_for()
    assert faces_of(server, who) == before


def test_merging_two_who_share_photos_is_asked_twice(page, server):
    who = first_person(page)
    page.goto(f"/people/{who}")
    other = int(page.locator(".chips a").first.get_attribute("href").rsplit("/", 1)[1])
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.click("[data-merge]")
    choose(page, str(other))
    page.wait_for_timeout(500)
    assert "would be twice in" in asked[0]
    assert "--force" not in asked[0]
    assert faces_of(server, other)


def test_merging_two_who_are_one(page, server):
    pairs = """SELECT a.id, b.id FROM person a JOIN person b ON a.id < b.id
        WHERE a.photos > 3 AND b.photos > 3 AND NOT EXISTS (
            SELECT 1 FROM assignment x JOIN face f ON f.id = x.face_id
            JOIN face g ON g.photo_id = f.photo_id JOIN assignment y ON y.face_id = g.id
            WHERE x.person_id = a.id AND y.person_id = b.id) LIMIT 1"""
    ((one, other),) = rows(server, pairs)
    together = sorted(faces_of(server, one) + faces_of(server, other))
    page.goto(f"/people/{one}")
    page.click("[data-merge]")
    choose(page, str(other))
    page.locator(".message", has_text="Merged").wait_for()
    assert faces_of(server, one) == together
    assert page.goto(f"/people/{other}").status == 404
    page.goto("/people")
    page.click(".undo")
    page.locator(".message", has_text="Undone").wait_for()
    assert faces_of(server, other)


def test_the_photo_page(page, server, shot):
    page.goto("/search?q=faces 15..")
    page.locator(".card").first.click()
    page.locator(".boxes .box").first.wait_for()
    shot("photo")
    boxes = page.locator(".boxes .box")
    face = int(boxes.first.get_attribute("data-face"))
    boxes.first.focus()
    page.keyboard.press("Enter")
    choose(page, "Zoë Example")
    page.locator(".who a", has_text="Zoë Example").wait_for()
    query = "SELECT name FROM person JOIN assignment ON person_id = id WHERE face_id = ?"
    assert rows(server, query, face) == [("Zoë Example",)]


def test_twenty_questions_by_keyboard(page, server, shot):
    page.goto("/review?names=true")
    shot("review")
    page.on("dialog", lambda dialog: dialog.accept())
    ready = page.locator("#questions[aria-busy=false]")
    question = page.locator(".question:not([hidden])")
    asked = []
    for number in range(20):
        ready.wait_for()
        asked.append(question.get_attribute("data-key"))
        name = question.get_attribute("data-kind") == "name"
        page.keyboard.press("s" if name else "ny"[number % 2])
    ready.wait_for()
    assert question.get_attribute("data-key") != asked[-1]
    assert answers(server) >= 18  # a merge may settle a later question, which is then not stored
    before = changes(server)
    assert before
    page.keyboard.press("u")
    page.locator(".message", has_text="Undone").wait_for()
    ready.wait_for()
    assert changes(server) == before - 1


def test_a_stroke_too_many_is_no_answer(page, server):
    """Keys that come while the last answer is being stored were never meant for what follows."""
    page.goto("/review")
    page.locator("#questions[aria-busy=false]").wait_for()
    page.evaluate(
        "for (const key of 'nnn') document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { key, bubbles: true }))"
    )
    page.locator(".message").wait_for()
    page.locator("#questions[aria-busy=false]").wait_for()
    assert changes(server) == 1


def changes(server):
    return rows(server, "SELECT count(*) FROM event WHERE NOT undone")[0][0]


def answers(server):
    """How many questions were answered or skipped, as the library has it."""
    said = rows(server, "SELECT count(*) FROM event")[0][0]
    told = rows(server, "SELECT value FROM setting WHERE key = 'suggest.skipped'")
    return said + (len(told[0][0].split()) if told else 0)


def test_searching(page, server, shot):
    page.goto("/people")
    page.keyboard.press("/")
    page.keyboard.type("1970..1979")
    page.keyboard.press("Enter")
    page.locator("h1", has_text="1970..1979").wait_for()
    shot("search")
    expected = rows(
        server,
        "SELECT count(*) FROM photo WHERE taken_at >= '1970-01-01' AND taken_at < '1980-01-01'"
        " AND date_source != 'mtime'",
    )[0][0]
    assert int(page.locator("h1 small").inner_text().split()[0]) == expected


def test_the_map(page, shot):
    page.goto("/map")
    page.locator("#map-people li").first.wait_for()
    shot("map")
    box = page.locator("canvas").bounding_box()
    corners = [(5, 5), (box["width"] - 5, 5), (box["width"] - 5, box["height"] - 5),
               (5, box["height"] - 5), (5, 6)]  # fmt: skip
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    for x, y in corners:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    number = int(page.locator("#selection .number").inner_text())
    assert number == page.locator("#map-list .pick:checked").count() > 100


def test_long_lists_go_on_where_the_page_ends(page, server):
    page.goto("/people?group=all")
    total = int(page.locator("h1 small").inner_text().replace("\u202f", ""))
    assert page.locator(".card").count() <= 120 < total
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    last = page.locator(".block").last
    last.locator(".card").first.wait_for()
    assert page.locator(".pages").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(browser, server, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(base_url=server[0], color_scheme=scheme)
    page = context.new_page()
    person = rows(server, "SELECT id FROM person ORDER BY photos DESC LIMIT 1")[0][0]
    for path in ("/people", f"/people/{person}", "/photos/1", "/review", "/map", "/library",
                 "/search?q=1975", "/people/999999"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found = axe.run(page)
        told = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found.response["violations"]]
        assert told == [], path
    context.close()


def test_a_narrow_screen_does_not_scroll_sideways(browser, server):
    context = browser.new_context(base_url=server[0], viewport={"width": 390, "height": 800})
    page = context.new_page()
    for path in ("/people", "/people/1", "/photos/1", "/review", "/library", "/search?q=1975"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
    context.close()
