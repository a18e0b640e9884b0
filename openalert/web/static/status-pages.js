// Components and groups of a status page are moved by dragging, by the arrow keys on their handle, and by the buttons
// beside them, which do the same without script. The order is saved behind the page, so that the focus stays.
for (const board of document.querySelectorAll("[data-arrange]")) {
  const said = document.getElementById("moved");
  const sections = () => [...board.querySelectorAll("[data-section]")];
  const rows = (section) => [...section.querySelectorAll(":scope > ol > [data-id]")];
  const name = (thing) => thing.querySelector("[data-name]").textContent.trim();
  const group = (section) => (section.dataset.section ? ` in ${name(section)}` : " in no group");
  let due = 0, last = order().join();

  function order() {
    return sections().flatMap((section) =>
      [`group:${section.dataset.section}`, ...rows(section).map((row) => `component:${row.dataset.id}`)]);
  }

  // Several steps after one another are one change, which is sent at once by whoever leaves the page before.
  function save() {
    clearTimeout(due);
    due = setTimeout(send, 500);
  }
  async function send() {
    clearTimeout(due);
    due = 0;
    const now = order();
    if (now.join() === last) return;
    const body = new URLSearchParams(now.map((place) => ["place", place]));
    const answer = await fetch(board.dataset.arrange, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => null);
    if (answer?.type === "opaqueredirect") last = now.join();
    else { said.textContent = "The order could not be saved."; location.reload(); }
  }
  addEventListener("pagehide", () => { if (due) send(); });

  function where(thing) {
    if (thing.matches("[data-section]")) {
      const groups = sections().filter((section) => section.dataset.section);
      return `${name(thing)}: group ${groups.indexOf(thing) + 1} of ${groups.length}`;
    }
    const section = thing.closest("[data-section]"), own = rows(section);
    return `${name(thing)}: ${own.indexOf(thing) + 1} of ${own.length}${group(section)}`;
  }

  function moved(thing, focus) {
    focus?.focus();
    said.textContent = where(thing);
    save();
  }

  function step(thing, places, focus) {
    if (thing.matches("[data-section]")) {
      const groups = sections().filter((section) => section.dataset.section);
      const beside = groups[groups.indexOf(thing) + places];
      if (beside) beside[places < 0 ? "before" : "after"](thing);
      return moved(thing, focus);
    }
    const section = thing.closest("[data-section]"), own = rows(section), every = sections();
    const beside = own[own.indexOf(thing) + places];
    if (beside) beside[places < 0 ? "before" : "after"](thing);
    else {
      const next = every[every.indexOf(section) + places];
      if (next) next.querySelector("ol")[places < 0 ? "append" : "prepend"](thing);
    }
    moved(thing, focus);
  }

  const thingOf = (part) => part.closest("[data-id]") || part.closest("[data-section]");
  board.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.step) return;
    event.preventDefault();
    step(thingOf(button), Number(button.dataset.step), button);
  });
  board.addEventListener("keydown", (event) => {
    const grip = event.target.closest("[data-grip]"), places = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!grip || !places) return;
    event.preventDefault();
    step(thingOf(grip), places, grip);
  });

  let dragged = null;
  for (const grip of board.querySelectorAll("[data-grip]")) {
    const thing = thingOf(grip);
    grip.hidden = false;
    grip.addEventListener("pointerdown", () => { thing.draggable = true; });
    grip.addEventListener("pointerup", () => { thing.draggable = false; });
    thing.addEventListener("dragstart", (event) => {
      if (!thing.draggable || (event.target !== thing)) return;
      dragged = thing; thing.classList.add("dragged"); event.dataTransfer.effectAllowed = "move";
    });
    thing.addEventListener("dragend", () => {
      thing.draggable = false; thing.classList.remove("dragged");
      if (dragged === thing) { dragged = null; moved(thing, null); }
    });
  }
  board.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const section = event.target.closest("[data-section]");
    if (!section || dragged.contains(section)) return;
    const over = dragged.matches("[data-section]") ? section : event.target.closest("[data-id]");
    if (over === dragged) return;
    if (!over) return section.querySelector("ol").append(dragged);
    const box = over.getBoundingClientRect();
    const before = event.clientY < box.top + box.height / 2;
    if (dragged.matches("[data-section]") && !over.dataset.section) return over.after(dragged);
    over[before ? "before" : "after"](dragged);
  });
}

