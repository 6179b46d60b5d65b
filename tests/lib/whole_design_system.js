// Puts the design system's whole style in place of what is served of it, and back again. Answers with what looks another
// way then, one of each kind of element. Both are put as the browser writes rules down: with fewer figures than a sheet.
([name, whole]) => {
  const own = [...document.styleSheets].find((sheet) => sheet.href?.endsWith(name));
  const texts = (sheet) => [...sheet.cssRules].filter((rule) => !(rule instanceof CSSFontFaceRule)).map((rule) => rule.cssText);
  const put = (rules) => {
    while (own.cssRules.length) own.deleteRule(0);
    rules.forEach((rule) => own.insertRule(rule, own.cssRules.length));
  };
  const drawn = (el) => [null, "::before", "::after"].flatMap((part) => {
    const said = getComputedStyle(el, part);
    return [...said].map((one) => `${one}: ${said.getPropertyValue(one)}`);
  });
  const published = new CSSStyleSheet(), served = texts(own);
  published.replaceSync(whole);
  if (published.cssRules.length < 1.5 * served.length) return [`${served.length} rules of ${published.cssRules.length}`];
  put(served);
  const kinds = Map.groupBy(document.querySelectorAll("body *"), (el) => `${el.parentElement.className} ${el.tagName} ${el.className}`);
  const all = [...kinds.values()].map(([first]) => first).filter((el) => !el.closest("svg")), before = all.map(drawn);
  put(texts(published));
  const differ = all.flatMap((el, at) => {
    const other = drawn(el).find((one, place) => one !== before[at][place]);
    return other === undefined ? [] : [`${el.tagName}.${el.className} ${other}`];
  });
  put(served);
  return differ;
};
