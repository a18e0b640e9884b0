// Routing rules are dragged by their number; the buttons beside them do the same without script.
for (const list of document.querySelectorAll("[data-order]")) {
  let dragged = null;
  for (const grip of list.querySelectorAll("[data-grip]")) {
    const row = grip.closest("[data-id]");
    grip.addEventListener("pointerdown", () => { row.draggable = true; });
    row.addEventListener("dragstart", (event) => { dragged = row; row.classList.add("dragged"); event.dataTransfer.effectAllowed = "move"; });
    row.addEventListener("dragend", () => { row.draggable = false; row.classList.remove("dragged"); if (dragged) save(); dragged = null; });
  }
  list.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target.closest("[data-id]");
    if (!over || over === dragged || over.parentElement !== list) return;
    const box = over.getBoundingClientRect();
    list.insertBefore(dragged, event.clientY < box.top + box.height / 2 ? over : over.nextSibling);
  });
  const before = ids().join();
  function ids() { return [...list.querySelectorAll(":scope > [data-id]")].map((row) => row.dataset.id); }
  function save() {
    const order = ids();
    if (order.join() === before) return;
    const form = document.createElement("form");
    form.method = "post";
    form.action = list.dataset.order;
    for (const [name, value] of [["team_id", list.dataset.team], ["integration_id", list.dataset.integration], ...order.map((id) => ["ids", id])]) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  }
}
