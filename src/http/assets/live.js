// @ts-check
/**
 * Follows an organization's page live: connects, resumes where it was, backs off, uses lesser transports where better ones
 * do not get through, and hands over a page that is always whole.
 *
 *     import { follow } from "/assets/live.js";
 *     const live = follow("acme", { onPage: (page, event) => render(page), onState: (state) => badge(state) });
 *     live.close();
 *
 * What is promised: after a snapshot (`event` is null) `onPage` gets every event once, in order, none left out; where that
 * cannot be had, it gets a new snapshot. It draws nothing, and keeps nothing between visits.
 *
 * @module
 */

/**
 * @typedef {{id: string, name: string, description: string}} Group
 * @typedef {{id: string, name: string, description: string, group_id: string | null, status: string, status_since: string,
 *   visibility?: string}} Service
 * @typedef {{service_id: string | null, name: string, status: string | null}} Affected
 * @typedef {{id: string, status: string, message: string, at: string}} Update
 * @typedef {{id: string, kind: string, title: string, description: string, status: string, impact: string, affected: Affected[],
 *   started_at: string, resolved_at: string | null, scheduled_start: string | null, scheduled_end: string | null,
 *   updates: Update[], postmortem: string | null, updated_at: string, visibility?: string}} Incident also a maintenance
 * @typedef {{accent: string | null, logo_url: string | null, support_url: string | null}} Branding
 * @typedef {{slug: string, name: string, description: string, time_zone: string, branding: Branding}} Organization
 * @typedef {Organization & {seq: number, status: string, groups: Group[], services: Service[], active: Incident[],
 *   upcoming: Incident[]}} Page
 * @typedef {{services?: string[], groups?: string[], active?: string[], upcoming?: string[]}} Order where it names a list, that
 *   list is exactly these ids in this order
 * @typedef {{status: string, organization?: Organization, services?: Service[], groups?: Group[], incidents?: Incident[],
 *   order?: Order}} Patch what an event changes
 * @typedef {{type: "event", org: string, epoch: string, prev: number, seq: number, event: string, at: string,
 *   data: Patch}} Event
 *
 * @typedef {"websocket" | "sse" | "polling"} Transport
 * @typedef {"connecting" | "live" | "polling" | "offline" | "paused" | "ended"} State `connecting` also between attempts;
 *   `ended` is for ever: it was closed, there is no such organization, or the token is no good
 *
 * @typedef {object} Options
 * @property {string | URL} [url] where the server is, with a slash at the end; else where this module comes from
 * @property {string | (() => string | Promise<string>)} [token] to follow as a member; a function is asked for each connection
 * @property {{epoch: string, seq: number, page: Page}} [from] what the document shows already; saves the first snapshot
 * @property {(page: Page, event: Event | null) => void} [onPage]
 * @property {(state: State, detail: {transport: Transport, reason: string | null}) => void} [onState]
 * @property {Transport[]} [transports] the best first
 * @property {Partial<typeof LIMITS>} [limits]
 *
 * @typedef {{close(): void, readonly page: Page | null, readonly seq: number, readonly state: State}} Follower
 */

const LIMITS = {
  /** How long an attempt may take until the server has said something. */
  connectMs: 10_000,
  /** Silence after which the server is asked for a sign of life: three of the heartbeats that it sends over SSE. */
  quietMs: 45_000,
  /** How long that sign may take. */
  pongMs: 10_000,
  /** The n-th failure in a row waits anything up to base * 2^n, and up to max: who failed together comes back apart. */
  baseMs: 1_000,
  maxMs: 30_000,
  /** How long a connection lasts that ends a row of failures: a server that drops everybody at once is no success. */
  settledMs: 5_000,
  /** How often in a row a WebSocket fails before something else is tried, and an odd answer is doubted before it is believed. */
  attempts: 2,
  /** How long a lesser transport is used before a better one is tried: soon, because most often the server was away and
   *  took all of them with it; later each time it is in vain. */
  upgradeMs: 10_000,
  upgradeMaxMs: 600_000,
  pollMs: 15_000,
  /** How long a tab is hidden before it stops listening. */
  hiddenMs: 300_000,
};

/**
 * The page after an event. Changes nothing itself; lists in which nothing happened stay the same object.
 * @param {Page} page @param {Event} event @returns {Page}
 */
export function apply(page, { seq, data }) {
  const { status, organization, services, groups, incidents, order = {} } = data;
  const ongoing = [...page.active, ...page.upcoming]; // together: a maintenance that begins moves from one to the other
  return {
    ...page,
    ...organization,
    seq,
    status,
    services: arrange(page.services, page.services, services, order.services),
    groups: arrange(page.groups, page.groups, groups, order.groups),
    active: arrange(page.active, ongoing, incidents, order.active),
    upcoming: arrange(page.upcoming, ongoing, incidents, order.upcoming),
  };
}

