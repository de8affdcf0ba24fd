// Tables sort by the column whose heading is pressed; without this script they stand as they are.
"use strict";
(() => {
  // "−0.18 [−0.26, −0.11]" sorts as −0.18, "> 2,532 (1/5)" as 2532, "—" last.
  const number = (text) => {
    const found = text.replaceAll(",", "").replaceAll("−", "-").match(/^[^\d+-]{0,2}([+-]?\d+(?:\.\d+)?)/);
    return found ? Number(found[1]) : NaN;
  };
  const compare = (a, b) => {
    const x = number(a), y = number(b);
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return Number.isNaN(x) || x === y ? a.localeCompare(b) : x - y;
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort by this column";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const text = (row) => row.cells[column].textContent.trim();
        const absent = (row) => text(row) === "—";
        const rows = [...body.rows].sort((a, b) => absent(a) - absent(b) || (down ? -1 : 1) * compare(text(a), text(b)));
        body.append(...rows);
      });
    });
  }
})();
