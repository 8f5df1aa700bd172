"""An open page changes as what it shows does, without being fetched again."""

import difflib
import json
import time

from addresses import HOSTILE, STATUSES, fill, wrong
from chromium import until
from everywhere import STRANGE
from world import later

# What a page shows, as text and shape, without what grows by itself, and without what is said to who listens.
OUTLINE = """
(() => {
  const left = ".updated, .percent, #said, #connection, template, script, .pop, .days";
  const line = (el, depth) => {
    if (el.matches(left) || el.hidden) return [];
    const own = [...el.childNodes].map((node) => (node.nodeType === 3 ? node.textContent.trim() : "")).join("");
    const names = ["id", "href", "data-id", "datetime", "aria-labelledby"].filter((name) => el.hasAttribute(name));
    const at = names.map((name) => ` ${name}=${el.getAttribute(name)}`).join("");
    const mark = [...el.classList].sort().map((name) => `.${name}`).join("");
    const here = `${" ".repeat(depth)}${el.nodeName}${mark}${at} ${own}`;
    return [here, ...[...el.children].flatMap((child) => line(child, depth + 1))];
  };
  const icon = document.querySelector("#icon").getAttribute("href");
  return [document.title, icon, ...line(document.querySelector("main"), 0)].join("\\n");
})()
"""
HEARD = """
window.heard = [];
new MutationObserver(() => heard.push(document.querySelector("#said").textContent))
  .observe(document.querySelector("#said"), { childList: true, characterData: true, subtree: true });
"""
ROWS = """
JSON.stringify([...document.querySelectorAll(".service, .service .status, .bar, .percent, .group > header")].map((el) => {
  const { left, top, width, height } = el.getBoundingClientRect();
  return [el.dataset.id ?? el.className.split(" ")[0], left, top, width, height];
}))
"""
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


# What is fetched is told to be old, and the page says so, as the server would have it.
AS_IF_THE_DATABASE_WERE_AWAY = """
window.away = true;
const fetched = window.fetch;
window.fetch = async (...what) => {
  const answer = await fetched(...what);
  return window.away ? new Response(null, { headers: { "stale-since": new Date().toISOString() } }) : answer;
};
new MutationObserver((_, observer) => {
  const line = document.querySelector("#stale");
  if (line) observer.disconnect() ?? (line.hidden = false);
}).observe(document, { childList: true, subtree: true });
"""
# What is done every minute or more is done at once.
IMPATIENT = """
const patient = window.setTimeout;
window.setTimeout = (what, ms, ...more) => patient(what, ms >= 60_000 ? 50 : ms, ...more);
"""


class Open:
    """An organization, and two people who look at its page."""

    def __init__(self, world, name, **how):
        self.world, self.org = world, world.organization(name, name="Northwind", time_zone="Europe/Berlin")
        self.path = f"/status/{self.org.slug}"
        self.ids = fill(self.org, {"Compute": ["API", "Builds"], "Data": ["Postgres", "Storage"], None: ["Documentation"]})
        self.pages = [world.open(self.path, **how).live() for _ in range(2)]
        for page in self.pages:
            page.run(f"window.same = true; {HEARD}; 0")

    def status(self, name, status):
        self.org.write("PATCH", f"services/{self.ids[name]}", status=status)

    def read(self, selector, text):
        for page in self.pages:
            page.reads(selector, text)

    def are_right(self, seconds=20):
        """They show exactly what is shown to who comes now; and were not fetched again."""
        for page in self.pages:
            fresh = self.world.open(self.path)
            wanted = fresh.run(OUTLINE)
            fresh.close()
            self.world.tabs.remove(fresh)
            if page.run(OUTLINE) != wanted:
                until("the page to be as a new one", lambda: page.run(OUTLINE) == wanted, seconds,
                      lambda: differing(wanted, page.run(OUTLINE)))
            assert page.run("window.same"), "the page was fetched again"


def differing(wanted, shown):
    lines = wanted.split("\n"), shown.split("\n")
    return "\n".join(difflib.unified_diff(*lines, "a new page", "the open page", n=1, lineterm=""))


def a_page_says_that_it_may_be_old_until_one_from_now_would_not(world):
    both = Open(world, "stale", first=AS_IF_THE_DATABASE_WERE_AWAY)
    for page in both.pages:
        assert page.is_shown("#stale"), "a stream alone does not know that what it says is new"
    asked, changed = both.pages
    asked.run("window.away = false; 0")
    until("the page to have asked again", lambda: not asked.is_shown("#stale"), 20)
    assert changed.is_shown("#stale")
    both.status("API", "degraded_performance")
    until("the change to be shown as new", lambda: not changed.is_shown("#stale"))
    both.are_right()


