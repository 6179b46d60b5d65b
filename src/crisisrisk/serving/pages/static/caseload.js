// Lists in place. Nothing moves: an address names a heading for whoever loads the page. More rows are read from the first.
const rows = () => [...document.querySelectorAll(".cr-people tbody tr[id]")];
let before = [];

document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  before = rows().map((row) => row.id);
  detail.pathInfo.anchor = undefined;
});

document.body.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.requestConfig.elt.id === "more") {
    rows().find((row) => !before.includes(row.id))?.querySelector("a").focus();
  }
});

// Snooze in a row: how long and why are asked for there, and the row says what became of it. Opening it asks for nothing.
const links = new WeakMap();

document.body.addEventListener("click", (event) => {
  const { target } = event;
  const slot = target.closest(".cr-snooze");
  const link = target.closest("[data-snooze]");
  if (slot !== null && target.closest("[data-cancel]") !== null) {
    slot.replaceChildren(...links.get(slot));
    slot.querySelector("a").focus();
  } else if (link !== null && window.htmx !== undefined && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const form = document.getElementById("snooze-form").content.firstElementChild.cloneNode(true);
    form.setAttribute("hx-post", `${link.pathname}/snoozes`);
    for (const button of form.querySelectorAll("button .nhsuk-u-visually-hidden")) {
      button.textContent = link.querySelector(".nhsuk-u-visually-hidden").textContent;
    }
    links.set(slot, [...slot.childNodes]);
    slot.replaceChildren(form);
    window.htmx.process(form);
    form.querySelector("select").focus();
  }
});
