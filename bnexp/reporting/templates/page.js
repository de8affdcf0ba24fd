// Tables sort by the column whose heading is pressed, and buttons copy commands; without this script tables stand as
// they are, and the buttons are not shown.
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