def two_open_tabs_show_each_change_of_a_service(world):
    both = Open(world, "services")
    row = f"[data-id='{both.ids['API']}']"
    both.read("h1", "All systems operational")
    for status, tone, word, sentence in (
        ("degraded_performance", "degraded", "Degraded", "Some systems are degraded"),
        ("partial_outage", "partial", "Partial outage", "Partial outage"),
        ("major_outage", "major", "Major outage", "Major outage"),
        ("under_maintenance", "maintenance", "Maintenance", "Maintenance in progress"),
        ("operational", "operational", "Operational", "All systems operational"),
    ):
        both.status("API", status)
        both.read(f"{row} .status", word)
        both.read("h1", sentence)
        for page in both.pages:
            assert page.run(f"document.querySelector(\"{row} use\").getAttribute('href')") == f"#i-{tone}"
            assert page.text(".group .status") == word, "the worst of a group is the group's"
            assert page.run("document.title") == f"Northwind status: {sentence}"
            assert page.run("document.querySelector('#icon').getAttribute('href')") == f"/assets/icon-{tone}.svg"
        both.are_right()
    for page in both.pages:
        assert page.run(f"document.querySelector(\"{row} .d-major\").getAttribute('d').includes('M89 ')"), "today was that bad"


def two_open_tabs_show_the_life_of_an_incident(world):
    both = Open(world, "incident")
    affected = [{"service_id": both.ids["Storage"], "status": "partial_outage"}]
    first = {"title": "Errors when writing", "impact": "major", "message": "We look.\nTwice."}
    made = both.org.make("incidents", affected=affected, **first)
    both.read("#active h3", "Errors when writing")
    both.read("#active .affected", "Storage")
    both.read("h1", "Partial outage")
    both.are_right()
    both.org.make(f"incidents/{made['id']}/updates", message="A disk was full.", status="identified")
    both.read("#active .updates", "A disk was full.")
    both.are_right()
    both.org.write("PATCH", f"incidents/{made['id']}", title="Errors when writing to storage")
    both.read("#active h3", "Errors when writing to storage")
    other = both.org.make("incidents", title="Slow builds", impact="minor", message="We look.")["id"]
    both.read("#active", "Slow builds")
    both.are_right()
    both.org.make(f"incidents/{made['id']}/resolve", message="All is well.")
    both.read("#past", "All is well.")
    both.are_right()
    both.org.make(f"incidents/{other}/resolve", message="Fast again.")
    both.read("h1", "All systems operational")
    both.read("#past", "Fast again.")
    both.are_right()
    assert all(not page.is_shown("#active") for page in both.pages)


def two_open_tabs_show_the_life_of_a_maintenance(world):
    both = Open(world, "maintenance")
    plan = {"scheduled_start": later(60), "scheduled_end": later(120)}
    affected = [{"service_id": both.ids["Postgres"], "status": "under_maintenance"}]
    made = both.org.make("maintenances", title="New disks", message="Nothing to do.", affected=affected, **plan)["id"]
    both.read("#upcoming h3", "New disks")
    both.are_right()
    both.org.make(f"maintenances/{made}/start")
    both.read("#active h3", "New disks")
    both.read("h1", "Maintenance in progress")
    both.are_right()
    assert all(not page.is_shown("#upcoming") for page in both.pages)
    both.org.make(f"maintenances/{made}/complete")
    both.read("h1", "All systems operational")
    both.read("#past", "New disks")
    both.are_right()
    made = both.org.make("maintenances", title="A mistake", affected=affected, **plan)["id"]
    both.read("#upcoming", "A mistake")
    both.org.make(f"maintenances/{made}/cancel")
    both.read("body", "All systems operational")
    for page in both.pages:
        # What is said to who listens may still be about its beginning.
        parts = "[...document.querySelectorAll('#active, #upcoming, #past')]"
        page.wait("it to be gone", f"!{parts}.some((part) => part.innerText.includes('A mistake'))")
    both.are_right()