// A new page: the address is proposed while its name is typed, and only services of the chosen team are offered.
for (const form of document.querySelectorAll("[data-new-page]")) {
  const { name, slug, team_id: team } = form.elements;
  const propose = () => {
    const plain = name.value.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").toLowerCase();
    slug.placeholder = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 56) || "acme-status";
  };
  const offer = () => {
    for (const part of form.querySelectorAll("[data-team]")) {
      part.hidden = part.dataset.team !== team.value;
      for (const field of part.querySelectorAll("input")) field.disabled = part.hidden;
    }
  };
  name.addEventListener("input", propose);
  team.addEventListener("change", offer);
  propose();
  offer();
}

// Settings: what is typed is posted, unsaved, to whatever draws the page, into a frame that takes the place of the one
// before once it is there. A frame of its own each time, so that the way back does not lead through previews.
for (const form of document.querySelectorAll("[data-preview]")) {
  const frames = document.querySelector(".frames"), accent = form.elements.accent;
  const picker = form.querySelector("[data-for]"), contrast = form.querySelector("[data-contrast]");
  const unsaved = form.querySelector("[data-unsaved]");
  let due = 0, number = 0;

  function draw() {
    const fresh = frames.lastElementChild.cloneNode(), shown = frames.firstElementChild;
    for (const waiting of [...frames.children].slice(1)) waiting.remove();
    fresh.removeAttribute("src");
    fresh.removeAttribute("loading");
    fresh.name = `preview-${(number += 1)}`;
    fresh.classList.add("waiting");
    frames.append(fresh);
    fresh.addEventListener("load", () => {
      if (!fresh.isConnected || fresh.contentWindow.location.href === "about:blank") return;
      const at = shown.contentWindow?.scrollY || 0;
      fresh.classList.remove("waiting");
      shown.remove();
      fresh.contentWindow.scrollTo(0, at);
    });
    const copy = form.cloneNode(true); // its own target, without the buttons and the checks of the real one
    for (const list of form.querySelectorAll("select, textarea")) copy.elements[list.name].value = list.value;
    Object.assign(copy, { target: fresh.name, action: form.dataset.preview, hidden: true });
    copy.removeAttribute("id");
    document.body.append(copy);
    copy.submit();
    copy.remove();
  }

  const luminance = (colour) => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  function weigh() { // the same words as the page has when it comes
    const colour = accent.value.trim().toLowerCase();
    if (!/^#[0-9a-f]{6}$/.test(colour)) { contrast.textContent = ""; return; }
    picker.value = colour;
    const seen = [["light", ratio(colour, "#f6f7f9")], ["dark", ratio(colour, "#0b0d11")]];
    const weak = seen.filter(([, value]) => value < 3).map(([name]) => name).join(" and ");
    contrast.textContent = seen.map(([name, value]) => `${value.toFixed(1)}:1 on ${name}`).join(", ") + (weak ? `: its line is hardly seen on ${weak}` : "");
  }

  picker.hidden = false;
  form.querySelector("[data-look]").hidden = true;
  picker.addEventListener("input", () => { accent.value = picker.value; accent.dispatchEvent(new Event("input", { bubbles: true })); });
  form.addEventListener("input", (event) => {
    if (event.target === picker) return;
    if (event.target === accent) weigh();
    unsaved.hidden = false;
    clearTimeout(due);
    due = setTimeout(draw, 400);
  });
}
