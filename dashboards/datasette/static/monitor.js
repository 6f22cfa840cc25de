// Draws the cards of a dashboard. Whatever comes from a page or a feed is put in as text, never as HTML, and a link is
// made of http and https addresses only.
"use strict";

function note(place, words) {
  const line = document.createElement("p");
  line.className = "fw-note";
  line.textContent = words;
  place.replaceChildren(line);
}

function webAddress(value) {
  try {
    const url = new URL(value);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

function cell(value, address) {
  const td = document.createElement("td");
  if (typeof value === "number") td.className = "fw-number";
  const href = address === undefined ? null : webAddress(address);
  const holder = href === null ? td : document.createElement("a");
  holder.textContent = value === null ? "" : String(value);
  if (href !== null) {
    holder.href = href;
    holder.rel = "noopener noreferrer nofollow";
    holder.target = "_blank";
    td.append(holder);
  }
  return td;
}

function drawTable(place, chart, rows) {
  const links = chart.display?.links ?? {};
  const hidden = new Set(Object.values(links));
  const columns = Object.keys(rows[0]).filter((name) => !hidden.has(name));
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of columns) {
    const th = document.createElement("th");
    th.textContent = name.replaceAll("_", " ");
    if (rows.some((row) => typeof row[name] === "number")) th.className = "fw-number";
    head.append(th);
  }
  const body = table.createTBody();
  for (const row of rows) {
    body.insertRow().append(...columns.map((name) => cell(row[name], row[links[name]])));
  }
  place.replaceChildren(table);
}

function drawMetric(place, chart, rows) {
  const number = document.createElement("p");
  number.className = "fw-metric-value";
  number.textContent = Number(rows[0][chart.display.field]).toLocaleString("en");
  place.replaceChildren(number);
}

async function drawVegaLite(place, chart, rows) {
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json", // a name only: it is not fetched
    description: chart.title,
    width: "container",
    config: { background: "transparent", view: { stroke: null }, mark: { color: "#31688e" } },
    ...chart.display,
    data: { values: rows },
  };
  place.replaceChildren();
  await vegaEmbed(place, spec, { actions: false, renderer: "svg" });
}

const DRAW = { table: drawTable, metric: drawMetric, "vega-lite": drawVegaLite };

async function draw(card) {
  const place = card.querySelector(".fw-chart");
  const chart = JSON.parse(card.querySelector("script[type='application/json']").textContent);
  const asked = new URLSearchParams(place.dataset.filters);
  asked.set("sql", chart.query);
  asked.set("_shape", "objects");
  try {
    const answer = await fetch(`${place.dataset.source}?${asked}`);
    const data = await answer.json();
    if (!answer.ok) note(place, `This could not be read: ${data.error}`);
    else if (data.rows.length === 0) note(place, "Nothing here yet.");
    else await DRAW[chart.library](place, chart, data.rows);
  } catch (error) {
    note(place, `This could not be drawn: ${error.message}`);
  }
  card.dataset.drawn = "yes";
}

for (const card of document.querySelectorAll(".fw-card")) draw(card);
