(function () {
  var note = document.getElementById("copy"), said = document.createElement("strong");
  function look() {
    var minutes = Math.floor((Date.now() - Date.parse(note.querySelector("time").dateTime)) / 60000);
    if (!(minutes >= 60)) return;
    var hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    var age = days > 1 ? days + " days" : hours > 1 ? hours + " hours" : "an hour";
    note.className = "stale";
    said.textContent = "This copy is " + age + " old: newer news may be missing. ";
    note.insertBefore(said, note.firstChild);
  }
  look();
  setInterval(look, 60000);
})();
