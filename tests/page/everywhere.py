"""What is promised of every page there is: those of addresses.py."""

import axe
from addresses import ADDRESSES, HOSTILE
from world import SCREENS

# What reaches over an edge, without what is hidden, or scrolls by itself.
CUT = """
[...document.querySelectorAll("main *, header *, footer *")].filter((el) => {
  const { left, right, width } = el.getBoundingClientRect();
  return width > 1 && !el.closest(".vh, .skip, pre, .wide table, svg") && (right > document.documentElement.clientWidth + 1 || left < -1);
}).slice(0, 3).map((el) => `${el.className || el.nodeName} ${el.textContent.slice(0, 40)}`)
"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What is hard to read on paper: less than 4.5 times as dark.
PALE = """
[...document.querySelectorAll("main :is(h1, h2, h3, h4, p, .word)")].filter((el) => el.checkVisibility()).filter((el) => {
  const [r, g, b] = (getComputedStyle(el).color.match(/[\\d.]+/g) ?? []).map((part) => (part / 255) ** 2.2);
  return getComputedStyle(el).color.startsWith("rgb") && 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.183;
}).slice(0, 3).map((el) => `${el.className} ${getComputedStyle(el).color} ${el.textContent.slice(0, 40)}`)
"""
# What an organization must not be able to put into a page.
STRANGE = """
[...document.querySelectorAll("script:not([src='/assets/page.js'], #state), img, iframe, object, embed, base, form,"
  + "meta[http-equiv], [onclick], [onerror], [onload],"
  + "[style]:not(.bar, .pop), a[href^='javascript:' i]")].map((el) => el.outerHTML)
"""


def everywhere(world, **how):
    for name, path, forgive in ADDRESSES:
        page = world.open(path(world.made), forgive=forgive, **how)
        yield name, page
        world.close()


def no_page_complains_or_asks_another_host(world):
    for scheme in ("light", "dark"):
        for _, page in everywhere(world, scheme=scheme):
            page.wait("everything to be fetched", "document.readyState === 'complete'")
            if page.count("#state"):
                page.live()


def no_page_is_wider_than_its_screen(world):
    wide = []
    for name, page in everywhere(world):
        for width in SCREENS:
            page.size(width)
            over, cut = page.run(WIDER), page.run(CUT)
            if over > 0 or cut:
                wide.append(f"{name} at {width}: {over} px, {cut}")
    assert not wide, "\n".join(wide)


def nobody_is_shut_out_of_any_page(world, **how):
    found = []
    for scheme in ("light", "dark"):
        for name, page in everywhere(world, scheme=scheme, **how):
            # A widget is a clock in somebody else's page: it is fetched anew because it runs no program.
            found += [f"{name}, {scheme}: {one}" for one in axe.violations(page)
                      if not (name == "widget" and one.startswith("meta-refresh"))]
    assert not found, "\n".join(found)


def nobody_is_shut_out_on_a_phone(world):
    nobody_is_shut_out_of_any_page(world, width=390, height=844, touch=True)


def nobody_is_shut_out_without_the_program(world):
    found = []
    for name, page in everywhere(world, blocked=["*/assets/page.js"]):
        page.forgive = "|".join(filter(None, [page.forgive, "page.js"]))
        found += [f"{name}: {one}" for one in axe.violations(page) if not (name == "widget" and one.startswith("meta-refresh"))]
    assert not found, "\n".join(found)


def every_page_can_be_printed(world):
    for name, page in everywhere(world, scheme="dark"):
        printed = page.tab.ask("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)["data"]
        assert printed.startswith("JVBER"), name  # %PDF
        page.seen("dark", "print", motion="reduce")
        behind = page.run("getComputedStyle(document.body).backgroundColor")
        ink = page.run("getComputedStyle(document.body).color")
        assert (behind, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)"), f"{name}: {ink} on {behind}"
        assert not (pale := page.run(PALE)), f"{name}: too light for paper: {pale}"


def a_page_that_has_not_changed_since_is_as_whole_as_before(world):
    page = world.open("/status/kestrel").live()
    before = page.run("[document.body.innerText, getComputedStyle(document.body).backgroundColor]")
    page.run("window.same = true; 0")
    page.tab.ask("Page.reload")
    page.wait("it to be there again", "!window.same && document.readyState === 'complete'")
    assert not page.wrongs(), page.wrongs()
    assert page.run("[document.body.innerText, getComputedStyle(document.body).backgroundColor]") == before


def no_page_jumps_while_it_opens(world):
    for width in (1280, 390):
        for name, page in everywhere(world, width=width):
            # A time that becomes shorter may need a line less. Below a tenth is what the web calls good.
            moves = page.run("moves")
            assert sum(float(move.split()[0]) for move in moves) < 0.1, f"{name} at {width}: {moves}"


def what_an_organization_writes_is_text_everywhere(world):
    path = f"/status/{world.made.hostile.slug}"
    for scripts in (True, False):
        page = world.open(path, scripts=scripts)
        if scripts:
            page.live()
        text = page.run("document.body.innerText")
        # Name, two groups of rows, three cards, what is over: each with more than one text.
        assert text.count(HOSTILE) > 20, f"{text.count(HOSTILE)} times in {text}"
        assert page.run("document.title").startswith(HOSTILE)
        assert not (strange := page.run(STRANGE)), strange
        world.close()


TESTS = [
    no_page_complains_or_asks_another_host, no_page_is_wider_than_its_screen, nobody_is_shut_out_of_any_page,
    nobody_is_shut_out_on_a_phone, nobody_is_shut_out_without_the_program, every_page_can_be_printed,
    a_page_that_has_not_changed_since_is_as_whole_as_before, no_page_jumps_while_it_opens, what_an_organization_writes_is_text_everywhere,
]
