// What keeps somebody from reading or using a page, found in the page as a browser lays it out. Each answers with a
// list of words, empty where nothing is wrong.
(asked) => {
  const style = (el, part) => getComputedStyle(el, part);
  const seen = (el) => {
    const box = el.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && el.checkVisibility({ visibilityProperty: true });
  };
  const all = (what) => [...document.querySelectorAll(what)].filter(seen);
  const named = (el) => `${el.tagName.toLowerCase()}.${el.getAttribute("class") ?? ""} "${(el.textContent ?? "").trim().slice(0, 40)}"`;
  const words = (el) => [...el.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim());
  const rgb = (text) => {
    const found = text.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
    return found && Number(found[4] ?? 1) > 0.05 ? found.slice(1, 4).map(Number) : null;
  };
  // WCAG 2.2: relative luminance, and the contrast of two colours.
  const light = (colour) => {
    const [r, g, b] = colour.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  // What something stands on.
  const ground = (el) => {
    for (let one = el.parentElement; one; one = one.parentElement) if (rgb(style(one).backgroundColor)) return rgb(style(one).backgroundColor);
    return [255, 255, 255];
  };
  const hue = ([r, g, b]) => {
    const most = Math.max(r, g, b), span = most - Math.min(r, g, b);
    if (!span || span / most < 0.05 || most < 50) return null; // grey, or so dark that it has none; a pale red is red
    const turn = most === r ? ((g - b) / span + 6) % 6 : most === g ? (b - r) / span + 2 : (r - g) / span + 4;
    return turn * 60;
  };

  // WCAG 2.2, 2.4.11: once it is scrolled to, some of it lies under nothing else.
  const hidden = (el, beside) => {
    el.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const own = [el, beside].filter(Boolean);
    const spots = own.flatMap((one) => [...one.getClientRects()]).flatMap(({ left, right, top, bottom }) => [0.1, 0.5, 0.9].map((at) => [left + at * (right - left), top + at * (bottom - top)]));
    return !spots.some((spot) => {
      const there = document.elementFromPoint(...spot);
      return there && own.some((one) => one.contains(there) || there.contains(one));
    });
  };

  const checks = {
    // Headings in order, one of the first level; a title; who is signed in may report a concern.
    structure() {
      const found = [], heads = all("h1, h2, h3, h4, h5, h6").filter((el) => !el.closest(".nhsuk-error-summary")), levels = heads.map((el) => Number(el.tagName[1]));
      if (levels.filter((one) => one === 1).length !== 1 || levels[0] !== 1) found.push(`headings begin ${levels}`);
      levels.forEach((one, at) => { if (at && one > levels[at - 1] + 1) found.push(`a heading ${one} under a ${levels[at - 1]}`); });
      const utc = document.body.innerText.match(/\d{4}-\d\d-\d\dT\S*/);
      if (utc) found.push(`not by the clock on the wall: ${utc[0]}`);
      const odd = document.body.innerText.match(/.{0,30}([^.]\.\.(?!\.)|\. \.|(?<!\d[.,])\b1 (weeks|days|people|looks|contacts)\b|\bNone(?=[,)]|$)|\bundefined\b).{0,20}/m);
      if (odd) found.push(`reads oddly: ${odd[0]}`);
      // What machines say to each other is for nobody's eyes, but as a name in <code> that words stand beside.
      for (const el of all("body *")) {
        if (!words(el) || el.closest("code, pre, textarea, .cr-worker")) continue; // a note for the record says the model by its name; workers are named by the site
        const own = [...el.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE).map((one) => one.data).join(" ");
        const name = own.match(/\/api\/|\bdocs\/\S+|\S+\.toml|Input should|Extra inputs|%[HMYdb]|\b(?!k\d_)[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b/);
        if (name) found.push(`a machine's words: ${name[0]}: ${named(el)}`);
        const value = own.match(/\b(?:None|null|nan|NaN|undefined)\b(?! known| that)/) ?? own.match(/(?<!\d[.,:]?)\b1 (?:people|persons|places|contacts|calls|teams|minutes|hours|days|weeks|records|rows|files|alerts|concerns|looks|moves|sources)\b/);
        if (value) found.push(`not a word: ${value[0]}: ${named(el)}`);
      }
      for (const el of all(".nhsuk-button.cr-button")) found.push(`two kinds of button at once: ${named(el)}`);
      if (!document.title.trim()) found.push("no title");
      if (document.documentElement.lang !== "en-GB") found.push("not said to be British English");
      if (all("main").length !== 1) found.push("not one main part");
      for (const el of all("table th")) if (!el.scope) found.push(`no scope: ${named(el)}`);
      for (const el of all("table")) if (!el.caption && !document.getElementById(el.getAttribute("aria-labelledby")) && !el.closest("[aria-label]")) found.push(`a table without a name: ${named(el)}`);
      for (const el of all("a[href^='#']:not([role=button])")) if (!document.getElementById(decodeURIComponent(el.hash.slice(1)))) found.push(`leads nowhere: ${el.hash} ${named(el)}`);
      const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
      ids.filter((one, at) => ids.indexOf(one) !== at).forEach((one) => found.push(`stands there twice: #${one}`));
      if (document.querySelector(".cr-footer") && !all("footer a").at(-1)?.matches('[href^="/safety-concern"]')) found.push("no way to report a concern as the last link"); // WCAG 2.2, 3.2.6
      return found;
    },
    // What can be used is told from its ground by an edge, a fill or a line under it (WCAG 2.2, 1.4.11).
    edges() {
      const found = [];
      for (const el of all("button, input:not([type=hidden]), select, textarea")) {
        const drawn = [[el, null], ...(["radio", "checkbox"].includes(el.type) && el.nextElementSibling ? [[el.nextElementSibling, "::before"]] : [])];
        const told = drawn.map(([one, part]) => style(one, part)).some((s) => s.textDecorationLine.includes("underline")
          || parseFloat(s.borderBottomWidth) > 0 && s.borderBottomStyle !== "none" && rgb(s.borderBottomColor) && contrast(rgb(s.borderBottomColor), ground(el)) >= 3
          || [s.backgroundColor, ...(s.boxShadow.match(/rgba?\([^)]*\)/g) ?? [])].map(rgb).some((one) => one && contrast(one, ground(el)) >= 3));
        if (!told && !(["radio", "checkbox"].includes(el.type) && style(el).appearance === "auto")) found.push(`no edge to be seen: ${named(el)}`);
      }
      return found;
    },
    // Nothing lies outside of the window, no words are cut off, and no reference is in two lines.
    overflow() {
      const found = [], wide = document.documentElement.scrollWidth, room = document.documentElement.clientWidth;
      if (wide > room) {
        const out = all("body *").filter((el) => el.getBoundingClientRect().right > room + 1 && !el.closest(".cr-scroll, .cr-sheet"));
        found.push(`${wide} px in a window of ${room}: ${out.slice(-1).map(named)}`);
      }
      for (const el of all("body *")) {
        const said = style(el);
        if (said.position === "absolute" && said.clipPath !== "none") continue; // for screen readers alone
        if (["hidden", "clip"].includes(said.overflowX) && el.scrollWidth > el.clientWidth + 1 && !el.matches("svg, svg *, input, select")) found.push(`cut off: ${named(el)}`);
        if (said.textOverflow === "ellipsis") found.push(`shortened: ${named(el)}`);
        for (const text of el.childNodes) for (const one of text.nodeType === Node.TEXT_NODE ? text.data.matchAll(/(?<![\w-])[A-Z]-\d+/g) : []) {
          const range = document.createRange();
          range.setStart(text, one.index); range.setEnd(text, one.index + one[0].length);
          if (new Set([...range.getClientRects()].map((rect) => rect.top)).size > 1) found.push(`a reference in two lines: ${one[0]}`);
        }
      }
      return found;
    },
    // Small: words in drawings are as large as they can be read, and what lost its heading says what it is.
    small() {
      const found = [];
      for (const el of all("svg text")) {
        const size = parseFloat(style(el).fontSize) * el.getScreenCTM().a;
        if (size < 8.5) found.push(`${size.toFixed(1)} px: ${named(el)}`);
      }
      for (const table of all("table.cr-table")) {
        if (!table.tHead || style(table.tHead).position !== "absolute") continue;
        for (const cell of table.querySelectorAll("tbody td")) {
          const before = style(cell, "::before").content, said = `${before === "none" ? "" : before}${cell.innerText}`.trim();
          if (/^[\d.,]+$|^\w{3} \d{1,2} \w{3}( \d{4})?,? \d\d:\d\d$|^\d+ to \d+$|^\d+ in 100$/.test(said)) found.push(`nothing says what it is: ${said}`);
        }
      }
      return found;
    },
    // Whatever takes the keyboard shows it, with a contrast of 3 to its ground (WCAG 2.2, 1.4.11), and by an outline, which
    // forced colours keep; and it is nowhere out of turn.
    focus() {
      const look = (el, part) => { const s = style(el, part); return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor, s.borderColor].join(); };
      const found = [], can = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
      for (const el of document.querySelectorAll(can)) {
        if (el.tabIndex > 0) found.push(`out of turn: ${named(el)}`);
        if (el.tabIndex < 0 || el.disabled || !el.checkVisibility({ visibilityProperty: true })) continue;
        const beside = el.nextElementSibling?.matches("label") ? el.nextElementSibling : null;
        const drawn = () => [[el, null], ...(beside ? [[beside, "::before"]] : [])].map(([one, part]) => [look(one, part), style(one, part)]);
        const before = drawn().map(([text]) => text).join(), was = drawn().map(([, s]) => s.backgroundColor);
        el.focus({ focusVisible: true, preventScroll: true });
        if (document.activeElement !== el) { found.push(`takes no focus: ${named(el)}`); continue; }
        const after = drawn();
        if (after.map(([text]) => text).join() === before) found.push(`does not show its focus: ${named(el)}`);
        const marks = after.flatMap(([, s], at) => [s.backgroundColor === was[at] ? "" : s.backgroundColor, ...(s.boxShadow.match(/rgba?\([^)]*\)/g) ?? []), ...(s.outlineStyle === "none" ? [] : [s.outlineColor])]).map(rgb).filter(Boolean);
        if (!marks.some((one) => contrast(one, ground(el)) >= 3)) found.push(`shows its focus too palely: ${named(el)}`);
        if (!after.some(([, s]) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 || s.outlineStyle === "auto")) found.push(`no outline in forced colours: ${named(el)}`);
        if (!seen(el)) found.push(`has focus and is not to be seen: ${named(el)}`);
        else if (hidden(el, beside)) found.push(`has focus under something else: ${named(el)}`);
      }
      document.activeElement?.blur();
      return found;
    },
    // In drawings, colours are not forced by the browser: each line and word is told in the colours of the reader.
    forced() {
      const found = [], canvas = rgb(style(document.body).backgroundColor);
      for (const el of all("svg path, svg rect, svg circle, svg text")) {
        if (el.closest("defs, [aria-hidden] :not(rect)")) continue;
        const s = style(el), text = el.tagName === "text";
        const drawn = [s.fill, ...(text ? [] : [s.stroke])].map(rgb).filter(Boolean);
        const under = rgb(style(el.closest("svg")).backgroundColor) ?? canvas;
        if (!drawn.some((one) => contrast(one, under) >= (text ? 4.5 : 3)) && !s.fill.startsWith("url")) found.push(`lost in forced colours: ${named(el)}`);
      }
      for (const el of all("button, input:not([type=hidden]), select, textarea")) {
        const s = style(el), beside = el.nextElementSibling && style(el.nextElementSibling, "::before");
        if (["radio", "checkbox"].includes(el.type)) {
          const edge = [parseFloat(s.outlineWidth) * (s.outlineStyle !== "none"), s.appearance === "none" ? parseFloat(s.borderTopWidth) : 0, beside ? parseFloat(beside.borderTopWidth) : 0];
          if (Math.max(...edge) < 2) found.push(`a thin edge in forced colours: ${named(el)}`); // 2 px is that of every other field
          continue;
        }
        const bordered = (one) => one && parseFloat(one.borderTopWidth) > 0 && one.borderTopStyle !== "none";
        if (!bordered(s) && !bordered(beside) && !s.textDecorationLine.includes("underline")) found.push(`no edge in forced colours: ${named(el)}`);
      }
      return found;
    },
    // On paper: nothing to click or to fill in, black enough on white, and the line at the foot.
    paper() {
      const found = all("nav, form, button, input, select, textarea, .nhsuk-skip-link, .nhsuk-back-link").map((el) => `on paper: ${named(el)}`);
      for (const el of all("body *")) {
        if (el instanceof SVGElement || !words(el)) continue;
        const colour = rgb(style(el).color);
        if (!colour || contrast(colour, [255, 255, 255]) < 4.5) found.push(`pale on paper: ${named(el)}`);
        if (parseFloat(style(el).fontSize) < 9) found.push(`too small on paper: ${named(el)}`);
      }
      for (const el of all("pre, .cr-scroll, .cr-sheet")) if (el.scrollWidth > el.clientWidth + 1) found.push(`cut off on paper: ${named(el)}`);
      for (const el of all("main section, main table")) if (style(el).breakInside === "avoid" && el.getBoundingClientRect().height > 516) found.push(`half a page or more is kept together, and leaves a page empty: ${named(el)}`);
      for (const el of all("main :is(p, li, td, th, dt, dd)")) if (parseFloat(style(el).fontSize) > 16.1 && !el.closest("h1, h2, h3")) found.push(`larger than what stands round it on paper: ${named(el)}`);
      if (document.querySelector(".cr-who") && !document.querySelector(".cr-share") && !all(".cr-handling").length) found.push("nothing says how to handle it");
      for (const el of all("main *")) if (style(el).breakInside === "avoid" && el.getBoundingClientRect().height > 690) found.push(`kept on one side though it is longer than two thirds of it: ${named(el)}`);
      const heads = all("main :is(h1, h2, h3, h4)"), at = (el) => Number(el.tagName[1]);
      const said = all("main *").filter((el) => !el.matches("h1, h2, h3, h4") && !el.closest("h1, h2, h3, h4") && (words(el) || el.matches("svg, img")));
      const after = (one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
      heads.forEach((head, place) => {
        const next = heads.slice(place + 1).find((one) => at(one) <= at(head));
        if (at(head) > 1 && !said.some((el) => after(head, el) && (!next || after(el, next)))) found.push(`nothing under a heading: ${named(head)}`);
      });
      if (!all("footer p").some(words) && !all("footer strong").some(words)) found.push("no line at the foot");
      return found;
    },
    // No red, amber or green for people: nowhere but on what is pressed, is wrong in a form, or warns of late agencies.
    people() {
      const found = [], theirs = ".nhsuk-button, .nhsuk-error-message, .nhsuk-error-summary, .nhsuk-error-summary *, .nhsuk-form-group--error, .nhsuk-input--error, .nhsuk-select--error, .nhsuk-textarea--error, .nhsuk-card--warning, .nhsuk-card--warning .nhsuk-card__heading, .nhsuk-card--warning .nhsuk-card__heading *";
      const sides = ["Top", "Right", "Bottom", "Left"].map((side) => `border${side}`), none = /^(none|auto|normal|currentcolor|transparent|url\(.*\))$/;
      for (const el of all("body *")) {
        if (el.matches(theirs) || el.matches(":focus, :focus + label")) continue; // what has the keyboard is yellow, for a moment
        for (const part of [null, "::before", "::after"]) {
          const s = style(el, part);
          if (part && ["none", "normal"].includes(s.content)) continue;
          const drawn = ["color", "backgroundColor", ...sides.filter((side) => parseFloat(s[`${side}Width`])).map((side) => `${side}Color`)];
          if (s.outlineStyle !== "none") drawn.push("outlineColor");
          if (el instanceof SVGElement) drawn.push("fill", "stroke", "stopColor");
          const said = drawn.map((name) => [name, s[name]]), many = /rgba?\([^)]*\)|[a-z-]+\((?:[^()]*\bsrgb\b|[\d.]+%? )[^()]*\)/g;
          for (const name of ["backgroundImage", "boxShadow", "textShadow"]) said.push(...(s[name].match(many) ?? []).map((one) => [name, one]));
          for (const [name, text] of said) {
            const colour = rgb(text), turn = colour && hue(colour);
            if (!colour && !none.test(text) && !text.startsWith("rgb")) found.push(`${name} ${text} cannot be read: ${named(el)}`);
            if (turn !== null && (turn < 170 || turn > 330)) found.push(`${name} ${text}: ${named(el)}`);
          }
        }
      }
      return found;
    },
    // What the page says in whole sentences, one a line, for reading.
    sentences() {
      const inline = "a, strong, em, span, small, br";
      return all("main p, main li, main dd, main figcaption, footer p").filter((el) => ![...el.children].some((one) => !one.matches(inline)))
        .map((el) => el.innerText.replace(/\s+/g, " ").trim()).filter(Boolean);
    },
  };
  return Object.fromEntries(asked.map((name) => [name, checks[name]()]));
};
