"""What people do with the pages, done by a real browser, and checked in the library, too."""

import sqlite3
import time
from contextlib import closing, contextmanager

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


@contextmanager
def anew(page):
    """Do something after which the page is loaded anew, and wait until that is ready."""
    page.evaluate("document.documentElement.dataset.old = 'yes'")
    yield
    page.locator("html[data-ready]:not([data-old])").wait_for()


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
        with anew(page):
            page.click(".undo")
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
    page.goto("/review")
    shot("review")
    page.on("dialog", lambda dialog: dialog.accept())
    ready = page.locator("#questions[aria-busy=false]")
    question = page.locator(".question:not([hidden])")
    said, asked = [], []
    for number in range(60):
        ready.wait_for()
        if len(said) == 20:
            break
        asked.append(question.get_attribute("data-key"))
        before = changes(server)
        page.keyboard.press("ny"[number % 2])
        page.locator(f".question[data-key='{asked[-1]}']:not([hidden])").wait_for(state="detached")
        ready.wait_for()
        # Another answer may have settled it meanwhile; then it is refused, and what is left asked.
        said += range(changes(server) - before)
    assert len(said) == 20 == changes(server)
    assert len(set(asked)) == len(asked)
    page.keyboard.press("u")
    page.locator(".message", has_text="Undone").wait_for()
    ready.wait_for()
    assert changes(server) == 19


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


def lasso(page, spots):
    """Draw a loop around places in the canvas of the map."""
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + spots[0][0], box["y"] + spots[0][1])
    page.mouse.down()
    for x, y in (*spots[1:], spots[0]):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()


def test_the_map_with_a_loop_around_everything(page, shot):
    page.goto("/map")
    page.locator("#map-people li").first.wait_for()
    shot("map")
    box = page.locator("canvas").bounding_box()
    right, low = box["width"] - 5, box["height"] - 5
    lasso(page, [(5, 5), (right, 5), (right, low), (5, low)])
    number = int(page.locator("#selection .number").inner_text())
    assert number == page.locator("#map-list .pick:checked").count() > 100


def test_a_loop_on_the_map_splits_somebody(page, server, shot):
    """The left half of a person's faces becomes somebody else."""
    who = first_person(page)
    before = faces_of(server, who)
    page.goto(f"/map?people={who}")
    page.locator("#map-people li").first.wait_for()
    box = page.locator("canvas").bounding_box()
    half, low = box["width"] / 2, box["height"] - 5
    lasso(page, [(5, 5), (half, 5), (half, low), (5, low)])
    chosen = {
        int(one.get_attribute("value")) for one in page.locator("#map-list .pick:checked").all()
    }
    assert 0 < len(chosen) < len(before)
    shot("map-chosen")
    with anew(page):
        page.click("[data-faces=split]")
    assert set(faces_of(server, who)) == set(before) - chosen
    query = "SELECT DISTINCT person_id FROM assignment WHERE face_id IN (SELECT value FROM "
    query += "json_each(?))"
    assert len(rows(server, query, str(sorted(chosen)))) == 1
    with anew(page):
        page.click(".message button")
    assert faces_of(server, who) == before


def test_a_box_around_a_missed_face(page, server, shot):
    photo = rows(
        server,
        "SELECT photo_id FROM face GROUP BY photo_id HAVING count(*) > 4"
        " AND min(x0) > 200 AND min(y0) > 200 LIMIT 1",
    )[0][0]
    page.goto(f"/photos/{photo}")
    page.locator(".stage img").wait_for()
    frame = page.locator(".boxes").bounding_box()
    width, height = rows(server, "SELECT width, height FROM photo WHERE id = ?", photo)[0]
    page.click("#draw")
    assert page.locator("#draw-hint").is_visible()
    page.mouse.move(frame["x"] + 5, frame["y"] + 5)
    page.mouse.down()
    page.mouse.move(frame["x"] + 45, frame["y"] + 50, steps=5)
    shot("draw")
    page.mouse.up()
    choose(page, "Aunt Missed")
    page.locator(".message", has_text="Marked a face of Aunt Missed").wait_for()
    page.locator(".who a", has_text="Aunt Missed").wait_for()
    query = """SELECT x0, y0, x1, y1, source FROM face JOIN assignment ON face_id = face.id
        JOIN person ON person.id = person_id WHERE name = 'Aunt Missed' AND photo_id = ?"""
    ((*box, source),) = rows(server, query, photo)
    scale = width / frame["width"]
    expected = [5 * scale, 5 * height / frame["height"], 45 * scale, 50 * height / frame["height"]]
    assert source == "user"
    assert box == pytest.approx(expected, abs=3 * scale)
    page.click(".undo")
    page.locator(".message", has_text="Undone").wait_for()
    assert rows(server, query, photo) == []
    assert page.locator(".who a", has_text="Aunt Missed").count() == 0


def test_a_face_is_no_longer_somebody(page, server):
    page.goto("/search?q=faces 4..6")
    page.locator(".card").first.click()
    button = page.locator("[data-not]").first
    face = int(button.get_attribute("data-not"))
    ((who,),) = rows(server, "SELECT person_id FROM assignment WHERE face_id = ?", face)
    button.click()
    page.locator(".message", has_text="Noted that face").wait_for()
    rejected = "SELECT count(*) FROM rejection WHERE face_id = ? AND person_id = ?"
    assert rows(server, rejected, face, who) == [(1,)]
    assert f"Not Person {who}" not in page.locator(f".who [data-face='{face}']").inner_text()