/**
 * @template {{id: string}} T
 * @param {T[]} list @param {T[]} known @param {T[]} [changed] @param {string[]} [order] @returns {T[]}
 */
function arrange(list, known, changed = [], order = undefined) {
  if (!changed.length && !order) return list;
  const items = new Map([...known, ...changed].map((item) => [item.id, item]));
  return (order ?? list.map(({ id }) => id)).flatMap((id) => items.get(id) ?? []);
}

/**
 * Follows an organization until it is closed.
 * @param {string} org its id or slug @param {Options} [options] @returns {Follower}
 */
export function follow(org, options = {}) {
  const { token, from, onPage, onState } = options;
  const base = new URL(options.url ?? new URL("..", import.meta.url), location.href);
  const limits = { ...LIMITS, ...options.limits };
  // Members have no page to poll: the public one would take away what only they may see.
  const ladder = options.transports ?? (token ? ["websocket", "sse"] : ["websocket", "sse", "polling"]);
  const closing = new AbortController();

  // The page, where in the stream it is, and whether the stream can go on from there.
  /** @type {Page | null} */
  let page = from?.page ?? null;
  let { epoch, seq } = from ?? { epoch: "", seq: 0 };
  let whole = !!from;

  /** @type {State} */
  let state = "connecting";
  let told = "";
  let paused = false;
  let [level, probing, patience] = [0, false, limits.upgradeMs];
  let [tries, failures, refusals, doubts] = [0, 0, 0, 0];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;
  // What can be done about the pause and the connection of this moment.
  let wake = () => {};
  let check = () => {};
  /** @type {(end: End) => void} */
  let cut = () => {};

  /** What the page throws must not stop us, nor go unnoticed. @param {() => void} call */
  function safely(call) {
    try {
      call();
    } catch (error) {
      setTimeout(() => { throw error; });
    }
  }

  /** @param {State} next @param {string | null} [reason] */
  function tell(next, reason = null) {
    const transport = ladder[level];
    const news = next === "live" ? transport : next;
    if (news === told) return;
    [state, told] = [next, news];
    safely(() => onState?.(next, { transport, reason }));
  }

  /** @param {Page} next @param {Event | null} event */
  function show(next, event) {
    page = next;
    safely(() => onPage?.(next, event));
  }

  /** Older than what we have: a cache, or a server that lags. Who insists has lost the rest. @param {boolean} isOlder */
  function isDoubtful(isOlder) {
    doubts = isOlder ? doubts + 1 : 0;
    return isOlder && doubts <= limits.attempts;
  }

  /** Takes a frame; says how the connection has to end, if it has to. @param {any} frame @returns {End | undefined} */
  function take(frame) {
    if (frame.type === "snapshot") {
      if (isDoubtful(frame.epoch === epoch && frame.seq < seq)) return { reason: "old snapshot" };
      ({ org, epoch, seq } = frame); // by id from now on: the slug may change
      whole = true;
      show(frame.page, null);
    } else if (frame.type === "event") {
      if (frame.epoch === epoch && frame.seq <= seq) return; // seen
      whole &&= frame.epoch === epoch && frame.prev === seq;
      if (!whole || !page) return { reason: "gap" };
      seq = frame.seq;
      show(apply(page, frame), frame);
    } else if (frame.type === "error") {
      return refusal(frame.code);
    }
  }

  /** Takes a page from outside the stream: some of what comes next there may be in it already. @param {Page} polled */
  function takePolled(polled) {
    if (polled.seq === page?.seq || isDoubtful(!!page && polled.seq < page.seq)) return;
    whole = false;
    show(polled, null);
  }

  /** One connection, to its end. @param {Transport} transport @returns {Promise<End & {live: boolean, lastedMs: number}>} */
  function connect(transport) {
    return new Promise((resolve) => {
      const abort = new AbortController();
      let [live, asked, start] = [false, false, 0];
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let upgrade;
      let quiet = setTimeout(() => over({ reason: "timeout" }), limits.connectMs);

      /** @param {End} end */
      function over(end) {
        if (abort.signal.aborted) return;
        clearTimeout(quiet);
        clearTimeout(upgrade);
        check = () => {};
        abort.abort();
        resolve({ live, lastedMs: live ? performance.now() - start : 0, ...end });
      }

      /** @type {Line} */
      const line = {
        base, org, pollMs: limits.pollMs, signal: abort.signal, over, takePolled,
        token: async () => (typeof token === "function" ? token() : token),
        cursor: whole ? { epoch, seq: `${seq}` } : {},
        heard(quietMs = limits.quietMs) {
          if (abort.signal.aborted) return;
          clearTimeout(quiet);
          quiet = setTimeout(() => (line.ask ? check() : over({ reason: "silence" })), quietMs);
          asked = false;
          if (live) return;
          [live, probing, refusals, start] = [true, false, 0, performance.now()];
          if (level > 0) upgrade = setTimeout(() => over({ upgrade: true }), patience);
          else patience = limits.upgradeMs;
          tell(transport === "polling" ? "polling" : "live");
        },
        take(text) {
          const frame = parse(text);
          if (frame.type !== "error") line.heard();
          const end = abort.signal.aborted ? undefined : take(frame);
          if (end) over(end);
        },
      };
      check = () => {
        if (asked || !live || !line.ask) return;
        asked = true;
        clearTimeout(quiet);
        quiet = setTimeout(() => over({ reason: "silence" }), limits.pongMs);
        line.ask();
      };
      cut = over;
      TRANSPORTS[transport](line).catch((error) => over({ reason: `${error}` }));
    });
  }

  /** Until woken, or so long if that is sooner. @param {number} [ms] @returns {Promise<void>} */
  function rest(ms) {
    return new Promise((resolve) => {
      wake = resolve;
      if (ms !== undefined) setTimeout(resolve, Math.min(ms, 2 ** 31 - 1)); // timers know no more
    });
  }

  async function run() {
    while (!closing.signal.aborted) {
      if (paused) await rest();
      else await attempt();
    }
  }

  /** One connection, what follows from its end, and the pause before the next. */
  async function attempt() {
    if (!probing && state !== "offline") tell("connecting");
    const end = await connect(ladder[level]);
    if (closing.signal.aborted || paused) return;
    const hopeless = end.refused && (typeof token !== "function" || ++refusals > limits.attempts);
    if (end.final || hopeless) return finish(end.reason);
    if (end.lastedMs >= limits.settledMs) failures = 0;
    if (end.live && level > 0) {
      // One try of the best, whether it was time for that or this one was lost; then at once back to what worked.
      [level, tries, probing] = [0, limits.attempts - 1, true];
      patience = Math.min(2 * patience, limits.upgradeMaxMs);
      if (end.upgrade) return;
    } else if (end.live) {
      tries = 0;
    } else if (!end.refused && ++tries >= (level > 0 ? 1 : limits.attempts)) {
      [level, tries] = [(level + 1) % ladder.length, 0];
      if (probing && level > 0) return;
      probing = false;
    }
    tell(navigator.onLine ? "connecting" : "offline", end.reason);
    await rest((end.waitMs ?? 0) + Math.random() * Math.min(limits.maxMs, limits.baseMs * 2 ** failures++));
  }

  /** @param {string | null} [reason] */
  function finish(reason) {
    if (closing.signal.aborted) return;
    closing.abort();
    clearTimeout(hiding);
    cut({});
    wake();
    tell("ended", reason);
  }

  function onVisibility() {
    clearTimeout(hiding);
    if (document.visibilityState === "hidden") {
      hiding = setTimeout(() => {
        paused = true;
        cut({});
        wake();
        tell("paused");
      }, limits.hiddenMs);
    } else if (paused) {
      [paused, probing, failures] = [false, false, 0];
      wake();
    } else {
      check(); // phones end the connections of what nobody looks at, and tell nobody
    }
  }

  // What the browser says of the network is a hint: it makes us look sooner, it never keeps us from looking.
  function onOffline() {
    check();
    if (state === "connecting") tell("offline");
  }

  function onOnline() {
    check();
    if (state !== "offline") return;
    [level, tries, failures] = [0, 0, 0];
    tell("connecting");
    cut({});
    wake();
  }

  document.addEventListener("visibilitychange", onVisibility, closing);
  addEventListener("offline", onOffline, closing);
  addEventListener("online", onOnline, closing);
  onVisibility();
  run();

  return {
    close: () => finish("closed"),
    get page() { return page; },
    get seq() { return seq; },
    get state() { return state; },
  };
}

