// The design system's own behaviour: focus on a summary of errors, no second press of a button. Pages work without, and
// one with none of these parts does not load it: the skip link needs no more than a main part that takes the focus.
const PARTS = "[data-module]:not([data-module='nhsuk-skip-link'])";

document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
begin(document);

async function begin(scope) {
  if (scope.querySelector(PARTS) !== null) {
    const { initAll } = await import("./nhsuk-frontend.min.js");
    initAll({ scope });
  }
}

// A page to print offers to print itself only where a script can.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// Text for notes is copied by a button only where a script can.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy);
    text.select();
    await navigator.clipboard.writeText(text.value);
    button.textContent = "Copied";
  });
}

// What changes a part of a page: told aloud when it begins, and again by the answer; the keyboard stays where it was.
const announced = document.getElementById("announced");
const refused = document.getElementById("refused");

document.body.addEventListener("htmx:beforeRequest", ({ target }) => {
  announced.textContent = target.querySelector(".cr-busy")?.textContent ?? "";
});

// Refusals of the service say where they go; what says nothing of that came from something in between, and is not shown.
document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.getResponseHeader("HX-Retarget")) {
    detail.shouldSwap = true;
    detail.isError = false;
    detail.selectOverride = "unset";
  } else if (!detail.xhr.getResponseHeader("Vary")?.includes("HX-Request")) {
    detail.shouldSwap = false;
    notReached({ detail });
  }
});

document.body.addEventListener("htmx:afterSettle", ({ detail }) => {
  const put = detail.target.isConnected ? detail.target : document.getElementById(detail.target.id);
  if (put === null) {
    return;
  }
  begin(put);
  const wrong = put.querySelector("[data-focus], .nhsuk-error-summary, [aria-describedby$='-wrong']");
  if (wrong !== null) {
    wrong.focus();
  } else if (document.activeElement === document.body) {
    put.querySelector(".cr-said, #list-heading")?.focus({ preventScroll: true });
  }
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(name, notReached);
}

function notReached({ detail }) {
  announced.textContent = "";
  refused.replaceChildren(document.getElementById("not-reached").content.cloneNode(true));
  refused.querySelector(detail.requestConfig.verb === "get" ? "[data-sent]" : "[data-asked]").remove();
  refused.firstElementChild.focus();
}
