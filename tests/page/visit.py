"""Somebody looks at a page: without programs, from elsewhere, by keyboard, mouse and finger."""

import json
import re

# Where the keyboard is, and whether that can be seen.
ACTIVE = """
(() => {
  const el = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(el);
  const { top, bottom, width } = el.getBoundingClientRect();
  return {
    name: el.className || el.nodeName, text: el.textContent.trim().slice(0, 40),
    at: [...document.querySelectorAll("*")].indexOf(el),
    ring: outlineStyle === "none" ? 0 : parseFloat(outlineWidth), seen: width > 0 && bottom > 0 && top < innerHeight,
  };
})()
"""
# The bar of the API, which has had bad days.
BAR = "[...document.querySelectorAll('.service')].find((el) => el.innerText.startsWith('API')).querySelector('.bar')"
BAD_DAY = "API requests time out"
BARS = """
[...document.querySelectorAll(".bar")].map((bar) =>
  [bar.getAttribute("role"), bar.getAttribute("aria-label"), bar.querySelectorAll("path").length])
"""
TIMES = """
[...document.querySelectorAll("main time")].filter((el) => el.checkVisibility()).map((el) => [el.dateTime, el.innerText])
"""
FULL_TIMES = """
(() => {
  const wanted = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short", timeZone: "America/New_York" });
  const shown = [...document.querySelectorAll("main time[data-format=full]")].filter((el) => el.checkVisibility());
  return shown.map((el) => [el.innerText, wanted.format(new Date(el.dateTime))].map((text) => text.replace(/\\s/g, " ")));
})()
"""


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def everything_is_there_without_a_program(world):
    shown = world.server.ask("GET", "/api/v1/public/kestrel")
    for width in (1280, 390):
        page = world.open("/status/kestrel", scripts=False, width=width)
        text = squeezed(page.run("document.body.innerText"))
        assert page.text("h1") == "Partial outage", page.text("h1")
        assert "Europe/Berlin" in page.text("footer")
        wanted = [shown["name"]]
        for item in shown["groups"] + shown["services"]:
            wanted += [item["name"], item["description"]]
        for incident in shown["active"]:
            wanted += [incident["title"], *(update["message"] for update in incident["updates"])]
            wanted += [affected["name"] for affected in incident["affected"]]
        for plan in shown["upcoming"]:
            wanted += [plan["title"], *(update["message"] for update in plan["updates"][-1:])]
        assert shown["active"] and shown["upcoming"], "the demonstration has some of each"
        missing = [one for one in wanted if squeezed(one).strip() not in text]
        assert not missing, f"{missing} is not in {text}"
        rows = len(shown["services"])
        words = page.run("[...document.querySelectorAll('.service .status')].map((el) => el.innerText.trim())")
        assert len(words) == rows == page.count(".service .status use[href^='#i-']") and all(words), words
        percents = page.run("[...document.querySelectorAll('.service .percent')].map((el) => el.innerText.trim())")
        assert len(percents) == rows and all(re.fullmatch(r"[\d.]+\s%", one) for one in percents), percents
        bars = page.run(BARS)
        assert all(role == "img" and "over 90 days" in label and 0 < paths < 7 for role, label, paths in bars), bars
        graphs = page.run("[...document.querySelectorAll('.graph')].map((el) => [el.getAttribute('role'), el.getAttribute('aria-label')])")
        assert len(graphs) == 3 and all(role == "img" and "over the last 24 hours" in label for role, label in graphs), graphs
        assert page.count("#past .past") >= 1 and "No incidents reported" in text
        times = page.run(TIMES)
        assert all(at and said for at, said in times) and any("CE" in said for _, said in times), times
        world.close()