def test_a_date_is_said_on_the_page_of_a_photo(page, server):
    page.goto("/photos/1")
    page.click("summary")
    page.fill("input[name=date]", "1984-05")
    page.click("text=Say when")
    page.locator(".message", has_text="1984-05").wait_for()
    assert page.locator("figcaption strong").first.inner_text() == "1984-05"
    assert rows(server, "SELECT date_precision FROM date_override") == [("month",)]


def test_a_click_before_the_scripts_are_there_is_done_when_they_are(browser, server):
    """The script of the page comes late; the button was there before."""
    who = rows(server, "SELECT id FROM person ORDER BY photos DESC LIMIT 1")[0][0]
    context = browser.new_context(base_url=server[0])
    page = context.new_page()
    held = []

    def hold(route):
        held.append(route)

    page.route("**/static/album.js*", hold)
    page.goto(f"/people/{who}", wait_until="commit")
    page.fill("input[name=name]", "Early")
    page.click("text=Save name")
    assert not page.locator("html[data-ready]").count()
    for route in held:
        route.continue_()
    page.locator("h1", has_text="Early").wait_for()
    assert rows(server, "SELECT name FROM person WHERE id = ?", who) == [("Early",)]
    context.close()


def test_names_are_text_wherever_they_appear(page, server):
    """A name that would run as a script where it was taken for markup."""
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    who = first_person(page)
    name = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    page.goto(f"/people/{who}")
    page.fill("input[name=name]", name)
    page.click("text=Save name")
    page.locator("h1", has_text=name).wait_for()
    for path in ("/people", f"/people/{who}", "/review", "/library", f"/search?q=%23{who}", "/map"):
        page.goto(path)
        page.locator("html[data-ready]").wait_for()
        page.wait_for_load_state("networkidle")
        if path == "/map":
            page.locator("#map-people li", has_text=name).wait_for()
        assert page.locator("img[src=x]").count() == 0
    page.goto("/photos/1")
    page.locator("[data-who]").first.click()
    page.locator("#picker input").fill("onerror")
    page.locator("#picker li", has_text=name).wait_for()


def test_the_library_page_follows_an_index(page, server, shot):
    page.goto("/library")
    page.locator("html[data-ready]").wait_for()
    assert page.locator("#indexing").is_hidden()
    state = {"pid": 1, "started": time.time() - 60, "at": time.time(), "total": 4000, "done": 1000,
             "faces": 2345, "failed": 3, "phase": "reading"}  # fmt: skip

    def beat(**values):
        with closing(sqlite3.connect(server[1])) as raw:
            row = {**state, **values, "at": time.time()}
            names = ", ".join(row)
            marks = ", ".join(f":{name}" for name in row)
            raw.execute(
                f"INSERT OR REPLACE INTO index_progress (id, {names}) VALUES (1, {marks})", row
            )
            raw.commit()

    beat()
    page.locator("#indexing .told", has_text="of 4\u202f000 files").wait_for()
    assert "2\u202f345 faces, 3 unreadable · about 3 min left" in page.locator(".told").inner_text()
    shot("library")
    beat(phase="grouping")
    page.locator("#indexing .told", has_text="Grouping").wait_for()
    with closing(sqlite3.connect(server[1])) as raw:
        raw.execute("DELETE FROM index_progress")
        raw.commit()
    page.locator("#indexing").wait_for(state="hidden")


def test_long_lists_go_on_where_the_page_ends(page, server):
    page.goto("/people?group=all")
    total = int(page.locator("h1 small").inner_text().replace("\u202f", ""))
    assert page.locator(".card").count() <= 120 < total
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    last = page.locator(".block").last
    last.locator(".card").first.wait_for()
    assert page.locator(".pages").count() == 0


def test_a_selection_outlives_scrolling(page, server):
    """What has left the page is still chosen when it comes back."""
    person = max(rows(server, "SELECT faces, id FROM person"))[1]
    with closing(sqlite3.connect(server[1])) as raw:  # one person with everybody's faces: long
        raw.execute("UPDATE assignment SET person_id = ?", (person,))
        raw.commit()
    page.goto(f"/people/{person}")
    page.locator("html[data-ready]").wait_for()
    total = int(page.locator("[data-grid]").get_attribute("data-total"))
    assert total > 500
    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    block = page.locator(".block:has(.pick)").first
    block.locator(".pick").first.wait_for()
    at = block.get_attribute("data-at")
    block.locator(".pick").first.check()
    page.locator("h1").first.focus()
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.locator(f".block[data-at='{at}']:not(:has(.pick))").wait_for(state="attached")
    assert page.locator(".face").count() < total / 2
    assert page.locator("#selection .number").inner_text() == "1"
    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    page.locator(f".block[data-at='{at}'] .pick:checked").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(browser, server, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(base_url=server[0], color_scheme=scheme)
    page = context.new_page()
    person = rows(server, "SELECT id FROM person ORDER BY photos DESC LIMIT 1")[0][0]
    for path in ("/people", f"/people/{person}", "/photos/1", "/review?names=true", "/map",
                 "/library", "/dates", "/search?q=1975", "/people/999999"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found = axe.run(page)
        told = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found.response["violations"]]
        assert told == [], path
    context.close()


def test_a_narrow_screen_does_not_scroll_sideways(browser, server):
    context = browser.new_context(base_url=server[0], viewport={"width": 390, "height": 800})
    page = context.new_page()
    for path in ("/people", "/people/1", "/photos/1", "/review", "/map", "/library", "/dates",
                 "/search?q=1975"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
    context.close()
