"use strict";
// Tables can be sorted by a click on a heading, long ones filtered by words, and the table of points narrowed to what another table or a map counts.
// Without scripts everything is there, complete and in the printed order.
{
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const plural = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  const sortable = (table) => {
    const body = table.tBodies[0], headings = [...table.tHead.rows[0].cells];
    const key = (row, column) => {
      const cell = row.cells[column];
      return cell.dataset.value === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.value);
    };
    const order = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
    headings.forEach((heading, column) => {
      const button = element("button", { type: "button" }, ...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keyed = [...body.rows].map((row) => [key(row, column), row]);
        keyed.sort((a, b) => (a[0] === "–") - (b[0] === "–") || order(a[0], b[0]) * (down ? -1 : 1)); // what has no value comes last, either way
        body.append(...keyed.map((pair) => pair[1]));
      });
    });
  };

  // Words to look for, and for the points the keys of what another table counts; a row is shown where it has them all.
  const filterable = (table) => {
    const body = table.tBodies[0], all = body.rows.length, own = table.id === "points-table";
    const noun = own ? "point" : "row";
    const field = element("input", { type: "search", className: "filter", placeholder: `Filter ${plural(all, noun)}` });
    field.setAttribute("aria-label", `Filter: ${table.caption.textContent}`);
    const told = element("span", {}), back = element("button", { type: "button", hidden: true }, "Show all");
    const status = element("p", { className: "shown" }, told);
    status.setAttribute("role", "status");
    const bar = element("div", { className: "tools" }, field, status, back);
    table.closest(".scroll").before(bar);
    let keys = [], name = "";
    const show = () => {
      const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      let number = 0;
      for (const row of body.rows) {
        const has = (row.dataset.key || "").split(" ");
        const text = row.textContent.toLowerCase();
        row.hidden = !(keys.every((one) => has.includes(one)) && words.every((one) => text.includes(one)));
        number += row.hidden ? 0 : 1;
      }
      back.hidden = number === all && !keys.length;
      const asked = [name, words.length ? `with “${words.join(" ")}”` : ""].filter(Boolean).join(", ");
      told.textContent = back.hidden ? "" : `${number.toLocaleString("en")} of ${plural(all, noun)}${asked ? `: ${asked}` : ""}`;
    };
    const narrow = (wanted, words) => {
      keys = wanted ? wanted.split(" ") : [];
      name = words;
      show();
    };
    field.addEventListener("input", show);
    back.addEventListener("click", () => {
      field.value = "";
      for (const choice of bar.querySelectorAll("select")) choice.value = "";
      narrow("", "");
      field.focus();
    });
    return { bar, field, narrow };
  };

  const tables = new Map();
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    sortable(table);
    if (table.tBodies[0].rows.length > 12) tables.set(table.id, filterable(table));
  }

  const points = tables.get("points-table");
  if (points) {
    const links = [...document.querySelectorAll("a[data-shows]")];
    const cells = links.filter((link) => link.closest("#cells-table")).sort((a, b) => (a.dataset.told < b.dataset.told ? -1 : 1));
    const choice = element("select", { className: "filter" }, element("option", { value: "" }, "All cells"));
    choice.setAttribute("aria-label", "Points of one cell of the ODD");
    for (const link of cells) choice.append(element("option", { value: link.dataset.shows }, `${link.dataset.told.replace(/^cell /, "")} (${link.textContent})`));
    choice.addEventListener("change", () => points.narrow(choice.value, choice.value && `cell ${choice.selectedOptions[0].textContent.replace(/ \(\d[\d,]*\)$/, "")}`));
    if (cells.length > 1) points.field.after(choice);
    for (const link of links) {
      link.title = `Show these points: ${link.dataset.told}`;
      link.addEventListener("click", () => {
        points.field.value = "";
        choice.value = /^c\d+$/.test(link.dataset.shows) ? link.dataset.shows : "";
        points.narrow(link.dataset.shows, link.dataset.told);
      });
    }
  }

  const contents = document.querySelector("nav");
  if (contents) {
    const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark";
    const theme = element("button", { type: "button", className: "theme" });
    const name = () => { theme.textContent = dark() ? "Light page" : "Dark page"; };
    theme.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      name();
    });
    name();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
    contents.append(theme);
  }
}
