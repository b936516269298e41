// Grading: whatever is pressed is sent at once, one write after the other, each with the version that was seen.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const panel = () => byId("panel");
  const composes = () => panel()?.dataset.compose !== undefined;
  const comment = () => byId("comment");
  const YEAR = 31536000;
  const ROOM = 60;
  const FRESH = 20000;
  const remember = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; SameSite=Strict`;
  };

  // --- writes: in a row, for each needs the version that the one before gave ------------------------------------
  let row = Promise.resolve();
  let under = 0;
  let failed = false;
  const say = (text) => {
    const saved = byId("saved");
    if (saved) saved.textContent = text;
  };
  const draftName = () => `draft ${panel()?.dataset.keyOf}`;
  const graded = () => byId("score")?.dataset.graded === "yes";
  const unsaved = () => Boolean(comment()) && !composes() && comment().value !== byId("comment-stored").value;

  const settle = (sent) => {
    const field = comment();
    const stored = byId("comment-stored");
    if (panel().dataset.compose === "" && field.value === sent && !byId("conflict").hasChildNodes()) {
      field.value = "";
      htmx.trigger(field, "preview");
    }
    if (!field || !stored) return;
    if (field.value === sent && (graded() || !sent.trim())) {
      if (field.value !== stored.value) {
        field.value = stored.value;
        htmx.trigger(field, "preview");
      }
      sessionStorage.removeItem(draftName());
    } else if (unsaved() && !graded()) {
      say("The comment is saved with the points");
    }
  };
  const write = async (path, values) => {
    const form = panel();
    if (!form?.isConnected) return;
    const sent = comment()?.value ?? "";
    failed = true;
    say("Saving …");
    await htmx.ajax("POST", path, { source: form, target: "#panel-body", swap: "innerHTML", values }).catch(() => {});
    if (failed) say("Not saved");
    else if (panel() === form) {
      settle(sent);
      prefetch();
    }
  };
  const enqueue = (path, values) => {
    under += 1;
    row = row.then(() => write(path, values)).finally(() => { under -= 1; });
    return row;
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    const told = event.detail.xhr.status === 409 && event.detail.serverResponse.trim();
    if (told) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr?.status;
    if (event.detail.requestConfig?.verb === "post" && event.detail.elt === panel() && ((status >= 200 && status < 300) || status === 409)) failed = false;
  });
  const save = () => {
    if (!composes()) enqueue(panel().action, { do: "save" });
  };
  const pressed = (button) => {
    if (button.dataset.again === undefined) return enqueue(panel().action, { do: button.dataset.do });
    const box = byId("conflict");
    const mine = Object.fromEntries(["adjustment", "extra", "comment"].map(
      (name) => [name, box.querySelector(`[name=${name}]`)?.value ?? ""],
    ));
    const items = [...box.querySelectorAll("[name=item]")].map((item) => item.value);
    for (const item of panel().querySelectorAll("input[name=item]")) item.checked = items.includes(item.value);
    panel().elements.adjustment.value = mine.adjustment;
    byId("extra").value = mine.extra;
    if (button.dataset.do === "save") comment().value = mine.comment;
    return enqueue(panel().action, { do: button.dataset.do });
  };

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!panel()?.contains(field) || composes()) return;
    if (field.id === "points") enqueue(panel().action, { do: "points" });
    else if (field.id === "comment" && !graded()) keepDraft();
    else if (field.id !== "comment" || unsaved()) save();
  });
  let idle = 0;
  const keepDraft = () => {
    if (comment().value.trim()) sessionStorage.setItem(draftName(), comment().value);
    else sessionStorage.removeItem(draftName());
    say(comment().value.trim() ? "The comment is saved with the points" : "Not graded yet");
  };
  document.addEventListener("input", (event) => {
    if (event.target !== comment() || composes()) return;
    clearTimeout(idle);
    if (!graded()) return keepDraft();
    say("Not saved yet");
    idle = setTimeout(() => { if (unsaved() && graded()) save(); }, 900);
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== panel()) return;
    event.preventDefault();
    document.activeElement.blur();
  });

  // --- on to another answer: after everything is saved -----------------------------------------------------------
  const go = async (link, plainly) => {
    clearTimeout(idle);
    if (document.activeElement !== document.body) document.activeElement.blur();
    if (unsaved() && graded()) save();
    let before;
    do {
      before = row;
      await row;
    } while (before !== row);
    if (failed) return grader.toast("Not saved: try again, or reload the page.", "error");
    failed = false;
    if (plainly) return location.assign(link.href);
    return show(link);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-go], a[data-go-on]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(link, link.dataset.goOn !== undefined);
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target;
    if (event.key === "Enter" && field.matches?.("#points, #extra")) {
      event.preventDefault();
      field.blur();
    } else if (event.key === "Enter" && [document.body, byId("where"), byId("main")].includes(field)
      && document.body.dataset.keys !== "off" && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      byId("onward")?.click();
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (under || (unsaved() && graded())) event.preventDefault();
  });

  // --- buttons ----------------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button || button.disabled) return;
    if (button.dataset.do) pressed(button);
    else if (button.dataset.post) enqueue(button.dataset.post, JSON.parse(button.dataset.values || "{}"));
    else if (button.dataset.dismiss !== undefined) byId("conflict").replaceChildren();
    else if (button.dataset.opens) open(button);
    else if (button.dataset.insert !== undefined) insert(button.dataset.insert);
    else if (button.id === "names") {
      remember("grader-names", button.getAttribute("aria-pressed") === "true" ? "" : "shown");
      refresh("#main");
    }
  });
  const refresh = (what) => htmx.ajax("GET", location.pathname, { source: document.body, target: what, select: what, swap: "outerHTML" });
  const open = async (button) => {
    const dialog = byId(button.dataset.opens);
    byId(`${dialog.id}-body`).replaceChildren(); // nobody types into what is about to be replaced
    dialog.showModal();
    await htmx.ajax("GET", button.dataset.load, { source: dialog, target: `#${dialog.id}-body`, swap: "innerHTML" });
    const wanted = [button.dataset.then, "[aria-current]", "[data-step]", "input:not([type=hidden])"];
    wanted.map((each) => each && dialog.querySelector(each)).find(Boolean)?.focus();
  };
  const insert = (text) => {
    const field = comment();
    field.value = field.value.trim() ? `${field.value.trimEnd()}\n\n${text}` : text;
    byId("bank").close();
    htmx.trigger(field, "preview");
    if (composes()) return;
    if (graded()) save();
    else keepDraft();
  };
  document.addEventListener("click", (event) => {
    if (event.target.matches?.("dialog.side, #all")) event.target.close();
  });

  // --- the rubric was changed: the panel shows it, and an item that was just made may be given at once ------------
  document.addEventListener("grader:rubric", (event) => {
    const give = event.detail.give;
    row = row.then(async () => {
      const ticked = [...panel().querySelectorAll("input[name=item]:checked")].map((item) => item.value);
      await refresh("#panel-body");
      prefetch();
      if (composes()) for (const id of ticked) if (byId(`item-${id}`)) byId(`item-${id}`).checked = true;
    });
    if (give) {
      byId("rubric").close();
      row.then(() => byId(`item-${give}`)?.click());
    }
  });

  // the next answer is fetched while this one is read, and again after each write, which may change what comes next
  let ready = null;
  const load = (address) => fetch(address).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  const source = (link) => link.dataset.part || link.href;
  const prefetch = () => {
    const link = byId("onward");
    const address = link && source(link);
    ready = link?.dataset.go === undefined ? null : { address, at: performance.now(), text: load(address) };
  };
  // a link shows a page, or the part of one that data-go names: then it stays the same page in the browser's history
  const show = async (link) => {
    const address = source(link);
    const fresh = ready?.address === address && performance.now() - ready.at < FRESH;
    const text = await (fresh ? ready.text : load(address));
    if (!text) return location.assign(link.href);
    const target = link.dataset.go || "#main";
    if (target === "#main") history.pushState({ htmx: true }, "", link.href);
    else history.replaceState(history.state, "", link.href);
    return htmx.swap(target, text, { swapStyle: "outerHTML" }, { select: target });
  };

  // --- a page that has come: its folds as they were left, its draft, the focus on its title -------------------------
  document.addEventListener("toggle", (event) => {
    if (event.target.dataset?.fold === undefined) return;
    const all = [...document.querySelectorAll("details[data-fold]")];
    const shut = (document.cookie.match(/(?:^|; )grader-folds=([^;]*)/)?.[1] ?? "prompt").split(".");
    const here = new Map(all.map((fold) => [fold.dataset.fold, fold.open]));
    const names = ["prompt", "scheme", "before", "after"];
    remember("grader-folds", names.filter((name) => here.get(name) ?? shut.includes(name)).join(".") || "none");
  }, true);
  const arrive = () => {
    if (!panel()) return;
    failed = false;
    const draft = sessionStorage.getItem(draftName());
    if (draft && !composes() && !graded() && !comment().value) {
      comment().value = draft;
      htmx.trigger(comment(), "preview");
      say("The comment is saved with the points");
    }
    prefetch();
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    const came = [event.detail.target?.id, event.detail.elt?.id];
    if (came.includes("grading")) return arrive();
    if (!came.includes("main")) return;
    scrollTo(0, 0);
    const read = document.querySelector(".the-answer");
    if (read?.getBoundingClientRect().bottom > innerHeight) scrollBy(0, read.getBoundingClientRect().top - ROOM);
    byId("where")?.focus({ preventScroll: true });
    arrive();
  });
  arrive();
})();