/**
 * @typedef {{reason?: string | null, waitMs?: number, refused?: boolean, final?: boolean, upgrade?: boolean}} End how a
 *   connection ended: `refused` because of who asks, `final` whoever asks
 *
 * @typedef {{base: URL, org: string, pollMs: number, cursor: {} | {epoch: string, seq: string},
 *   signal: AbortSignal, token: () => Promise<string | undefined>, heard: (quietMs?: number) => void, ask?: () => void,
 *   take: (text: string) => void, takePolled: (polled: Page) => void, over: (end: End) => void}} Line
 *   what a transport has in hand: it tells `heard` of any sign of life, and sets `ask` if it can ask for one
 */

/** @type {Record<Transport, (line: Line) => Promise<void>>} */
const TRANSPORTS = { websocket, sse, polling };

/** @param {Line} line */
async function websocket(line) {
  const token = await line.token();
  if (line.signal.aborted) return;
  const url = address(line, `ws/${encodeURIComponent(line.org)}`, { ...(token && { audience: "members" }), ...line.cursor });
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  line.signal.addEventListener("abort", () => socket.close());
  line.ask = () => socket.send('{"type":"ping"}');
  socket.onopen = () => {
    if (token) socket.send(JSON.stringify({ type: "auth", token })); // never in the URL: those are logged
    else if ("seq" in line.cursor) line.ask?.(); // who has missed nothing is told nothing
  };
  socket.onmessage = ({ data }) => line.take(data);
  socket.onclose = ({ code, reason }) => {
    const said = parse(reason);
    const end = refusal({ 4401: "unauthorized", 4404: "unknown_organization" }[code]);
    line.over({ waitMs: said.retry_after_ms, ...end, reason: said.code ?? `closed ${code}` });
  };
}