def two_open_tabs_show_services_and_groups_that_come_and_go(world):
    both = Open(world, "rows")
    ids = {group["name"]: group["id"] for group in both.org.public()["groups"]}
    queues = {"name": "Queues", "description": "First in, first out.", "group_id": ids["Data"]}
    both.ids["Queues"] = both.org.make("services", **queues)["id"]
    both.read("#groups", "Queues")
    both.are_right()
    both.org.write("PATCH", f"services/{both.ids['Documentation']}", group_id=ids["Compute"], name="Manual")
    both.read("#groups", "Manual")
    both.are_right()
    order = ("Storage", "Queues", "Postgres", "Builds", "API", "Documentation")
    both.org.make("services/reorder", ids=[both.ids[name] for name in order])
    both.org.write("PATCH", f"groups/{ids['Data']}", name="Data and queues", description="")
    both.read("#groups", "Data and queues")
    both.are_right()
    for name in both.ids:
        both.org.write("DELETE", f"services/{both.ids[name]}")
    both.read("h1", "Nothing to show yet")
    both.are_right()
    made = both.org.make("incidents", title="Our office is closed", impact="major")["id"]
    both.read("h1", "Partial outage")  # there is nothing else to tell how it is
    both.are_right()
    both.org.make(f"incidents/{made}/resolve")
    both.read("h1", "Nothing to show yet")
    both.are_right()


def each_change_is_said_in_one_sentence(world):
    both = Open(world, "said")
    both.status("API", "partial_outage")
    for page in both.pages:
        page.wait("it to be said", "heard.length")
    made = both.org.make("incidents", title="It is down", impact="none")["id"]
    both.org.make(f"incidents/{made}/updates", message="Still.", status="identified")
    for page in both.pages:
        page.wait("it to be said", "heard.length > 1 && heard.at(-1).includes('Identified')")
        said = page.run("heard")
        assert len(said) <= 3 and all(one.count(".") == 1 and one.endswith(".") for one in said), said
        assert "API: Partial outage" in said[0] and "New incident: It is down" in " ".join(said), said
        assert page.run("document.querySelector('#said').getAttribute('aria-live')") == "polite"
        assert page.count("[aria-live]") == 1


def a_hundred_rows_stay_where_they_are_when_their_status_changes(world):
    org = world.organization("still", name="Hundred")
    ids = list(fill(org, {f"Region {n}": [f"Service {n}.{m}" for m in range(1, 21)] for n in range(1, 6)}).values())
    pages = [world.open(f"/status/{org.slug}", width=width, height=900).live() for width in (1280, 390)]
    before = [page.run(f"moves = []; {ROWS}") for page in pages]
    for turn, status in enumerate((*STATUSES[1:], STATUSES[0])):
        for service in ids[turn::9]:
            org.write("PATCH", f"services/{service}", status=status)
        tone = {"under_maintenance": "maintenance"}.get(status, status.split("_")[0])
        for page, was in zip(pages, before):
            last = f"[data-id='{ids[turn::9][-1]}'] .s-{tone}"
            page.wait("the last of them", f"document.querySelector(\"{last}\") !== null")
            assert page.run(ROWS) == was, f"rows moved when they became {status}"
    for page in pages:
        page.run(DRAWN)
        assert not page.run("moves"), page.run("moves")


def who_reads_further_down_is_not_moved_by_what_happens_above(world):
    org = world.organization("reader", name="Reader")
    ids = list(fill(org, {"Region": [f"Service {m}" for m in range(1, 41)]}).values())
    page = world.open(f"/status/{org.slug}", height=600).live()
    page.run("document.querySelectorAll('.service')[20].scrollIntoView({ block: 'center' }); 0")
    page.run(DRAWN)
    where = "document.querySelectorAll('.service')[20].getBoundingClientRect().top"
    before = page.run(f"moves = []; {where}")
    affected = [{"service_id": ids[3], "status": "major_outage"}]
    made = org.make("incidents", title="It is down", affected=affected, message="We look.")["id"]
    page.reads("#active", "We look.")
    org.make(f"incidents/{made}/updates", message="Line.\n" * 5, status="identified")
    page.reads("#active", "Line.")
    page.run(DRAWN)
    after = page.run(where)
    assert abs(after - before) < 1 and not page.run("moves"), (before, after, page.run("moves"))


def a_page_that_has_its_state_is_not_sent_it_again(world):
    both = Open(world, "resumes")
    for page in both.pages:
        asked = [told["url"] for told in page.tab.told("Network.webSocketCreated")]
        assert len(asked) == 1 and "epoch=" in asked[0] and "seq=" in asked[0], asked
    both.status("API", "partial_outage")
    both.read("h1", "Partial outage")
    for page in both.pages:
        kinds = [frame["type"] for frame in page.frames()]
        assert kinds.count("event") == 1 and "snapshot" not in kinds, kinds


