// Trying a study: a folder is dropped, sending shows how far it is, and the page follows the steps. The forms work without this.
"use strict";

(function () {
  const trial = document.getElementById("trial");
  if (trial && trial.hasAttribute("data-working")) setTimeout(follow, 1000);

  async function follow() {
    const old = document.getElementById("trial");
    let fresh = null;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (!answer.ok) {
        location.reload(); // the page says what is wrong
        return;
      }
      fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("trial");
    } catch {
      // The node is away.
    }
    if (fresh && !fresh.hasAttribute("data-working")) {
      location.reload(); // the study has its result now
      return;
    }
    if (fresh && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
    setTimeout(follow, 1000);
  }

  const form = document.getElementById("give");
  if (!form) return;
  const most = Number(form.dataset.most);
  const drop = form.querySelector(".drop");
  const sending = document.getElementById("sending");
  const refused = document.getElementById("refused");
  const button = form.querySelector("button");
  drop.hidden = false;

  function refuse(text) {
    sending.hidden = true;
    button.disabled = false;
    refused.textContent = text;
    refused.hidden = false;
  }

  function send(files) {
    if (button.disabled) return;
    refused.hidden = true;
    const size = files.reduce((sum, f) => sum + f.size, 0);
    if (!files.length) return refuse("No file came. Choose the files of one chest CT study, or a zip of them.");
    if (size > most) return refuse("This is more than the " + form.dataset.mostText + " that a study may have here.");
    button.disabled = true;
    sending.hidden = false;
    const bar = sending.querySelector("progress");
    const said = sending.querySelector("span");
    const data = new FormData();
    for (const f of files) data.append("files", f, "file"); // names may be patients'
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.onprogress = (e) => {
      if (!e.lengthComputable) return;
      bar.value = e.loaded / e.total;
      said.textContent = "sending, " + Math.floor(100 * bar.value) + " %";
    };
    request.upload.onload = () => { said.textContent = "sent; the node looks through it"; };
    request.onload = () => {
      if (request.status === 401) location.reload();
      else if (request.status === 200) location.assign(request.responseURL);
      else refuse(request.responseText);
    };
    request.onerror = () => refuse("The node does not answer, or has refused the study. Reload this page and try again.");
    request.send(data);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send([...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]));
  });

  // What is dropped may be a folder, whose entries come a hundred at a time.
  async function filesOf(entry) {
    if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
    const reader = entry.createReader();
    const all = [];
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return all;
      for (const one of some) all.push(...await filesOf(one));
    }
  }
  const main = document.getElementById("main");
  main.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  main.addEventListener("dragleave", () => drop.classList.remove("over"));
  main.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean); // now: they are gone later
    try {
      const files = [];
      for (const entry of entries) files.push(...await filesOf(entry));
      send(files);
    } catch {
      refuse("What was dropped cannot be read.");
    }
  });
})();
