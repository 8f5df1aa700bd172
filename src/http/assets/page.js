// @ts-check
/**
 * Makes an open status page live: shows times the way the visitor reads them, tells what a day of an uptime bar was like,
 * and follows what changes. The page is whole without it; where it has no state (history, one incident), nothing is followed.
 *
 * What it adds is cloned from the `<template>`s that the server puts into the document, and text is only ever text. What
 * website checks found is no part of what is followed: it is fetched now and then, as the server draws it.
 *
 * @module
 */

import { follow } from "./live.js";

/**
 * @typedef {import("./live.js").Page} Page
 * @typedef {import("./live.js").Service} Service
 * @typedef {import("./live.js").Incident} Incident
 * @typedef {import("./live.js").Event} Change
 * @typedef {import("./live.js").State} State
 * @typedef {[index: number, tone: string, downtimeSeconds?: number, incidents?: [id: string, title: string][]]} Day
 */

/** How services, days, groups and all of it can be, from best to worst; `none`: nobody has looked. */
const TONES = ["none", "operational", "maintenance", "degraded", "partial", "major"];

/** @type {Record<string, string>} */
const SENTENCES = {
  none: "Nothing to show yet", operational: "All systems operational", maintenance: "Maintenance in progress",
  degraded: "Some systems are degraded", partial: "Partial outage", major: "Major outage",
};

/** @type {Record<string, [tone: string, word: string]>} */
const IMPACTS = {
  none: ["none", "No impact"], minor: ["degraded", "Minor impact"], major: ["partial", "Major impact"],
  critical: ["major", "Critical impact"],
};

const DAYS = 90;

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const FORMATS = {
  time: { timeStyle: "short" }, day: { dateStyle: "long" }, full: { dateStyle: "medium", timeStyle: "short" },
  range: { dateStyle: "medium", timeStyle: "short" },
};

const root = document.documentElement;
const DAY_MS = 86_400_000;

/** What is sure to be there. @param {string} selector @param {ParentNode} [within] @returns {HTMLElement} */
function find(selector, within = document) {
  const found = within.querySelector(selector);
  if (!found) throw new Error(`no ${selector}`);
  return /** @type {HTMLElement} */ (found);
}

/** @param {string} selector @param {ParentNode} [within] */
const all = (selector, within = document) => /** @type {HTMLElement[]} */ ([...within.querySelectorAll(selector)]);

/** The word for each tone, and how a day of that tone is drawn: what the key below the services says. */
const KEY = new Map(all(".key [data-tone]").map((li) => [li.dataset.tone ?? "", { word: li.textContent ?? "", drawn: find("path", li).getAttribute("d") ?? "" }]));

/** @param {string} tone */
const label = (tone) => KEY.get(tone)?.word ?? tone;

/** @param {string} name @returns {HTMLElement} */
function part(name) {
  const template = /** @type {HTMLTemplateElement} */ (find(`#t-${name}`));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}

