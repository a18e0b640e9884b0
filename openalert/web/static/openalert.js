// What the browser adds to pages that already work without it: live updates, ticking times, keys,
// copy buttons, confirmation, theme. No framework, no eval, nothing inline: the content policy stays strict.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const skew = (Number(document.body.dataset.now) || Date.now()) - Date.now(); // server time, phones lie
  const now = () => Date.now() + skew;

  // --- Times: the same words as web/render.py makes ------------------------------------------------
  const words = {
    ago(instant) {
      const past = now() - instant;
      if (past < 45 * SECOND) return "just now";
      if (past < HOUR) return `${Math.max(1, Math.round(past / MINUTE))} min ago`;
      if (past < DAY) return `${Math.round(past / HOUR)} h ago`;
      const days = Math.round(past / DAY);
      return past < 7 * DAY ? `${days} day${days === 1 ? "" : "s"} ago` : null;
    },
    in(instant) {
      const left = instant - now();
      if (left <= 0) return "now";
      if (left < HOUR) return `in ${Math.floor(left / MINUTE)}:${String(Math.floor((left % HOUR % MINUTE) / SECOND)).padStart(2, "0")}`;
      if (left < DAY) return `in ${Math.floor(left / HOUR)} h ${String(Math.floor((left % HOUR) / MINUTE)).padStart(2, "0")} min`;
      return null;
    },
  };
  let absolute = false; // `t` or a tap on any time shows all of them in full
  function tick() {
    for (const time of $$("time[data-rel]")) {
      const say = words[time.dataset.rel];
      time.dataset.words ??= time.textContent;
      const text = absolute ? time.title : (say && say(Date.parse(time.dateTime))) ?? time.dataset.words;
      if (time.textContent !== text) time.textContent = text;
    }
  }
  const showAbsolute = () => { absolute = !absolute; tick(); };

  // --- Live: one WebSocket, resumed after the last event seen; fragments fetched and morphed --------
  const light = $("#live");
  let seq = Number(document.body.dataset.seq || 0), socket = null, tries = 0, lostAt = 0, heardAt = 0;
  function show(state) {
    if (!light || light.dataset.state === state) return;
    light.dataset.state = state;
    const clock = new Date(lostAt).toTimeString().slice(0, 5);
    $("span", light).textContent = { live: "Live", reconnecting: "Reconnecting", stale: `Stale since ${clock}` }[state];
  }
  function connect() {
    const known = seq ? `?after=${seq}` : ""; // what was missed comes first
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws${known}`);
    socket.onopen = () => {
      heardAt = Date.now();
      if (tries) refresh($$("[data-live]")); // whatever was missed is on the page now
      tries = 0; lostAt = 0; show("live");
    };
    socket.onmessage = (message) => { heardAt = Date.now(); hear(JSON.parse(message.data)); };
    socket.onclose = (event) => {
      if (event.code === 4401) return location.reload(); // signed out elsewhere
      lostAt ||= Date.now(); tries += 1;
      show("reconnecting");
      setTimeout(connect, Math.min(20 * SECOND, 500 * 2 ** Math.min(tries, 6)) * (0.6 + 0.8 * Math.random()));
    };
  }
  function hear(event) {
    if (event.type === "ping") return socket.send('{"type":"pong"}');
    if (event.seq) seq = Math.max(seq, event.seq);
    const noun = String(event.type).split(".")[0];
    refresh($$("[data-live]").filter((part) =>
      event.type === "resync" || (part.dataset.live.split(" ").includes(noun) &&
        (!part.dataset.incident || !event.incidentId || part.dataset.incident === event.incidentId))));
  }
  const due = new Map(); // element id -> timer: a storm of events is one request per part and half second
  function refresh(parts) {
    for (const part of parts) {
      if (due.has(part.id)) continue;
      due.set(part.id, setTimeout(() => { due.delete(part.id); fetchPart(part.id); }, (Number(part.dataset.pace) || 400) * Math.random() + 200));
    }
  }
  // A list that somebody works with keeps its rows in their places; what is new waits above them.
  const held = (part) => part.dataset.hold && (scrollY > 200 || part.matches(":hover, :focus-within") || $(".current, .pick:checked", part));
  function fetchPart(id) {
    const part = document.getElementById(id);
    if (!part) return;
    if (part.matches(":active")) return refresh([part]); // nothing moves under the finger
    const picked = $$(".pick:checked", part).map((box) => box.value);
    const marks = new Map($$("[data-rev]", part).map((row) => [row.id, row.dataset.rev]));
    const current = $(".current", part)?.id;
    htmx.ajax("GET", held(part) ? part.dataset.hold : location.href, { source: part, target: part, swap: "outerMorph" }).then(() => {
      for (const row of $$("[data-rev]", document.getElementById(id))) {
        if (marks.get(row.id) === row.dataset.rev) continue;
        row.classList.add("glow");
        row.addEventListener("animationend", () => row.classList.remove("glow"), { once: true });
      }
      for (const value of picked) { const box = $(`.pick[value="${CSS.escape(value)}"]`); if (box) box.checked = true; }
      if (current) document.getElementById(current)?.classList.add("current");
      for (const time of $$("time[data-rel]")) delete time.dataset.words;
      badge(); tick();
    }).catch(() => {});
  }
  document.addEventListener("htmx:before:swap", (event) => { // an error or the sign-in page is not a part of this one
    const answer = event.detail.ctx.response?.raw;
    if (answer?.redirected || answer?.status >= 400) { event.preventDefault(); if (answer.redirected || answer.status === 401) location.reload(); }
  });
  function badge() { // "(2) Incidents": what is open and mine, in the tab's title
    const count = Number($("[data-badge]")?.dataset.badge || 0);
    document.title = (count ? `(${count}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
  setInterval(() => {
    tick();
    if (!light || !socket) return;
    if (lostAt && Date.now() - lostAt > 10 * SECOND) show("stale");
    if (socket.readyState === 1 && Date.now() - heardAt > 75 * SECOND) socket.close();
  }, SECOND);
  setInterval(() => document.hidden || refresh($$("[data-every]")), 20 * SECOND); // what changes without an event
  if (light) setInterval(() => socket?.readyState === 1 && socket.send('{"type":"ping"}'), 30 * SECOND);

  // --- Asking before what cannot be undone ----------------------------------------------------------
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-confirm]");
    if (!button || button.dataset.sure) return;
    event.preventDefault();
    const dialog = document.createElement("dialog");
    dialog.className = "confirm";
    const title = document.createElement("h2"), text = document.createElement("p"), form = document.createElement("form");
    title.textContent = button.dataset.confirm;
    text.textContent = button.dataset.confirmText || "";
    form.method = "dialog";
    for (const [value, label, look] of [["", "Cancel", "button"], ["yes", button.dataset.confirmVerb || button.textContent.trim(), "button primary danger"]]) {
      const choice = document.createElement("button");
      Object.assign(choice, { value, textContent: label, className: look });
      form.append(choice);
    }
    dialog.append(title, text, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue !== "yes") return button.focus();
      button.dataset.sure = "1"; button.click(); delete button.dataset.sure;
    });
    document.body.append(dialog);
    dialog.showModal();
  });

  // --- Copy, theme, pick all, other clicks ----------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard.writeText($(copy.dataset.copy).textContent.trim());
      const label = $("span", copy), was = label.textContent;
      label.textContent = "Copied"; setTimeout(() => { label.textContent = was; }, 1600);
    }
    const theme = event.target.closest("[data-set-theme]");
    if (theme) setTheme(theme.dataset.setTheme);
    if (event.target.closest("[data-open-keys]")) $("#keys")?.showModal();
    if (event.target.closest("time[data-rel]") && !event.target.closest("a, button")) showAbsolute();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) for (const box of $$(".pick")) box.checked = event.target.checked;
    if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
    const count = $$(".pick:checked").length;
    for (const place of $$("[data-picked]")) place.textContent = `${count} selected`;
  });
  function setTheme(theme) { // a cookie, so that the next page arrives in the right colours
    document.cookie = `theme=${theme}; path=/; samesite=lax; max-age=${theme === "system" ? 0 : 31536000}`;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  // --- Keys: an element with data-key is what that letter presses, nearest to the current row -------
  const places = { i: "/incidents", a: "/alerts", s: "/services", p: "/escalation-policies", o: "/schedules", t: "/teams", u: "/users" };
  let going = 0;
  function move(step) {
    const rows = $$("[data-row]");
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("current"));
    rows[at]?.classList.remove("current");
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    row.classList.add("current");
    row.scrollIntoView({ block: "nearest" });
    $("a", row)?.focus({ preventScroll: true });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const key = event.key;
    if (Date.now() - going < 1200 && places[key]) { going = 0; location.href = places[key]; return; }
    going = 0;
    if (key === "g") { going = Date.now(); return; }
    if (key === "?") $("#keys")?.showModal();
    else if (key === "/") ($("main [data-search]") || $("#search"))?.focus();
    else if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
    else if (key === "t") showAbsolute();
    else if (key === "x") { const box = $(".current .pick"); if (box) box.click(); }
    else {
      const wanted = `[data-key="${CSS.escape(key)}"]`;
      const target = ($(".pick:checked") && $(`.bulk ${wanted}`)) || $(`.current ${wanted}`) || $(`main ${wanted}:not([data-row] *)`);
      if (!target) return;
      if (target.matches("textarea, input")) target.focus(); else target.click();
    }
    event.preventDefault();
  });

  // --- Palette: Ctrl+K shows the hits of /find over any page; Enter takes the first -------------------
  const palette = $("#palette");
  let asked = 0;
  async function seek() { // only the answer to the last question counts
    const number = ++asked, words = $("input", palette).value;
    const answer = await fetch(`/find?q=${encodeURIComponent(words)}`, { headers: { "HX-Target": "div#hits" } }).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text() : null;
    if (number !== asked) return false;
    if (text === null) $(".found", palette).textContent = "The server does not answer.";
    else $(".found", palette).innerHTML = text;
    return text !== null;
  }
  document.addEventListener("keydown", (event) => {
    if (!palette || event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (palette.open) return palette.close();
    if ($("dialog[open]")) return;
    palette.showModal();
    $("input", palette).select();
    seek();
  });
  palette?.addEventListener("input", () => { const number = ++asked; setTimeout(() => number === asked && seek(), 120); });
  palette?.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  palette?.addEventListener("submit", async (event) => {
    if (event.target.method === "post") return;
    event.preventDefault();
    if (await seek()) $("[data-hit]", palette)?.click();
  });
  palette?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const stops = [$("input", palette), ...$$("[data-hit]", palette)];
    const at = stops.indexOf(document.activeElement);
    // The first hit is what Enter takes already, so that the first step down goes to the second.
    const next = at === 0 && step === 1 ? 2 : at === 2 && step === -1 ? 0 : at + step;
    stops[Math.max(0, Math.min(stops.length - 1, next))].focus();
  });

  const zone = $("form[action='/setup?step=1'] #timezone, form[action^='/invitation/'] #timezone"); // at the first start the browser knows better than we
  if (zone?.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

  // The installed app says so when there is no connection; in a browser only who connects it for pages gets a worker.
  if (matchMedia("(display-mode: standalone)").matches) navigator.serviceWorker?.register("/service-worker.js");

  const tab = $(".page-tabs [aria-current]"); // on a telephone it may be one that does not fit beside the others
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 48;

  $("form[data-go-on]")?.requestSubmit(); // a long act goes on by itself as long as its page is open
  badge(); tick();
  if (light) connect();
})();