def times_are_the_visitors(world):
    page = world.open("/status/kestrel", zone="America/New_York", locale="en-US").live()
    assert "America/New_York" in page.text("#zone")
    shown = page.run(FULL_TIMES)
    assert shown and all(said == wanted for said, wanted in shown), shown
    page = world.open("/status/kestrel", locale="de-DE").live()
    assert re.search(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d", page.text("#active .updates time")), page.text("#active .updates time")
    assert page.run("document.querySelector('#active .updates time').lang").startswith("de")


def dark_is_dark_and_light_is_light(world):
    for scheme, is_dark in (("light", False), ("dark", True)):
        page = world.open("/status/kestrel", scheme=scheme)
        behind, ink = page.run("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
        bright = lambda colour: sum(map(int, re.findall(r"\d+", colour)[:3])) > 382
        assert bright(ink) == is_dark and bright(behind) != is_dark, (scheme, behind, ink)


def the_keyboard_gets_everywhere_and_shows_where_it_is(world):
    page = world.open("/status/kestrel", height=700).live()
    page.press("Tab")
    first = page.run(ACTIVE)
    assert first["name"] == "skip" and first["seen"], first
    page.press("Enter")
    page.wait("the content", "document.activeElement.id === 'main'")
    page.press("Tab")
    assert page.run("document.querySelector('main').contains(document.activeElement)"), "what was skipped is behind"
    page = world.open("/status/kestrel", height=700).live()
    stops = "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')]"
    wanted = page.run(f"{stops}.filter((el) => el.checkVisibility()).length")
    way = []
    while len(way) <= wanted + 60:  # open days have links of their own
        page.press("Tab")
        here = page.run(ACTIVE)
        if here["name"] in ("BODY", "HTML", "skip") and way:
            break
        way.append(here)
    assert len(way) >= wanted, f"{len(way)} of {wanted}: {way}"
    assert all(here["ring"] >= 2 for here in way), [one for one in way if one["ring"] < 2]
    assert all(here["seen"] for here in way), [one for one in way if not one["seen"]]
    bars = [here["at"] for here in way if here["name"] == "bar"]
    assert len(bars) == page.count(".bar") and bars == sorted(bars), bars


def days_are_looked_through_with_arrow_keys(world):
    page = world.open("/status/kestrel").live()
    page.run(f"{BAR}.focus(); 0")
    value = lambda: page.run(f"Number({BAR}.getAttribute('aria-valuenow'))")
    said = lambda: page.run(f"{BAR}.getAttribute('aria-valuetext')")
    assert page.run(f"{BAR}.getAttribute('role')") == "slider" and value() == 90
    page.press("ArrowLeft", "ArrowLeft")
    assert value() == 88 and page.count(".pop") == 1
    page.press("ArrowRight")
    assert value() == 89
    page.press("Home")
    assert value() == 1
    page.press("End", "ArrowRight")
    assert value() == 90
    page.press("PageDown")
    assert value() < 90 and "downtime" in said() and "incident" in said(), said()
    pop = page.text(".pop")
    assert "of downtime" in pop and BAD_DAY in pop, pop
    page.press("Tab")
    assert page.run("document.activeElement.innerText") == BAD_DAY
    page.press("Escape")
    assert page.count(".pop") == 0 and page.run(f"document.activeElement === {BAR}")
    page.press("ArrowLeft")
    assert page.count(".pop") == 1
    page.press("Escape")
    assert page.count(".pop") == 0


def a_mouse_finds_the_day_it_points_at(world):
    page = world.open("/status/kestrel").live()
    page.run(f"{BAR}.scrollIntoView({{ block: 'center' }}); {BAR}.id = 'bar'; 0")
    box = page.box("#bar")
    days = json.loads(page.run("document.querySelector('#bar').dataset.days"))
    day = next(index for index, _, seconds, *_ in reversed(days) if seconds)
    page.point(box["left"] + (day + 0.4) * box["width"] / 90, box["top"] + box["height"] / 2)
    page.wait("the day", f"document.querySelector('.pop')?.innerText.includes('{BAD_DAY}')")
    pop = page.box(".pop")
    page.point(pop["left"] + pop["width"] / 2, pop["top"] + pop["height"] / 2)
    page.run("new Promise((done) => setTimeout(done, 400))")
    assert page.count(".pop") == 1, "the day can be reached"
    page.point(5, 5)
    page.wait("it to be gone", "!document.querySelector('.pop')")


def a_finger_finds_the_day_it_means(world):
    page = world.open("/status/kestrel", width=390, height=844, touch=True).live()
    page.run(f"{BAR}.scrollIntoView({{ block: 'center' }}); {BAR}.id = 'bar'; 0")
    box = page.box("#bar")
    days = json.loads(page.run("document.querySelector('#bar').dataset.days"))
    day = next(index for index, _, seconds, *_ in reversed(days) if seconds)
    page.tap(box["left"] + day * box["width"] / 90 - 5, box["top"] + box["height"] / 2)  # beside it
    page.wait("the day", f"document.querySelector('.pop')?.innerText.includes('{BAD_DAY}')")
    pop = page.box(".pop")
    assert pop["left"] >= 0 and pop["left"] + pop["width"] <= 390, pop
    page.tap(10, 10)
    page.wait("it to be gone", "!document.querySelector('.pop')")


TESTS = [
    everything_is_there_without_a_program, times_are_the_visitors, dark_is_dark_and_light_is_light,
    the_keyboard_gets_everywhere_and_shows_where_it_is, days_are_looked_through_with_arrow_keys,
    a_mouse_finds_the_day_it_points_at, a_finger_finds_the_day_it_means,
]
