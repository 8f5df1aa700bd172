"""The pages that everything is asked of which is asked of every page: see everywhere.py.

A new kind of page needs one line in ADDRESSES; if it needs an organization of its own, one function in `Made` as well.
"""

from functools import cached_property
from typing import Callable, NamedTuple

from server import Organization
from world import later

# Something that ends a text and begins a program, wherever it is put.
HOSTILE = "x\"'></title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}${7*7}<!--"
# As long as it may be, and nowhere to break it.
LONG = "Wärmepumpenüberwachungszentralenverwaltungsgesellschaft" * 3

STATUSES = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")


class Address(NamedTuple):
    name: str
    path: Callable[["Made"], str]
    # What its tab may complain of: that a page that is not there is not there, say.
    forgive: str | None = None


ADDRESSES = [
    Address("outage", lambda made: "/status/kestrel"),
    Address("quiet", lambda made: f"/status/{made.quiet.slug}"),
    Address("empty", lambda made: f"/status/{made.empty.slug}"),
    Address("private", lambda made: f"/status/{made.private.slug}"),
    Address("hundred", lambda made: f"/status/{made.hundred.slug}"),
    Address("hostile", lambda made: f"/status/{made.hostile.slug}"),
    Address("long", lambda made: f"/status/{made.long.slug}"),
    Address("history", lambda made: "/status/kestrel/history"),
    Address("incident", lambda made: f"/status/kestrel/incidents/{made.told}"),
    Address("hostile incident", lambda made: f"/status/{made.hostile.slug}/incidents/{made.hostile_told}"),
    Address("lost", lambda made: "/status/nobody-at-all", forgive="404"),
    Address("widget", lambda made: "/status/kestrel/widget"),
]


class Made:
    """Organizations, each made when it is first asked for. Nobody changes them: tests that do have their own. Kestrel, of
    fixtures/demo.yaml, is there from the start."""

    def __init__(self, server):
        self.server = server

    @cached_property
    def quiet(self):
        org = Organization(self.server, "quiet", name="Northwind", time_zone="Europe/Lisbon")
        fill(org, {"Platform": ["API", "Dashboard", "Webhooks"], "Regions": ["Lisbon", "Oslo"], None: ["Documentation"]})
        return org

    @cached_property
    def empty(self):
        return Organization(self.server, "empty", name="Nothing Yet")

    @cached_property
    def private(self):
        org = Organization(self.server, "private", name="Discreet")
        org.make("services", name="Secret", visibility="private", status="major_outage")
        org.make("monitors", name="Secret", url="https://nobody.invalid/", enabled=False)
        return org

    @cached_property
    def told(self):
        """An incident of the demonstration with all there can be to one."""
        listed = self.server.ask("GET", "/api/v1/public/kestrel/incidents?limit=100")["items"]
        return max(listed, key=lambda incident: (bool(incident["postmortem"]), len(incident["updates"])))["id"]

    @cached_property
    def hostile_told(self):
        self.hostile
        listed = self.server.ask("GET", f"/api/v1/public/{self.hostile.slug}/incidents?limit=100")["items"]
        return next(incident["id"] for incident in listed if incident["postmortem"])

    @cached_property
    def hundred(self):
        org = Organization(self.server, "hundred", name="Hundred")
        fill(org, {f"Region {n}": [f"Service {n}.{m}" for m in range(1, 21)] for n in range(1, 6)})
        return org

    @cached_property
    def hostile(self):
        org = Organization(self.server, "hostile", name="Hostile")
        wrong(org, HOSTILE)
        return org

    @cached_property
    def long(self):
        org = Organization(self.server, "long", name="Long")
        wrong(org, LONG)
        return org


def fill(org, groups):
    """Services in groups. Their ids by name."""
    ids = {}
    for group, names in groups.items():
        group = group and org.make("groups", name=group, description=f"All of {group}.")["id"]
        for name in names:
            ids[name] = org.make("services", name=name, description=f"What {name} does.", group_id=group)["id"]
    return ids


def wrong(org, text):
    """Says it wherever an organization can say anything."""
    org.write("PATCH", "", name=text, description=text)
    group = org.make("groups", name=text, description=text)["id"]
    rows = [org.make("services", name=text, description=text, group_id=one)["id"] for one in (group, group, None)]
    org.make("monitors", name=text, url="https://nobody.invalid/", visibility="public", enabled=False)
    hit = [{"service_id": rows[0], "status": "partial_outage"}, {"name": text}]
    said = {"title": text, "description": text, "message": text}
    over = org.make("incidents", affected=hit, **said)["id"]
    org.make(f"incidents/{over}/resolve", message=text)
    org.write("PUT", f"incidents/{over}/postmortem", body=text)
    org.make("incidents", affected=hit, impact="critical", **said)
    org.make("maintenances", affected=hit, scheduled_start=later(60), scheduled_end=later(120), **said)
    begun = org.make("maintenances", affected=hit, scheduled_start=later(60), scheduled_end=later(120), **said)["id"]
    org.make(f"maintenances/{begun}/start")
    for branding in ({"logo_url": f"javascript:alert(1)//{text}"}, {"support_url": f"javascript:alert(1)//{text}"},
                     {"accent": f"red}}{text}"}, {"support_url": f"https://127.0.0.1/{text}"}):
        try:
            org.write("PATCH", "", branding=branding)
        except AssertionError:
            pass  # refused, which is as good