/** By `fetch`: EventSource sends no `Authorization`, and hides heartbeats, statuses and `Retry-After`. @param {Line} line */
async function sse(line) {
  const token = await line.token();
  const headers = { Accept: "text/event-stream", ...(token && { Authorization: `Bearer ${token}` }) };
  const url = address(line, `api/v1/orgs/${encodeURIComponent(line.org)}/events`, line.cursor);
  const answer = await fetch(url, { headers, signal: line.signal, cache: "no-store", credentials: "omit" });
  if (!answer.ok || !answer.body) return line.over(await refused(answer));
  const [reader, decoder] = [answer.body.getReader(), new TextDecoder()];
  let rest = "";
  /** @type {number | undefined} */
  let waitMs;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return line.over({ waitMs, reason: "closed" });
    const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const text of lines) {
      const [, field, content] = /^(\w*): ?(.*)$/.exec(text) ?? [];
      if (field === "data") line.take(content); // one line of JSON each
      else if (field !== undefined) line.heard(); // comments are heartbeats
      if (field === "retry") waitMs = Number(content) || undefined;
    }
  }
}

/** A poll asks for a sign of life, and the pause until the next one is the silence before it. @param {Line} line */
async function polling(line) {
  let tag = "";
  const url = address(line, `api/v1/public/${encodeURIComponent(line.org)}`, {});
  const poll = async () => {
    const headers = { ...(tag && { "If-None-Match": tag }) };
    const answer = await fetch(url, { headers, signal: line.signal, cache: "no-store", credentials: "omit" });
    if (!answer.ok && answer.status !== 304) return line.over(await refused(answer));
    const polled = answer.ok ? await answer.json() : null;
    tag = answer.headers.get("ETag") ?? tag;
    line.heard(line.pollMs * (0.75 + Math.random() / 2)); // or all would ask at once after a restart
    if (polled && !line.signal.aborted) line.takePolled(polled);
  };
  line.ask = () => void poll().catch((error) => line.over({ reason: `${error}` }));
  await poll();
}

/** @param {Line} line @param {string} path @param {Record<string, string>} query */
function address({ base }, path, query) {
  const url = new URL(path, base);
  url.search = `${new URLSearchParams(query)}`;
  return url;
}

/** @param {string} text @returns {Record<string, any>} empty if it is no JSON */
function parse(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** How an error code ends the connection, if it does. @param {string | undefined} code @returns {End | undefined} */
function refusal(code) {
  if (code === "unauthorized" || code === "forbidden") return { refused: true, reason: code };
  if (code === "unknown_organization" || code === "unknown_page") return { final: true, reason: code };
}

/** An HTTP answer that is not what was asked for. @param {Response} answer @returns {Promise<End>} */
async function refused(answer) {
  const code = parse(await answer.text()).error?.code;
  const after = answer.headers.get("Retry-After") ?? "";
  const waitMs = /^\d+$/.test(after) ? 1000 * Number(after) : Date.parse(after) - Date.now() || 0;
  const known = { 401: "unauthorized", 403: "forbidden", 404: code }[answer.status];
  return { waitMs: Math.max(0, waitMs), reason: code ?? `status ${answer.status}`, ...refusal(known) };
}