/** Writes only what is new: selections stay, and nothing is laid out for nothing. @param {HTMLElement} el @param {string} text */
function put(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** The tone of a status as the API names it: `partial_outage` is `partial`. @param {string | null | undefined} status */
const toneOf = (status) => TONES.find((tone) => status?.includes(tone)) ?? "none";

/** @param {string[]} tones */
const worst = (tones) => TONES[Math.max(0, ...tones.map((tone) => TONES.indexOf(tone)))];

/** @param {string} status */
const wordOf = (status) => status.charAt(0).toUpperCase() + status.slice(1).replaceAll("_", " ");

/** Colour and shape. @param {HTMLElement} el @param {string} tone */
function paint(el, tone) {
  for (const other of TONES) el.classList.toggle(`s-${other}`, other === tone);
  find("use", el).setAttribute("href", `#i-${tone}`);
}

// Times

/** What times are written in; not always what the browser says that its user reads. */
const LOCALE = new Intl.DateTimeFormat().resolvedOptions().locale;

/** @type {Map<string, Intl.DateTimeFormat>} making them is slow, using them is not */
const formatters = new Map();

/** @param {string} format @param {boolean} isDate a date is the same day everywhere */
function formatter(format, isDate) {
  const key = `${format} ${isDate}`;
  const made = formatters.get(key) ?? new Intl.DateTimeFormat([], { ...FORMATS[format], ...(isDate && { timeZone: "UTC" }) });
  formatters.set(key, made);
  return made;
}

/** @param {HTMLElement} el a `<time>` @param {string} [at] @param {string | null} [end] */
function showTime(el, at, end) {
  const time = /** @type {HTMLTimeElement} */ (el);
  if (at) {
    if (time.dateTime === at && (time.dataset.end ?? null) === (end ?? null)) return;
    time.dateTime = at;
    if (end) time.dataset.end = end;
    else delete time.dataset.end;
  }
  const [from, to] = [new Date(time.dateTime), new Date(time.dataset.end ?? time.dateTime)];
  if (Number.isNaN(+from) || Number.isNaN(+to)) return;
  // Hours of different days are told apart by their dates.
  const wide = time.dataset.format === "time" && from.toDateString() !== to.toDateString();
  const format = formatter(wide ? "range" : time.dataset.format ?? "full", time.dateTime.length === 10);
  put(time, to > from ? format.formatRange(from, to) : format.format(from));
  if (!/^en\b/.test(LOCALE)) time.lang = LOCALE;
}

/** @param {number} seconds */
function duration(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  const parts = [[Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "min"]];
  return parts.filter(([n]) => n).slice(0, 2).map((both) => both.join("\u00a0")).join(" ");
}

/** The day it is somewhere. @param {string} timeZone */
const today = (timeZone) => new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format();

// Uptime bars, and the one popover that tells about their days

/** @type {WeakMap<HTMLElement, Map<number, Day>>} */
const known = new WeakMap();

/** The days of a bar that were not perfect. @param {HTMLElement} bar */
function daysOf(bar) {
  const days = known.get(bar) ?? new Map(JSON.parse(bar.dataset.days || "[]").map((/** @type {Day} */ day) => [day[0], day]));
  known.set(bar, days);
  return days;
}

/** @param {HTMLElement} bar */
function ready(bar) {
  // It is looked through with the arrow keys, and says where it is: that is what a slider does.
  const state = { role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": DAYS };
  for (const [name, value] of Object.entries(state)) bar.setAttribute(name, `${value}`);
  point(bar, DAYS - 1);
}

/** @param {HTMLElement} bar @param {number} index @returns {{date: string, tone: string, text: string, incidents: [string, string][]}} */
function dayOf(bar, index) {
  const date = new Date(Date.parse(bar.dataset.until ?? "") - (DAYS - 1 - index) * DAY_MS).toISOString().slice(0, 10);
  const [, tone, seconds, incidents = []] = daysOf(bar).get(index) ?? [index, "operational"];
  return { date, tone, text: seconds ? `${duration(seconds)} of downtime` : "", incidents };
}

/** @param {HTMLElement} bar @param {number} index */
function point(bar, index) {
  const { date, tone, text, incidents: { length } } = dayOf(bar, index);
  bar.setAttribute("aria-valuenow", `${index + 1}`);
  const words = [formatter("day", true).format(new Date(date)), label(tone), text, length && `${length} ${length > 1 ? "incidents" : "incident"}`];
  bar.setAttribute("aria-valuetext", words.filter(Boolean).join(", "));
}

/** @param {HTMLElement} bar */
const pointed = (bar) => Number(bar.getAttribute("aria-valuenow")) - 1;

/** Today was at least this bad: moves its piece to the path of that. @param {HTMLElement} bar @param {string} tone @param {[string, string][]} incidents */
function worsen(bar, tone, incidents) {
  const paths = /** @type {SVGPathElement[]} */ ([...bar.querySelectorAll("path")]);
  const last = new RegExp(`M${DAYS - 1} [^M]*`, "g");
  const old = paths.find((path) => path.getAttribute("d")?.match(last));
  const was = old?.getAttribute("class")?.slice(2) ?? "none";
  const days = daysOf(bar);
  const [, , seconds, others = []] = days.get(DAYS - 1) ?? [];
  if (TONES.indexOf(tone) > TONES.indexOf(was)) {
    old?.setAttribute("d", old.getAttribute("d")?.replace(last, "") ?? "");
    let path = paths.find((path) => path.classList.contains(`d-${tone}`));
    if (!path) {
      path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", `d-${tone}`);
      find("svg", bar).append(path);
    }
    path.setAttribute("d", (path.getAttribute("d") ?? "") + KEY.get(tone)?.drawn.replaceAll("M0 ", `M${DAYS - 1} `));
  } else {
    tone = was;
  }
  if (tone === "operational") days.delete(DAYS - 1);
  else days.set(DAYS - 1, [DAYS - 1, tone, seconds, [...new Map([...others, ...incidents])]]);
}

/** @type {HTMLElement | null} the bar whose popover is open */
let open = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;

function bars() {
  const pop = part("pop");

  /** @param {HTMLElement} bar @param {number} index */
  function show(bar, index) {
    clearTimeout(leaving);
    if (open === bar && pointed(bar) === index) return;
    if (open !== bar) hide();
    open = bar;
    const { date, tone, text, incidents } = dayOf(bar, index);
    showTime(find("time", pop), date);
    paint(find(".status", pop), tone);
    put(find(".word", pop), label(tone));
    put(find(".downtime", pop), text);
    find(".downtime", pop).hidden = !text;
    sync(find("ul", pop), incidents.map(([id, title]) => ({ id, title })), "pop-incident", (el, item) => link(find("a", el), item));
    find("ul", pop).hidden = !incidents.length;
    point(bar, index);
    const at = (index + 0.375) / DAYS;
    bar.dataset.at = `${index}`;
    bar.style.setProperty("--at", `${100 * at}`);
    bar.after(pop); // so that Tab goes from the day to its incidents
    pop.style.left = "0";
    const [around, own, width] = [bar.getBoundingClientRect(), pop.getBoundingClientRect(), root.clientWidth];
    const left = Math.max(8, Math.min(width - own.width - 8, around.left + at * around.width - own.width / 2));
    pop.style.left = `${left - own.left}px`;
    pop.classList.toggle("up", around.bottom + own.height + 12 > innerHeight && around.top > own.height + 12);
  }

  function hide() {
    clearTimeout(leaving);
    if (!open) return;
    delete open.dataset.at;
    open = null;
    pop.remove();
  }

  /** The day under the pointer; a finger means the day nearby where there was something. @param {HTMLElement} bar @param {PointerEvent | MouseEvent} event */
  function under(bar, event) {
    const { left, width } = bar.getBoundingClientRect();
    const index = Math.max(0, Math.min(DAYS - 1, Math.floor(((event.clientX - left) / width) * DAYS)));
    if (!("pointerType" in event) || event.pointerType === "mouse") return index;
    const near = [...daysOf(bar).values()].filter(([, tone]) => tone !== "none").map(([day]) => day);
    near.sort((a, b) => Math.abs(a - index) - Math.abs(b - index));
    return near.length && Math.abs(near[0] - index) * (width / DAYS) <= 10 ? near[0] : index;
  }

  /** @param {globalThis.Event} event @param {string} selector */
  const within = (event, selector) => /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.(selector));

  addEventListener("pointermove", (event) => {
    const bar = within(event, ".bar");
    if (pop.contains(document.activeElement)) return;
    if (bar) show(bar, under(bar, event));
    else if (within(event, ".pop")) clearTimeout(leaving);
    else if (open && event.pointerType === "mouse" && open !== document.activeElement) {
      clearTimeout(leaving);
      leaving = setTimeout(hide, 200); // time to reach the popover
    }
  });
  addEventListener("click", (event) => {
    const bar = within(event, ".bar");
    if (bar) show(bar, under(bar, event));
    else if (!within(event, ".pop")) hide();
    for (const menu of all("details.subscribe[open]")) if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  });
  addEventListener("focusin", (event) => {
    const bar = within(event, ".bar");
    if (bar?.matches(":focus-visible")) show(bar, pointed(bar));
    else if (!bar && !within(event, ".pop")) hide();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = within(event, "details.subscribe[open]");
      if (menu) find("summary", menu).focus();
      menu?.removeAttribute("open");
      if (within(event, ".pop")) open?.focus();
      return hide();
    }
    const bar = within(event, ".bar");
    if (!bar || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = pointed(bar);
    const odd = [...daysOf(bar).keys()].sort((a, b) => a - b);
    const next = {
      ArrowLeft: index - 1, ArrowDown: index - 1, ArrowRight: index + 1, ArrowUp: index + 1, Home: 0, End: DAYS - 1,
      PageDown: odd.findLast((day) => day < index) ?? 0, PageUp: odd.find((day) => day > index) ?? DAYS - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(bar, Math.max(0, Math.min(DAYS - 1, next)));
  });
}

// The parts of the page

/** @param {HTMLElement} a @param {{id: string, title: string}} incident */
function link(a, { id, title }) {
  put(a, title);
  a.setAttribute("href", `${root.dataset.incidents}${encodeURIComponent(id)}`);
}

/**
 * Makes the children of an element these items. What stays is not moved, so focus stays where it is.
 * @template {{id: string}} T
 * @param {HTMLElement} list @param {T[]} items @param {string} template @param {(el: HTMLElement, item: T) => void} draw
 * @param {Map<string | undefined, HTMLElement>} [elsewhere] elements that may move here
 */
function sync(list, items, template, draw, elsewhere) {
  const ids = new Set(items.map(({ id }) => id));
  const old = new Map(/** @type {HTMLElement[]} */ ([...list.children]).map((el) => [el.dataset.id, el]));
  for (const [id, el] of old) if (!ids.has(id ?? "")) el.remove();
  let next = list.firstElementChild;
  for (const item of items) {
    const el = old.get(item.id) ?? elsewhere?.get(item.id) ?? part(template);
    el.dataset.id = item.id;
    if (el === next) next = el.nextElementSibling;
    else list.insertBefore(el, next);
    draw(el, item);
  }
}

/** @param {Incident} incident @returns {[tone: string, word: string]} */
function weigh({ kind, impact, status }) {
  if (kind === "maintenance") return ["maintenance", wordOf(status)];
  const tone = toneOf(impact);
  return IMPACTS[impact] ?? [tone, label(tone)];
}

/** @param {HTMLElement} card @param {Incident} incident */
function drawCard(card, incident) {
  card.id = incident.id; // where links to it lead
  const [tone, word] = weigh(incident);
  const planned = incident.kind === "maintenance" && incident.scheduled_start;
  const affected = incident.affected.map(({ name }) => name).join(", ");
  const updates = [...incident.updates].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  paint(card, tone);
  link(find("h3 a", card), incident);
  put(find(".meta .word", card), word);
  find(".started", card).hidden = !!planned;
  find(".window", card).hidden = !planned;
  if (planned) showTime(find(".window time", card), planned, incident.scheduled_end);
  else showTime(find(".started time", card), incident.started_at);
  put(find(".affected span", card), affected);
  find(".affected", card).hidden = !affected;
  put(find(".description", card), incident.description);
  find(".description", card).hidden = !incident.description;
  const shown = card.closest("#upcoming") ? updates.slice(0, 1) : updates;
  sync(find(".updates", card), shown, "update", (el, { status, message, at }) => {
    put(find(".word", el), wordOf(status));
    put(find(".message", el), message);
    showTime(find("time", el), at);
  });
}

/** @param {HTMLElement} el @param {Incident} incident */
function drawPast(el, incident) {
  el.id = incident.id;
  paint(el, weigh(incident)[0]);
  link(find("a", el), incident);
  put(find(".word", el), wordOf(incident.status));
  const end = incident.resolved_at ?? incident.updated_at;
  showTime(find("time", el), incident.started_at, end);
  put(find(".length", el), duration((Date.parse(end) - Date.parse(incident.started_at)) / 1000));
  const [last] = [...incident.updates].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  put(find(".message", el), last?.message ?? "");
}

/** @param {HTMLElement} el @param {string} tone */
function drawStatus(el, tone) {
  paint(el, tone);
  put(find(".word", el), label(tone));
}

/** @param {Page} page */
function drawServices(page) {
  const rows = new Map(all(".service").map((row) => [row.dataset.id, row]));
  const groups = new Set(page.groups.map(({ id }) => id));
  const old = today(page.time_zone) !== day;
  const listed = [...page.groups, { id: "", name: "Other services", description: "" }].map((group) => ({
    ...group, services: page.services.filter(({ group_id: id }) => (id && groups.has(id) ? id : "") === group.id),
  })).filter(({ services }) => services.length);
  sync(find("#groups"), listed, "group", (section, { id, name, description, services }) => {
    const heading = find("h3", section);
    put(heading, name);
    heading.id = `group-${id}`;
    section.setAttribute("aria-labelledby", heading.id);
    find("header", section).classList.toggle("vh", !id);
    put(find("header .quiet", section), description);
    find("header .quiet", section).hidden = !description;
    drawStatus(find("header .status", section), worst(services.map(({ status }) => toneOf(status))));
    sync(find("ul", section), services, "service", (row, service) => drawService(row, service, page, old), rows);
  });
  find("#services").hidden = !listed.length;
  find("#empty").hidden = !!listed.length || !!page.active.length || !find("#checks").hidden;
}

/** @param {HTMLElement} row @param {Service} service @param {Page} page @param {boolean} old */
function drawService(row, { id, name, description, status }, page, old) {
  const [tone, bar] = [toneOf(status), find(".bar", row)];
  put(find(".name", row), name);
  put(find(".description", row), description);
  find(".description", row).hidden = !description;
  drawStatus(find(".status", row), tone);
  if (!bar.dataset.until) {
    // New: the template's bar knows of no days yet.
    bar.dataset.until = day;
    bar.dataset.days = JSON.stringify(Array.from({ length: DAYS }, (_, index) => [index, "none"]));
    bar.setAttribute("aria-label", `${name}: no data yet`);
    ready(bar);
  }
  if (old) return; // the last day of the bar is not today any more
  const hits = page.active.filter(({ affected }) => affected.some((hit) => hit.service_id === id));
  worsen(bar, tone, hits.map((hit) => [hit.id, hit.title]));
  point(bar, pointed(bar));
}

/** @param {Page} page @param {string} at */
function drawBanner(page, at) {
  // Without services there is only what goes on to tell how it is.
  const tone = page.services.length ? toneOf(page.status) : worst(page.active.map((incident) => weigh(incident)[0]));
  const banner = find("#banner");
  const title = `${page.name} status: ${SENTENCES[tone]}`;
  if (!banner.classList.contains(`s-${tone}`)) {
    paint(banner, tone);
    put(find("h1", banner), SENTENCES[tone]);
    find("#icon").setAttribute("href", `/assets/icon-${tone}.svg`);
    say(SENTENCES[tone]);
  }
  const times = page.services.filter(({ status }) => toneOf(status) === tone).map((service) => service.status_since).sort();
  const since = tone === "operational" ? times.at(-1) : times[0];
  if (since) showTime(find(".since time", banner), since);
  find(".since", banner).hidden = !since;
  showTime(find(".updated time", banner), at);
  if (document.title !== title) document.title = title;
}

/** @param {Page} page @param {Page} before @param {Change | null} event */
function drawIncidents(page, before, event) {
  const was = new Map([...before.active, ...before.upcoming].map((incident) => [incident.id, incident]));
  for (const name of /** @type {const} */ (["active", "upcoming"])) {
    const cards = find(`#${name} .cards`);
    if (page[name] === before[name]) continue;
    sync(cards, page[name], "card", drawCard);
    find(`#${name}`).hidden = !page[name].length;
    for (const incident of page[name]) {
      const old = was.get(incident.id);
      const kind = incident.kind === "maintenance" ? "maintenance" : "incident";
      if (!old) say(`New ${kind}: ${incident.title}`);
      else if (old.updates.length < incident.updates.length || old.status !== incident.status) say(`${incident.title}: ${wordOf(incident.status)}`);
      was.delete(incident.id);
    }
  }
  for (const { id } of [...page.active, ...page.upcoming]) was.delete(id);
  const told = new Map(event?.data.incidents?.map((incident) => [incident.id, incident]));
  for (const { id } of was.values()) {
    const last = told.get(id);
    if (last && isOver(last)) say(`${last.title}: ${wordOf(last.status)}`);
    else age(); // over while we were away, or no longer public: the server knows
  }
  const [list, current] = [find("#past .items"), new Set([...page.active, ...page.upcoming].map(({ id }) => id))];
  for (const el of all("#past .past")) {
    const incident = told.get(el.dataset.id ?? "");
    if (current.has(el.dataset.id ?? "")) el.remove(); // open again
    else if (incident) drawPast(el, incident);
    told.delete(el.dataset.id ?? "");
  }
  for (const incident of told.values()) {
    if (!was.has(incident.id) || !isOver(incident)) continue;
    const el = part("past");
    el.dataset.id = incident.id;
    drawPast(el, incident);
    list.prepend(el);
  }
  list.hidden = !list.children.length;
  find("#past .day .quiet").hidden = !list.hidden;
}

/** @param {Incident} incident */
const isOver = ({ status, resolved_at }) => !/cancel/.test(status) && (!!resolved_at || /resolved|completed/.test(status));

// What is said to who does not see it

/** @type {string[]} */
let sayings = [];

/** @param {string} sentence */
function say(sentence) {
  if (sayings.push(sentence) > 1) return;
  setTimeout(() => {
    const [count, few] = [sayings.length, sayings.slice(0, 6)];
    const more = count > few.length ? [`and ${count - few.length} more`] : [];
    put(find("#said"), `${count > 1 ? `${count} changes: ` : ""}${[...few, ...more].join("; ")}.`);
    sayings = [];
  }, 1000);
}

// Following

/** @type {Page} what the document shows */
let shown;
let day = "";
let aged = false;
const opened = Date.now();
let used = opened;

const isOld = () => aged || Date.now() - opened > DAY_MS || today(shown.time_zone) !== day;

/** Too old to be patched: to be fetched anew when nobody looks, or looks again. */
function age() {
  aged = true;
  if (document.hidden) setTimeout(renew, Math.random() * 300_000); // not everybody at midnight
}

async function renew() {
  if (!isOld()) return;
  // Never to an error page: this one is better.
  const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answer?.ok) location.reload();
}

/** @param {Page} page @param {Change | null} event */
function draw(page, event) {
  const before = shown;
  shown = page;
  const [was, is] = [before, page].map(({ name, branding, time_zone: zone }) => JSON.stringify([name, branding, zone]));
  if (was !== is) age();
  const old = new Map(before.services.map((service) => [service.id, service]));
  for (const { id, name, status } of page.services) {
    const tone = toneOf(status);
    if (old.get(id) && toneOf(old.get(id)?.status) !== tone) say(`${name}: ${label(tone)}`);
  }
  const moved = page.services !== before.services || page.groups !== before.groups || page.active !== before.active;
  if (moved) drawServices(page);
  drawIncidents(page, before, event);
  drawBanner(page, event?.at ?? new Date().toISOString());
  if (event) find("#stale").hidden = true; // whoever can write can read
}

/** A page that said that it may be old asks now and then whether one from now would. A stream alone does not know. */
async function stillStale() {
  const line = find("#stale");
  if (line.hidden) return;
  const answer = document.hidden ? null : await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(() => null);
  line.hidden ||= Boolean(answer?.ok && !answer.headers.has("stale-since"));
  setTimeout(stillStale, 5_000 + Math.random() * 10_000); // not everybody at once
}

/** Fetches what checks found, for who has it before their eyes. Where there are none, nobody asks. */
async function remeasure() {
  const section = find("#checks");
  if (section.hidden) return;
  const answer = document.hidden ? null : await fetch(section.dataset.from ?? "").catch(() => null);
  const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("checks");
  if (fresh) section.replaceWith(fresh);
  setTimeout(remeasure, 60_000 + Math.random() * 30_000); // not everybody at once
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let losing;

/** @param {State} state */
function drawState(state) {
  const line = find("#connection");
  const isFine = state === "live" || state === "polling" || state === "paused";
  const text = { offline: "You are offline", ended: "No longer live: please reload" }[/** @type {string} */ (state)] ?? "Reconnecting…";
  if (isFine) {
    clearTimeout(losing);
    losing = undefined;
    line.hidden = true;
  } else {
    losing ??= setTimeout(() => (line.hidden = false), 5000);
  }
  put(line, text);
}

for (const time of all("time[data-format]")) showTime(time);
for (const zone of all("#zone")) put(zone, `your time zone, ${new Intl.DateTimeFormat().resolvedOptions().timeZone}`);
if (document.getElementById("t-pop")) {
  bars();
  all(".bar").forEach(ready);
}
const state = document.getElementById("state");
if (state) {
  const from = JSON.parse(state.textContent ?? "");
  shown = from.page;
  day = today(shown.time_zone);
  follow(root.dataset.org ?? "", { from, onPage: draw, onState: drawState });
  stillStale();
  setTimeout(remeasure, 60_000 + Math.random() * 30_000);
  document.addEventListener("visibilitychange", renew);
  for (const use of ["pointermove", "keydown", "scroll"]) addEventListener(use, () => (used = Date.now()), { passive: true });
  setInterval(() => {
    if (!aged && isOld()) age();
    else if (aged && Date.now() - used > 1_800_000) renew(); // on a wall, where it is never hidden
  }, 60_000);
}
