// Draws the cards of a dashboard. Whatever comes from a page or a feed is put in as text, never as HTML, and a link is
// made of http and https addresses only.
"use strict";

// Where Datasette's pages and our files begin, also when it is served below a path.
const pages = new URL(document.currentScript.src).pathname.replace(/\/frontwire-static\/.*/, "");
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
const DAY_MS = 24 * 3600 * 1000;
const WEEK_MS = 8 * DAY_MS;

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
  if (INSTANT.test(value)) {
    holder.textContent = value.replace("T", " ");
    td.className = "fw-instant";
  }
  if (href !== null) {
    holder.href = href;
    holder.rel = "noopener noreferrer nofollow";
    holder.target = "_blank";
    td.append(holder);
  }
  return td;
}

function storyCell(value, id) {
  const td = document.createElement("td");
  const link = document.createElement("a");
  link.textContent = value;
  link.href = `${pages}/-/story/${Number(id)}`;
  td.append(link);
  return td;
}

function drawTable(place, chart, rows) {
  const links = chart.display?.links ?? {};
  const stories = chart.display?.stories ?? {};
  const hidden = new Set([...Object.values(links), ...Object.values(stories)]);
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
    body.insertRow().append(
      ...columns.map((name) =>
        name in stories ? storyCell(row[name], row[stories[name]]) : cell(row[name], row[links[name]])
      )
    );
  }
  place.replaceChildren(table);
}

function drawMetric(place, chart, rows) {
  const number = document.createElement("p");
  number.className = "fw-metric-value";
  number.textContent = Number(rows[0][chart.display.field]).toLocaleString("en");
  place.replaceChildren(number);
}

async function drawVegaLite(place, chart, rows, asked) {
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json", // a name only: it is not fetched
    description: chart.title,
    width: "container",
    config: { background: "transparent", view: { stroke: null }, mark: { color: "#31688e" } },
    ...chart.display,
    data: { values: rows },
  };
  coarsen(spec, rows);
  widen(spec, asked.get("period"));
  wholeSteps(spec);
  place.replaceChildren();
  await vegaEmbed(place, spec, { actions: false, renderer: "svg" });
}

// Hours are too fine for a month: beyond a week a bar is a day.
function coarsen(spec, rows) {
  const x = spec.encoding?.x;
  if (x?.timeUnit !== "utcyearmonthdatehours") return;
  const instants = rows.map((row) => Date.parse(row[x.field]));
  if (Math.max(...instants) - Math.min(...instants) > WEEK_MS) {
    spec.encoding = { ...spec.encoding, x: { ...x, timeUnit: "utcyearmonthdate" } };
  }
}

// An axis of days spans the whole period, also when all stories came on one day of it.
function widen(spec, period) {
  const x = spec.encoding?.x;
  const days = /^(\d+) days?$/.exec(period ?? "")?.[1];
  if (x?.timeUnit !== "utcyearmonthdate" || days === undefined) return;
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const domain = [today - days * DAY_MS, today + DAY_MS];
  spec.encoding = { ...spec.encoding, x: { ...x, scale: { ...x.scale, domain } } };
  spec.mark = { ...spec.mark, clip: true };
}

// Half a story and half a day get no label. The steps of short axes are finer than what `tickMinStep` asks for.
function wholeSteps(spec) {
  const labels = {
    1: "datum.value % 1 ? '' : format(datum.value, ',d')",
    [DAY_MS]: "utchours(datum.value) ? '' : utcFormat(datum.value, '%b %d, %Y')",
  };
  spec.encoding = Object.fromEntries(
    Object.entries(spec.encoding ?? {}).map(([channel, encoded]) => {
      const labelExpr = labels[encoded.axis?.tickMinStep];
      return [channel, labelExpr ? { ...encoded, axis: { ...encoded.axis, labelExpr } } : encoded];
    }),
  );
}

// Rows with an `actor` colour its state, rows with `lat` and `lon` are points on it.
async function drawMap(place, chart, rows) {
  const atlas = `${pages}/frontwire-static/atlas`;
  const shape = { url: `${atlas}/countries-110m.json`, format: { type: "topojson", feature: "countries" } };
  const codes = await (await fetch(`${atlas}/codes.json`)).json();
  const counted = rows.filter((row) => row.actor in codes).map((row) => ({ ...row, id: codes[row.actor] }));
  const points = rows.filter((row) => typeof row.lat === "number" && typeof row.lon === "number");
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    description: chart.title,
    width: 960,
    height: 480,
    projection: { type: "naturalEarth1" },
    config: { background: "transparent", view: { stroke: null } },
    layer: [{ data: shape, mark: { type: "geoshape", fill: "#e3e7ea", stroke: "#fff", strokeWidth: 0.5 } }],
  };
  if (counted.length > 0) spec.layer.push(states(shape, counted));
  if (points.length > 0) spec.layer.push(spots(points));
  place.replaceChildren();
  await vegaEmbed(place, spec, { actions: false, renderer: "svg" });
}

function states(shape, counted) {
  return {
    data: shape,
    transform: [
      { lookup: "id", from: { data: { values: counted }, key: "id", fields: ["actor", "stories"] } },
      { filter: "isValid(datum.stories)" },
    ],
    mark: { type: "geoshape", stroke: "#fff", strokeWidth: 0.5, tooltip: true },
    encoding: {
      color: { field: "stories", type: "quantitative", scale: { scheme: "orangered", type: "symlog" }, title: "stories" },
      tooltip: [
        { field: "properties.name", title: "state" },
        { field: "actor", title: "code" },
        { field: "stories", title: "stories" },
      ],
    },
  };
}

function spots(points) {
  return {
    data: { values: points },
    mark: { type: "circle", color: "#b3401f", opacity: 0.65, stroke: "#fff", strokeWidth: 0.5 },
    encoding: {
      longitude: { field: "lon", type: "quantitative" },
      latitude: { field: "lat", type: "quantitative" },
      size: { field: "stories", type: "quantitative", scale: { range: [30, 600] }, title: "stories" },
      tooltip: ["place", "country", "stories"].map((field) => ({ field })),
    },
  };
}

const DRAW = { map: drawMap, table: drawTable, metric: drawMetric, "vega-lite": drawVegaLite };

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
    else await DRAW[chart.library](place, chart, data.rows, asked);
  } catch (error) {
    note(place, `This could not be drawn: ${error.message}`);
  }
  card.dataset.drawn = "yes";
}

for (const card of document.querySelectorAll(".fw-card")) draw(card);
