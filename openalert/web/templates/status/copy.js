(() => {
  const note = document.getElementById("copy"), said = document.createElement("strong");
  const look = () => {
    const hours = Math.floor((Date.now() - Date.parse(note.querySelector("time").dateTime)) / 3600000);
    if (!(hours >= 1)) return;
    const [count, unit] = hours < 48 ? [hours, "hour"] : [Math.floor(hours / 24), "day"];
    const long = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" });
    note.className = "copy stale";
    said.textContent = note.dataset.old.replace("{length}", long.format(count)) + " ";
    note.prepend(said);
  };
  look();
  setInterval(look, 60000);
})();