def a_killed_server_is_waited_for_and_the_page_is_right_again(world):
    both = Open(world, "killed", forgive="WebSocket connection|ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE")
    for page in both.pages:
        page.run("""window.lost = []; const line = document.querySelector("#connection");
          new MutationObserver(() => lost.push([line.checkVisibility(), Date.now()])).observe(line, { attributes: true }); 0""")
    at = time.time()
    world.server.end()
    try:
        for page in both.pages:
            page.wait("the loss to be told", "lost.some(([shown]) => shown)")
            shown = page.run("lost.find(([shown]) => shown)[1]") / 1000 - at
            assert 4.9 < shown < 8, f"told after {shown} s"
            assert page.text("#connection") == "Reconnecting…"
    finally:
        world.server.start()
    # While nobody listened.
    affected = [{"service_id": both.ids["API"], "status": "major_outage"}]
    both.org.make("incidents", title="We were away", message="Sorry.", affected=affected)
    for page in both.pages:
        page.reads("#active", "We were away", 60)
        page.wait("no word of it any more", "!document.querySelector('#connection').checkVisibility()", 60)
    both.are_right()
    both.status("Builds", "degraded_performance")
    both.read(f"[data-id='{both.ids['Builds']}'] .status", "Degraded")
    both.are_right()


def what_an_organization_writes_live_is_text(world):
    org = world.organization("live-hostile", name="Nobody")
    page = world.open(f"/status/{org.slug}").live()
    page.run("window.same = true; 0")
    org.make("services", name="Fine")
    page.reads("#groups", "Fine")
    wrong(org, HOSTILE)
    page.reads("#upcoming", HOSTILE)
    page.reads("#past", HOSTILE)
    page.wait("the name", f"document.title.startsWith({json.dumps(HOSTILE)})")
    assert page.run("document.body.innerText").count(HOSTILE) > 20
    page.run("document.querySelector('.bar').focus(); 0")
    page.press("End")
    assert HOSTILE in page.text(".pop"), page.text(".pop")
    strange = page.run(STRANGE)
    assert not strange and page.run("window.same"), strange


def an_open_page_fetches_anew_what_checks_found(world):
    page = world.open("/status/kestrel", first=IMPATIENT).live()
    before = page.text("#checks")
    assert "Response times" in before and " ms" in before.replace("\u202f", " "), before
    page.run("document.querySelector('#checks').isOld = true; 0")
    page.wait("it to be another", "!document.querySelector('#checks').isOld")
    assert page.text("#checks") == before and page.count("#checks") == 1
    without = world.open(f"/status/{world.made.quiet.slug}", first=IMPATIENT).live()
    assert not without.is_shown("#checks")
    asked = lambda tab: [told["request"]["url"] for told in tab.told("Network.requestWillBeSent")]
    until("it to be fetched again", lambda: sum(url.endswith("/checks") for url in asked(page.tab)) > 3)
    assert not any(url.endswith("/checks") for url in asked(without.tab)), "nobody asks for what there is not"


def a_page_that_was_open_for_a_day_is_fetched_anew_when_looked_at(world):
    both = Open(world, "old")
    page, other = both.pages
    page.run("const now = Date.now; Date.now = () => now() + 90e6; document.dispatchEvent(new Event('visibilitychange')); 0")
    page.wait("a new page", "!window.same && document.readyState === 'complete' && !!document.querySelector('footer')")
    other.run("document.dispatchEvent(new Event('visibilitychange')); 0")
    page.live()
    assert other.run("window.same"), "one that is not old is left alone"


TESTS = [
    a_page_says_that_it_may_be_old_until_one_from_now_would_not,
    two_open_tabs_show_each_change_of_a_service, two_open_tabs_show_the_life_of_an_incident,
    two_open_tabs_show_the_life_of_a_maintenance, two_open_tabs_show_services_and_groups_that_come_and_go,
    each_change_is_said_in_one_sentence, a_hundred_rows_stay_where_they_are_when_their_status_changes,
    who_reads_further_down_is_not_moved_by_what_happens_above, a_page_that_has_its_state_is_not_sent_it_again,
    a_killed_server_is_waited_for_and_the_page_is_right_again, what_an_organization_writes_live_is_text,
    an_open_page_fetches_anew_what_checks_found, a_page_that_was_open_for_a_day_is_fetched_anew_when_looked_at,
]
