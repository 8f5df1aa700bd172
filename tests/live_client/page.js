// The page of the tests. It follows as a real one does, and writes down whatever a page must never see.
import { apply, follow } from "/assets/live.js";

const log = { ready: true, events: [], snapshots: 0, states: [], tokens: 0, problems: [] };
let page = null;
let cursor = null;
let highest = 0;

addEventListener("securitypolicyviolation", (event) => log.problems.push(`against the policy: ${event.violatedDirective}`));
addEventListener("error", (event) => log.problems.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => log.problems.push(`rejection: ${event.reason}`));

function onPage(next, event) {
  if (event) {
    if (event.prev !== cursor) log.problems.push(`event ${event.seq} follows ${event.prev}, we are at ${cursor}`);
    if (event.seq <= highest) log.problems.push(`event ${event.seq} comes after ${highest}`);
    if (next.seq !== event.seq) log.problems.push(`the page is at ${next.seq}, its event at ${event.seq}`);
    if (JSON.stringify(apply(page, event)) !== JSON.stringify(next)) log.problems.push(`event ${event.seq} makes another page`);
    highest = cursor = event.seq;
    log.events.push(event.seq);
  } else {
    log.snapshots += 1;
    cursor = window.live?.seq ?? null;
  }
  page = next;
}

/** Options are JSON, so `token` is a list here: the tokens to answer with, the last one for ever. */
window.start = (org, { token, ...options }) => {
  if (options.from) [page, cursor] = [options.from.page, options.from.seq];
  window.live = follow(org, {
    ...options,
    ...(token && { token: async () => token[Math.min(log.tokens++, token.length - 1)] }),
    onPage,
    onState: (state, detail) => log.states.push([state, detail.transport, detail.reason]),
  });
};
window.log = log;
window.state = () => log.states.at(-1)?.[0];
window.transport = () => (window.state() === "live" ? log.states.at(-1)[1] : window.state());
/** What the page shows, without the number of the last change: the public page and the public stream count differently. */
window.shown = () => JSON.stringify({ ...window.live.page, seq: 0 }, (_, value) =>
  value && !Array.isArray(value) && typeof value === "object" ? Object.fromEntries(Object.entries(value).sort()) : value);
