// A whole submission: the question in the panel, its cell in the notebook and its line in the list are one.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);

  // --- which question is in hand ----------------------------------------------------------------------------------
  const mark = () => {
    const panel = byId("grading");
    for (const link of document.querySelectorAll("#contents a")) {
      const here = link.dataset.number === panel?.dataset.number;
      if (here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      if (here) link.scrollIntoView({ block: "nearest" });
    }
    for (const cell of document.querySelectorAll("#sheet .cell.here")) cell.classList.remove("here");
    byId(panel?.dataset.cell)?.classList.add("here");
  };
  const show = () => byId(byId("grading")?.dataset.from)?.scrollIntoView({ block: "start" });

  document.addEventListener("htmx:afterSettle", (event) => {
    const came = [event.detail.target?.id, event.detail.elt?.id];
    if (came.includes("grading")) {
      mark();
      show();
      byId("where")?.focus({ preventScroll: true });
    }
  });
  // what could not be saved a moment ago is saved now
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.elt?.id === "panel" && event.detail.xhr.status < 300) byId("alerts").replaceChildren();
  });

  // --- graded again: everything that may be another now, but not what somebody types -------------------------------
  const renew = async () => {
    const answer = await fetch(location.pathname).catch(() => null);
    const text = answer?.ok ? await answer.text() : null;
    if (!text || !byId("panel-body")) return location.reload();
    for (const part of ["#whole-head", "#contents", "#sheet", "#panel-body"]) {
      await htmx.swap(part, text, { swapStyle: "outerHTML" }, { select: part });
    }
    return mark();
  };
  document.addEventListener("grader:regraded", renew);
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt?.id === "regrade-button" && event.detail.successful) scrollTo(0, 0);
  });
  document.addEventListener("htmx:afterSettle", () => {
    const log = document.querySelector("#regrade .log");
    if (log) log.scrollTop = log.scrollHeight;
  });

  // --- the panel is as high as there is room, wherever the page has been scrolled to ---------------------------------
  const LEAST = 320;
  const fit = () => {
    const panel = byId("grading");
    if (!panel) return;
    const room = innerHeight - panel.getBoundingClientRect().top - 10;
    document.documentElement.style.setProperty("--room", `${Math.max(room, LEAST)}px`);
  };
  addEventListener("scroll", fit, { passive: true });
  addEventListener("resize", fit);
  document.addEventListener("htmx:afterSettle", fit);

  mark();
  fit();
  if (/\/at\/[^/]+\/[^/]+$/.test(location.pathname) && !location.hash) show();
})();
