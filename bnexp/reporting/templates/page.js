// Tables sort by the column whose heading is pressed, and show their further columns; buttons copy commands; terms are
// explained.  Without this script tables stand whole as they are, terms in the glossary, and the buttons are not shown.
"use strict";
document.documentElement.classList.add("scripted-page");
// What a screen reader should say.
const say = (text) => { document.getElementById("said").textContent = text; };
(() => {
  // A cell's `data-value` is its number in full, or nothing where it has none, which comes last; else it is its text.
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a < b ? -1 : Number(a > b));
  const sort = (table, column, down) => {
    const rows = [...table.tBodies[0].rows].map((row) => {
      const { textContent, dataset: { value } } = row.cells[column];
      return { row, absent: value === "", key: value === undefined ? textContent : Number(value) };
    });
    rows.sort((a, b) => a.absent - b.absent || (down ? -1 : 1) * compare(a.key, b.key));
    table.tBodies[0].append(...rows.map((each) => each.row));
  };
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if ("unsorted" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort by this column";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down);
      });
    });
  }
})();
(() => {
  // Where the browser has no clipboard for pages from disk, or refuses it, the older way.
  const selected = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return selected(text);
    }
  };
  const told = new WeakMap();
  const answer = (button, name, spoken) => {
    button.textContent = "copied";
    say(spoken);
    clearTimeout(told.get(button));
    told.set(button, setTimeout(() => { button.textContent = name; }, 2000));
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    const command = button.dataset.copy, name = button.textContent;
    button.title = command;
    button.setAttribute("aria-label", `copy: ${command}`);
    button.addEventListener("click", async () => {
      const done = await copied(command);
      button.focus();
      if (done) return answer(button, name, `copied: ${command}`);
      // Then the reader copies it by hand.
      const text = document.createElement("code");
      text.textContent = command;
      button.replaceWith(text);
      getSelection().selectAllChildren(text);
    });
  }
})();
(() => {
  // Of a wide table the first columns are seen, and the others on demand.
  const COLUMNS = 8;
  for (const table of document.querySelectorAll("table")) {
    const more = table.tHead.rows[0].cells.length - COLUMNS;
    if (more < 1) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    const show = (whole) => {
      table.classList.toggle("narrow", !whole);
      button.setAttribute("aria-expanded", String(whole));
      button.textContent = whole ? "fewer columns" : `${more} more column${more === 1 ? "" : "s"}`;
    };
    button.addEventListener("click", () => show(table.classList.contains("narrow")));
    table.parentElement.before(button);
    show(false);
  }
})();
(() => {
  // A term of the glossary is explained where it first occurs, on the first screen and in each folded part: to the
  // pointer, to keys, to a finger, and, as a description, to a screen reader.
  const terms = [...document.querySelectorAll("[data-occurs]")].map((term) => ({
    pattern: new RegExp(term.dataset.occurs), meaning: term.nextElementSibling,
  }));
  const first = (text, known = new Set()) => terms.filter((term) => !known.has(term))
    .map((term) => ({ term, found: term.pattern.exec(text) })).filter(({ found }) => found)
    .sort((a, b) => a.found.index - b.found.index)[0];
  const explain = (button, { meaning }) => {
    button.setAttribute("aria-describedby", meaning.id);
    button.dataset.term = "";
  };
  const marked = (node, known) => {
    const next = first(node.data, known);
    if (!next) return;
    const word = node.splitText(next.found.index), rest = word.splitText(next.found[0].length);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "term";
    explain(button, next.term);
    word.replaceWith(button);
    button.append(word);
    known.add(next.term);
    marked(rest, known);
  };
  for (const button of document.querySelectorAll("thead button")) {
    const next = first(button.textContent);
    if (next) explain(button, next.term);
  }
  const seen = new Map();
  for (const experiment of document.querySelectorAll(".experiment")) {
    const walker = document.createTreeWalker(experiment, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement.closest("script, noscript, summary, button, a, code, h2, dt, table")) texts.push(walker.currentNode);
    }
    for (const text of texts) {
      const part = text.parentElement.closest("details, .experiment");
      if (!seen.has(part)) seen.set(part, new Set());
      marked(text, seen.get(part));
    }
  }

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("aria-hidden", "true"); // the description is read already
  tip.hidden = true;
  document.body.append(tip);
  let dismissed = null;
  const show = (term) => {
    tip.hidden = !term || term === dismissed;
    if (tip.hidden) return;
    tip.textContent = document.getElementById(term.getAttribute("aria-describedby")).textContent;
    const box = term.getBoundingClientRect(), below = box.bottom + 6 + tip.offsetHeight < innerHeight;
    tip.style.left = `${scrollX + Math.max(8, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${scrollY + (below ? box.bottom + 6 : Math.max(4, box.top - tip.offsetHeight - 6))}px`;
  };
  const within = (event) => event.target.closest?.("[data-term]");
  const focused = () => (document.activeElement.matches("[data-term]") ? document.activeElement : null);
  document.addEventListener("pointerover", (event) => { if (!tip.contains(event.target)) show(within(event) ?? focused()); });
  document.addEventListener("focusin", (event) => { dismissed = null; show(within(event)); });
  document.addEventListener("focusout", () => show(null));
  document.addEventListener("click", (event) => { dismissed = null; show(within(event)); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    dismissed = focused();
    show(null);
  });
})();
(() => {
  // Paper has nothing to open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
})();
