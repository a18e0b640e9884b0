// What a browser adds to the timeline of a schedule, whose every move is a link or a form without it: reasons on
// hover and focus, the form of an override in a dialog, times marked by dragging or by keys, parts fetched alone.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const HOUR = 3600000, MINUTE = 60000, HOLD = 450, SLOP = 6;
const form = $("#take"), home = $("#override");

// --- Time: instants along a row, and what the schedule's clock shows --------------------------------
const rota = () => $("#schedule_plan .rota");
const range = () => { const { start, end, zone } = rota().dataset; return { start: +start, end: +end, zone }; };
const step = () => { const days = (range().end - range().start) / (24 * HOUR); return days > 20 ? HOUR : days > 2 ? 30 * MINUTE : 15 * MINUTE; };
function local(instant) { // 2026-12-24T18:00, as a field for a local time holds it
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", { timeZone: range().zone, year: "numeric", month: "2-digit",
    day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(instant).map((part) => [part.type, part.value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}
const said = (instant) => new Intl.DateTimeFormat("en-GB", { timeZone: range().zone, weekday: "short", day: "numeric", month: "short",
  hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(instant);
function instantAt(row, x) {
  const box = row.getBoundingClientRect(), { start, end } = range();
  return snap(start + ((x - box.left) / box.width) * (end - start));
}
function snap(instant) {
  const { start, end } = range();
  return Math.min(end, Math.max(start, start + Math.round((instant - start) / step()) * step()));
}

// --- The form in a dialog ---------------------------------------------------------------------------
function take({ start, end, span = "", words = "", override = "", reason = "" }) {
  const asked = new URLSearchParams(location.search);
  for (const name of ["view", "from", "zone"]) form.elements[name].value = asked.get(name) || "";
  form.elements.override_id.value = override;
  form.toggleAttribute("data-changing", Boolean(override));
  form.elements.start.value = start;
  form.elements.end.value = end;
  form.elements.span.value = span; // exactly, for a local clock shows some minutes twice
  form.elements.reason.value = reason;
  const chosen = $(".chosen", form), line = document.createElement("p");
  line.className = "small muted"; line.textContent = words;
  chosen.replaceChildren(line); chosen.hidden = !words;
  $("button.primary", form).textContent = override ? "Save" : "Override";
  unfold();
  (override ? form.elements.end : form.elements.user_id).focus();
}
function unfold() {
  const dialog = document.createElement("dialog"), header = document.createElement("header"), title = document.createElement("h2"), close = document.createElement("button");
  dialog.className = "take"; dialog.setAttribute("aria-labelledby", "take-title");
  title.id = "take-title"; title.textContent = form.elements.override_id.value ? "Change the override" : "Somebody else takes over";
  Object.assign(close, { type: "button", className: "button quiet square", textContent: "\u00d7" });
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", () => dialog.close());
  header.append(title, close);
  dialog.append(header, form);
  dialog.addEventListener("close", () => { home.append(form); dialog.remove(); unmark(); });
  document.body.append(dialog);
  hideWhy();
  dialog.showModal();
}
document.addEventListener("click", (event) => {
  const dragged = moved && event.detail > 0; // what ends a drag is no click; a key is one
  if (dragged && event.target.closest("#schedule_plan .bar")) event.preventDefault();
  const bar = event.target.closest("#schedule_plan a[href*='#override']");
  if (dragged || !bar || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const asked = new URL(bar.getAttribute("href"), location.href).searchParams;
  const { override, start, end, reason } = bar.dataset;
  take(override ? { override, reason, start: local(+start), end: local(+end), words: words(bar) }
    : { start: asked.get("start"), end: asked.get("end"), span: asked.get("span"), words: words(bar) });
});

// --- Why: what a bar says, beside the pointer or the focus -------------------------------------------
const words = (bar) => bar.getAttribute("aria-label") || bar.textContent.trim();
let tip = null;
function showWhy(bar) {
  hideWhy();
  for (const title of $$("title", bar)) title.remove(); // ours says the same, and comes at once
  tip = document.createElement("div");
  tip.className = "why-tip";
  const [first, ...rest] = words(bar).split(". ");
  const head = document.createElement("b");
  head.textContent = first;
  tip.append(head, rest.join(". "));
  document.body.append(tip);
  const box = bar.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left), innerWidth - own.width - 8);
  tip.style.left = `${left}px`;
  tip.style.top = `${box.top > own.height + 12 ? box.top - own.height - 8 : box.bottom + 8}px`;
}
function hideWhy() { tip?.remove(); tip = null; }
for (const [event, show] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
  document.addEventListener(event, (happened) => {
    const bar = happened.target.closest?.("#schedule_plan .bar");
    if (bar && show && !drag && (event !== "focusin" || bar.matches(":focus-visible"))) showWhy(bar); else if (bar) hideWhy();
  });
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") { hideWhy(); unmark(); } });

// --- Marking a time by pointer: at once with a mouse, after a long press with a finger ---------------
let drag = null, moved = false;
function drawMark(row, from, to) {
  const svg = $(".rota-line", row), { start, end } = range();
  let rect = $(".mark", svg);
  if (!rect) { rect = document.createElementNS("http://www.w3.org/2000/svg", "rect"); rect.setAttribute("class", "mark"); rect.setAttribute("rx", 6); svg.append(rect); }
  const place = (instant) => ((instant - start) / (end - start)) * 100;
  const [low, high] = from <= to ? [from, to] : [to, from];
  for (const [name, value] of [["x", `${place(low)}%`], ["width", `${place(high) - place(low)}%`], ["y", 1], ["height", svg.clientHeight - 2]]) rect.setAttribute(name, value);
  return [low, high];
}
function unmark() { for (const rect of $$("#schedule_plan .mark")) rect.remove(); cursor = null; }
document.addEventListener("pointerdown", (event) => {
  moved = false;
  if (event.button !== 0) return;
  const edge = edgeAt(event), row = event.target.closest("#schedule_plan [data-mark]");
  if (!edge && !row) return;
  drag = edge ? { ...edge, x: event.clientX, ready: true } : { row, x: event.clientX, y: event.clientY, from: instantAt($(".rota-line", row), event.clientX), ready: event.pointerType === "mouse" };
  drag.pointer = event.pointerId;
  if (!drag.ready) drag.timer = setTimeout(() => { if (drag) { drag.ready = true; navigator.vibrate?.(12); } }, HOLD);
});
document.addEventListener("pointermove", (event) => {
  if (!drag) { const edge = edgeAt(event); for (const bar of $$(".edge")) bar.classList.remove("edge"); edge?.bar.classList.add("edge"); return; }
  if (event.pointerId !== drag.pointer) return;
  const far = Math.abs(event.clientX - drag.x) > SLOP || Math.abs(event.clientY - (drag.y ?? event.clientY)) > 24;
  if (!drag.ready) { if (far) drop(); return; } // a finger that moves at once scrolls
  if (!far && !moved) return;
  moved = true;
  event.preventDefault();
  document.body.classList.add("marking");
  hideWhy();
  const to = instantAt($(".rota-line", drag.row), event.clientX);
  drag.span = drawMark(drag.row, drag.side === "start" ? drag.end : drag.side === "end" ? drag.start : drag.from, to);
});
document.addEventListener("pointerup", () => {
  const done = drag;
  drop();
  if (!done?.span || !moved || done.span[0] === done.span[1]) return unmark();
  const [from, to] = done.span, when = `${said(from)} to ${said(to)}`;
  take({ start: local(from), end: local(to), span: `${from}-${to}`, override: done.override || "", reason: done.bar?.dataset.reason, words: when });
});
document.addEventListener("pointercancel", () => { drop(); unmark(); });
document.addEventListener("touchmove", (event) => { if (drag?.ready) event.preventDefault(); }, { passive: false });
document.addEventListener("contextmenu", (event) => { if (drag?.ready && moved) event.preventDefault(); });
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("#schedule_plan .rota")) event.preventDefault(); });
function drop() { clearTimeout(drag?.timer); drag = null; document.body.classList.remove("marking"); }
function edgeAt(event) { // the first or last few pixels of an override: drag them to let it last otherwise
  const bar = event.target.closest?.("#schedule_plan [data-override]");
  if (!bar || !bar.getAttribute("href").includes("override=")) return null;
  const box = bar.getBoundingClientRect(), near = Math.min(9, box.width / 3);
  const side = event.clientX < box.left + near ? "start" : event.clientX > box.right - near ? "end" : null;
  if (!side) return null;
  return { bar, side, row: bar.closest(".rota-cell"), override: bar.dataset.override, start: +bar.dataset.start, end: +bar.dataset.end };
}

// --- Marking a time by keys: arrows move, with Shift they mark, Enter opens the form ------------------
let cursor = null;
furnish();
function furnish() {
  for (const row of $$("[data-mark]:not([tabindex])")) {
    row.tabIndex = 0;
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Mark a time: arrow keys move, with Shift they mark, Enter overrides");
  }
  for (const line of $$("#schedule_plan .rota-line:not([data-one-stop])")) { // a row is one stop of Tab, arrows go on from there
    line.dataset.oneStop = "";
    const bars = $$(".bar", line), now = $(".now", line)?.getBoundingClientRect().left;
    const first = bars.find((bar) => now !== undefined && bar.getBoundingClientRect().right > now) ?? bars[0];
    for (const bar of bars) bar.setAttribute("tabindex", bar === first ? 0 : -1);
  }
}
document.addEventListener("focusin", (event) => {
  const bar = event.target.closest?.("#schedule_plan .bar");
  if (bar) for (const one of $$(".bar", bar.closest(".rota-line"))) one.setAttribute("tabindex", one === bar ? 0 : -1);
});
const spoken = document.createElement("p");
spoken.className = "hidden-text"; spoken.setAttribute("role", "status");
document.body.append(spoken);
document.addEventListener("keydown", (event) => {
  const row = event.target.closest("[data-mark]");
  if (row && event.target === row) return markByKey(event, row);
  const bar = event.target.closest("#schedule_plan .bar");
  if (!bar || event.shiftKey || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const rows = $$("#schedule_plan .rota-line").map((line) => $$(".bar", line)).filter((bars) => bars.length);
  const at = rows.findIndex((bars) => bars.includes(bar)), left = (one) => one.getBoundingClientRect().left;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") return rows[at][rows[at].indexOf(bar) + (event.key === "ArrowRight" ? 1 : -1)]?.focus();
  const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
  next?.reduce((best, one) => (Math.abs(left(one) - left(bar)) < Math.abs(left(best) - left(bar)) ? one : best)).focus();
});
function markByKey(event, row) {
  const ways = { ArrowLeft: -HOUR, ArrowRight: HOUR, PageUp: -24 * HOUR, PageDown: 24 * HOUR }, way = ways[event.key];
  const { start, end } = range();
  if (!way && event.key !== "Enter") return;
  event.preventDefault();
  const now = Number(document.body.dataset.now);
  cursor ??= { from: snap(now > start && now < end ? Math.ceil(now / HOUR) * HOUR : start) };
  cursor.to ??= Math.min(end, cursor.from + HOUR);
  if (event.key === "Enter") return take({ start: local(cursor.from), end: local(cursor.to), span: `${cursor.from}-${cursor.to}`, words: `${said(cursor.from)} to ${said(cursor.to)}` });
  if (event.shiftKey) cursor.to = Math.min(end, Math.max(cursor.from + HOUR, cursor.to + way));
  else if (cursor.from + way >= start && cursor.to + way <= end) { cursor.from += way; cursor.to += way; }
  drawMark(row, cursor.from, cursor.to);
  spoken.textContent = `${said(cursor.from)} to ${said(cursor.to)}`;
}

// --- Another period without another page --------------------------------------------------------------
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-part]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !window.htmx) return;
  event.preventDefault();
  const part = $(link.dataset.part), href = link.href;
  part.setAttribute("aria-busy", "true");
  htmx.ajax("GET", href, { source: part, target: part, swap: "outerMorph" }).then(() => {
    history.pushState(null, "", href);
    const fresh = $(link.dataset.part);
    fresh.removeAttribute("aria-busy");
    furnish();
    cursor = null;
  }).catch(() => { location.href = href; });
});
const wrong = $("[aria-invalid]", form); // it was refused: the form comes back as it was sent, where it was
if (wrong) { unfold(); wrong.focus(); }
addEventListener("popstate", () => location.reload());
// What is fetched anew takes away what is furnished here.
new MutationObserver(furnish).observe(document.body, { childList: true, subtree: true, attributeFilter: ["tabindex", "data-one-stop"] });
