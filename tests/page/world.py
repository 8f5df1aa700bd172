"""What the tests of the page have: a server with pages on it, and tabs that write down whatever a page must never do."""

import base64
import json
import re
import time
from urllib.parse import urlsplit

from chromium import until
from server import Organization

# Before anything of the page: nothing may be missed.
WATCH = """
window.wrongs = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  wrongs.push(`against the policy: ${violatedDirective} ${blockedURI}`));
for (const name of ["alert", "confirm", "prompt"]) window[name] = () => wrongs.push("a program that is not ours");
window.moves = [];
const about = (node) => node && (node.className || node.nodeName) + (node.dataset?.id ? ` ${node.dataset.id}` : "");
new PerformanceObserver((list) => moves.push(...list.getEntries().map(({ value, sources }) =>
  `${value.toFixed(4)} ${sources.map(({ node }) => about(node))}`))).observe({ type: "layout-shift", buffered: true });
"""

SCREENS = (320, 390, 640, 768, 927, 928, 1280, 1920)


class World:
    def __init__(self, server, browser):
        self.server, self.browser, self.tabs = server, browser, []

    def organization(self, slug, **more):
        return Organization(self.server, slug, **more)

    def open(self, path, **how):
        page = Page(self, path, **how)
        self.tabs.append(page)
        return page

    def close(self):
        """Nothing may have happened in any tab that must not happen."""
        wrongs = [f"{page.path}: {wrong}" for page in self.tabs for wrong in page.wrongs()]
        for page in self.tabs:
            page.close()
        self.tabs = []
        assert not wrongs, "\n".join(wrongs)


class Page:
    """An address in a tab, the way somebody looks at it."""

    def __init__(self, world, path, width=1280, height=900, scheme="light", media="", zone="Europe/Berlin", locale="en-GB",
                 scripts=True, touch=False, sharpness=1, forgive=None, blocked=(), first=""):
        self.world, self.path, self.forgive, self.scripts, self.scheme = world, path, forgive, scripts, scheme
        self.sharpness = sharpness

        def before(tab):
            self.tab = tab
            for domain in ("Log", "Accessibility"):
                tab.ask(f"{domain}.enable")
            tab.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCH + first)
            tab.ask("Emulation.setTimezoneOverride", timezoneId=zone)
            tab.ask("Emulation.setLocaleOverride", locale=locale)
            tab.ask("Emulation.setScrollbarsHidden", hidden=True)  # as on a phone: what is 320 wide is 320 wide
            self.size(width, height)
            self.seen(scheme, media)
            if blocked:
                tab.ask("Network.setBlockedURLs", urls=list(blocked))
            if touch:
                tab.ask("Emulation.setTouchEmulationEnabled", enabled=True)
            if not scripts:
                tab.ask("Emulation.setScriptExecutionDisabled", value=True)

        world.browser.open(world.server.address + path, before=before, alone=True)
        until(f"{path} to be there", lambda: self.tab.told("Page.loadEventFired"))

    def size(self, width, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": self.sharpness, "mobile": False}
        self.tab.ask("Emulation.setDeviceMetricsOverride", **size)

    def seen(self, scheme="light", media="", motion="no-preference"):
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]
        self.tab.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def run(self, script):
        return self.tab.run(script)

    def wait(self, what, script, seconds=20):
        return until(what, lambda: self.run(script), seconds, lambda: f"{self.run('document.body.innerText')}\n{self.wrongs()}")

    def text(self, selector):
        """What somebody reads there; nothing if it is not shown."""
        return self.run(f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').trim()")

    def reads(self, selector, text, seconds=20):
        """Waits until something can be read there."""
        script = f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})"
        self.wait(f"{text!r} in {selector}", script, seconds)

    def count(self, selector):
        return self.run(f"document.querySelectorAll({json.dumps(selector)}).length")

    def is_shown(self, selector):
        return self.run(f"!!document.querySelector({json.dumps(selector)})?.checkVisibility()")

    def live(self):
        """Waits until it follows: the server has answered its socket."""
        until("the page to be live", lambda: self.frames())
        return self

    def frames(self):
        """What came over its sockets."""
        return [json.loads(told["response"]["payloadData"]) for told in self.tab.told("Network.webSocketFrameReceived")]

    # Hands

    def press(self, *keys):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36, "ArrowLeft": 37,
                 "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        for key in keys:
            shift, key = (8, key[6:]) if key.startswith("Shift+") else (0, key)
            what = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key], "modifiers": shift}
            text = {"text": "\r"} if key == "Enter" else {}
            self.tab.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **what, **text)
            self.tab.ask("Input.dispatchKeyEvent", type="keyUp", **what)

    def box(self, selector):
        script = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        return self.run(f"(({{ left, top, width, height }}) => ({{ left, top, width, height }}))({script})")

    def point(self, x, y):
        self.tab.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector):
        box = self.box(selector)
        where = {"x": box["left"] + box["width"] / 2, "y": box["top"] + box["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.tab.ask("Input.dispatchMouseEvent", type=kind, **where)

    def tap(self, x, y):
        self.tab.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.tab.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def picture(self):
        """All of it, as PNG."""
        size = self.tab.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.tab.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    # What must not be

    def wrongs(self):
        found = list(self.run("window.wrongs ?? []")) if self.scripts else []
        for told in self.tab.told("Runtime.exceptionThrown"):
            details = told["exceptionDetails"]
            found.append(f"error: {details.get('exception', {}).get('description') or details['text']}")
        for told in self.tab.told("Runtime.consoleAPICalled"):
            if told["type"] in ("error", "warning", "assert"):
                found.append(f"console: {told['type']} {[one.get('value', one.get('description')) for one in told['args']]}")
        for told in self.tab.told("Log.entryAdded"):
            if (entry := told["entry"])["level"] in ("error", "warning"):
                found.append(f"log: {entry['text']} {entry.get('url', '')}")
        asked = [told["request"]["url"] for told in self.tab.told("Network.requestWillBeSent")]
        asked += [told["url"] for told in self.tab.told("Network.webSocketCreated")]
        own = urlsplit(self.world.server.address).netloc
        found += [f"asks {url}" for url in asked if urlsplit(url).netloc not in (own, "")]
        return [wrong for wrong in found if not (self.forgive and re.search(self.forgive, wrong))]

    def close(self):
        self.tab.close()


def later(minutes):
    """A time as the API wants it."""
    return time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time.time() + 60 * minutes))
