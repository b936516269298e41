// What pages do without asking the server: keys, the help sheet, toasts, the theme, tables that sort and filter.
"use strict";

(() => {
  const YEAR = 31536000;
  const remember = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR : 0}; SameSite=Strict`;
  };
  const visible = (element) => element.checkVisibility({ checkVisibilityCSS: true });
  const usable = (element) => visible(element) && !element.disabled && element.getAttribute("aria-disabled") !== "true";

  // --- toasts -------------------------------------------------------------------------------------------------
  const toast = (text, kind = "done") => {
    const place = document.getElementById(kind === "error" ? "alerts" : "toasts");
    const note = document.createElement("div");
    note.className = `toast ${kind}`;
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "icon";
    close.textContent = "×";
    close.setAttribute("aria-label", "Close this message");
    close.addEventListener("click", () => note.remove());
    note.append(words, close);
    if (kind === "error") place.replaceChildren(note);
    else place.append(note);
    while (place.children.length > 3) place.firstElementChild.remove();
    if (kind !== "error") setTimeout(() => note.remove(), 5000);
  };
  document.addEventListener("grader:toast", (event) => toast(event.detail.text, event.detail.kind));
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf]").content;
  });
  document.addEventListener("htmx:sendError", () => {
    toast("grader review does not answer. Is it still running in its terminal?", "error");
  });
  document.addEventListener("htmx:timeout", () => toast("grader review takes too long to answer.", "error"));
  document.addEventListener("htmx:responseError", (event) => {
    const answer = event.detail.xhr;
    if (answer.getResponseHeader("HX-Trigger")) return;
    const told = (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain");
    toast(told ? answer.responseText.trim() : `That did not work (${answer.status}).`, "error");
  });

  // --- keys: every element with data-key is pressed, or focused, by that key ------------------------------------
  const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
  const PATIENCE = 1200;
  let begun = "";
  let forget = 0;

  const named = (event) => {
    const key = event.key === " " ? "Space" : event.key;
    const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
    const shift = event.shiftKey && (key.length > 1 || control) ? "Shift+" : "";
    return control + (event.altKey ? "Alt+" : "") + shift + (control && key.length === 1 ? key.toLowerCase() : key);
  };
  const within = () => document.querySelector("dialog[open]") || document;
  const found = (key) => [...within().querySelectorAll("[data-key]")].find(
    (element) => element.dataset.key.split(" | ").includes(key) && usable(element),
  );
  const begins = (key) => [...within().querySelectorAll("[data-key]")].some(
    (element) => element.dataset.key.split(" | ").some((each) => each.startsWith(`${key} `)) && usable(element),
  );
  const steps = () => [...within().querySelectorAll("[data-step]")].filter(usable);
  const step = (key) => {
    const by = { j: 1, k: -1 }[key];
    const all = by ? steps() : [];
    const here = all.indexOf(document.activeElement);
    return here < 0 ? all[0] : all[Math.min(Math.max(here + by, 0), all.length - 1)];
  };
  const act = (element) => {
    if (element.matches(TYPING)) {
      element.focus();
      if (element.select && element.tagName === "INPUT") element.select();
    } else {
      if (element.dataset.focus !== "stay") element.focus({ preventScroll: true });
      element.click();
    }
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const typing = event.target.closest?.(TYPING);
    const pressed = named(event);
    const chorded = event.ctrlKey || event.metaKey || event.altKey;
    if (typing && event.key === "Escape") {
      typing.blur();
      return;
    }
    if (typing && !chorded) return;
    if (!chorded && document.body.dataset.keys === "off") return;
    if (["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) return;
    const key = begun ? `${begun} ${pressed}` : pressed;
    const meant = found(key) || found(pressed);
    const element = meant || step(pressed);
    clearTimeout(forget);
    begun = "";
    if (element && !meant) {
      event.preventDefault();
      element.focus();
    } else if (element) {
      event.preventDefault();
      act(element);
    } else if (begins(pressed)) {
      event.preventDefault();
      begun = pressed;
      forget = setTimeout(() => { begun = ""; }, PATIENCE);
    }
  });

  // --- the help sheet: made of what can be pressed on the page now -----------------------------------------------
  const sheet = () => {
    const groups = new Map();
    for (const element of document.querySelectorAll("[data-key][data-says]")) {
      if (!visible(element)) continue;
      const group = element.dataset.group || "On this page";
      if (!groups.has(group)) groups.set(group, new Map());
      groups.get(group).set(element.dataset.key, element.dataset.says);
    }
    if (steps().length && !found("j")) {
      const moving = groups.get("On this page") || new Map();
      groups.set("On this page", moving.set("j | k", "Next or previous line; Enter opens it"));
    }
    const order = (name) => ["On this page", "Anywhere", "Go to"].indexOf(name) + 1 || 0.5;
    return [...groups].sort(([one], [other]) => order(one) - order(other)).map(([name, keys]) => {
      const section = document.createElement("section");
      const title = document.createElement("h3");
      title.textContent = name;
      const list = document.createElement("dl");
      for (const [key, says] of keys) {
        const term = document.createElement("dt");
        key.split(" | ").forEach((each, place) => {
          if (place) term.append(" or ");
          each.split(" ").forEach((stroke) => {
            const cap = document.createElement("kbd");
            cap.textContent = stroke;
            term.append(cap);
          });
        });
        const meaning = document.createElement("dd");
        meaning.textContent = says;
        const line = document.createElement("div");
        line.append(term, meaning);
        list.append(line);
      }
      section.append(title, list);
      return section;
    });
  };

  // --- tables: a click on a title sorts, a word in the field filters ---------------------------------------------
  const value = (row, column) => {
    const cell = row.cells[column];
    const given = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(given);
    return given !== "" && Number.isFinite(number) ? number : given;
  };
  const compare = (one, other) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), undefined, { numeric: true });
  };
  const sort = (button) => {
    const head = button.closest("th");
    const table = button.closest("table");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [value(row, head.cellIndex), row]);
    rows.sort(([one], [other]) => (one === "" || other === "" ? compare(one, other) : (down ? -1 : 1) * compare(one, other)));
    body.append(...rows.map(([, row]) => row));
  };
  const plain = (text) => text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
  const filter = (field) => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    const rows = [...document.querySelector(field.dataset.filter).tBodies[0].rows];
    let shown = 0;
    for (const row of rows) {
      const text = plain(row.dataset.text ?? row.textContent);
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    const count = document.querySelector(field.dataset.count);
    if (count) count.textContent = words.length ? `${shown} of ${rows.length}` : `${rows.length}`;
  };
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-filter]")) filter(event.target);
  });
  for (const field of document.querySelectorAll("[data-filter][data-from]")) {
    const wanted = new URLSearchParams(location.search).get(field.dataset.from);
    if (wanted) {
      field.value = wanted;
      filter(field);
    }
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("th button[data-sort]");
    if (button) sort(button);
  });

  // --- the theme, and whether single keys act ---------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#theme")) {
      const root = document.documentElement;
      const now = root.dataset.theme || (dark.matches ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      const asSystem = next === (dark.matches ? "dark" : "light");
      if (asSystem) delete root.dataset.theme;
      else root.dataset.theme = next;
      document.querySelector("meta[name=color-scheme]").content = asSystem ? "light dark" : next;
      remember("grader-theme", asSystem ? "" : next);
    } else if (event.target.closest?.("#open-help")) {
      document.getElementById("help-keys").replaceChildren(...sheet());
      document.getElementById("help").showModal();
    } else if (event.target.id === "help") {
      event.target.close();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "keys-on") return;
    if (event.target.checked) delete document.body.dataset.keys;
    else document.body.dataset.keys = "off";
    remember("grader-keys", event.target.checked ? "" : "off");
  });

  window.grader = Object.freeze({ toast });
})();
