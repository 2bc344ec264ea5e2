// Live updates and the scroller. Everything else works without this.
"use strict";

(function () {
  // Parts of the page that the node made anew replace those shown, unless somebody is at work in them.
  let fetching = false;
  let again = false;
  async function refresh() {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (Boolean(page.getElementById("slices")) !== Boolean(document.getElementById("slices"))) {
        location.reload(); // the study has its result now
        return;
      }
      for (const old of document.querySelectorAll("[data-part]")) {
        const fresh = page.getElementById(old.id);
        if (!fresh || fresh.outerHTML === old.outerHTML || old.contains(document.activeElement)) continue;
        old.replaceWith(document.adoptNode(fresh));
      }
    } catch {
      // The node is away; the browser asks again for events.
    } finally {
      fetching = false;
      if (again) {
        again = false;
        setTimeout(refresh, 500);
      }
    }
  }
  // Only a page that is seen keeps a connection: a browser opens six to a server, and a seventh page would wait for ever.
  if (document.body.hasAttribute("data-live") && window.EventSource) {
    let events = null;
    const leave = () => {
      if (events) events.close();
      events = null;
    };
    const join = () => {
      leave();
      events = new EventSource("/live");
      events.addEventListener("change", refresh);
    };
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        leave();
        return;
      }
      join();
      refresh(); // it may have missed something
    });
    addEventListener("pagehide", leave);
    if (!document.hidden) join();
  }

  // The scroller: a slider and the wheel of keys over the slices that the form lists.
  const slices = document.getElementById("slices");
  if (!slices) return;
  const form = slices.querySelector("form");
  const choice = form.querySelector("select");
  const options = [...choice.options];
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 1;
  slider.max = options.length;
  slider.value = choice.value;
  slider.setAttribute("aria-label", "Slice");
  form.prepend(slider);
  for (const spare of form.querySelectorAll("button, a")) spare.remove();

  const kept = new Map(); // pictures that were fetched; the newest at the end
  const mostKept = 150;
  function picture(url) {
    let p = kept.get(url);
    if (!p) {
      p = new Promise((resolve) => {
        const img = new Image();
        img.onload = () => resolve(img);
        img.onerror = () => { kept.delete(url); resolve(null); };
        img.src = url;
      });
    } else {
      kept.delete(url);
    }
    kept.set(url, p);
    if (kept.size > mostKept) kept.delete(kept.keys().next().value);
    return p;
  }
  const names = { ct: "CT", outline: "Lesion outline", activation: "Activation map", lungs: "Lungs" };
  const layersOf = (option) => option.dataset.layers.split(" ");
  let wanted = Number(choice.value);
  function show(number) {
    number = Math.min(Math.max(number, 1), options.length);
    wanted = number;
    const option = options[number - 1];
    slider.value = number;
    choice.value = number;
    slider.setAttribute("aria-valuetext", option.text);
    history.replaceState(null, "", "?slice=" + number);
    for (const figure of slices.querySelectorAll("figure")) {
      const img = figure.querySelector("img");
      const layer = img.dataset.layer;
      const there = layersOf(option).includes(layer);
      figure.classList.toggle("none", !there);
      if (!there) {
        img.hidden = true;
        img.removeAttribute("src");
        img.alt = "";
        continue;
      }
      picture(option.dataset.base + layer + ".png").then((done) => {
        if (!done || wanted !== number) return; // somebody has scrolled on
        done.alt = names[layer] + ", slice " + number;
        done.dataset.layer = layer;
        figure.querySelector("img").replaceWith(done); // not fetched again, as another src would be
      });
    }
    clearTimeout(ahead);
    ahead = setTimeout(() => {
      for (const near of [number + 1, number - 1, number + 2]) {
        const beside = options[near - 1];
        if (beside) for (const layer of layersOf(beside)) picture(beside.dataset.base + layer + ".png");
      }
    }, 150);
  }
  let ahead = 0;
  slider.setAttribute("aria-valuetext", options[wanted - 1].text);
  slider.addEventListener("input", () => show(Number(slider.value)));
  choice.addEventListener("change", () => show(Number(choice.value)));
  form.addEventListener("submit", (event) => event.preventDefault());
  slices.querySelector(".layers").addEventListener("wheel", (event) => {
    if (event.ctrlKey || !event.deltaY) return;
    const next = wanted + Math.sign(event.deltaY);
    if (next < 1 || next > options.length) return; // the page scrolls on
    event.preventDefault();
    show(next);
  }, { passive: false });
})();
