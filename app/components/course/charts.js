// Curves as small charts of one colour each, side by side: a name, the last value, a line.

import { grouped } from "./words.js";

const WIDTH = 220, HEIGHT = 64, SVG = "http://www.w3.org/2000/svg";

function made(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
}

/** The points of a curve as an SVG path; a single one is a dot. */
function path(points) {
  const last = points.at(-1)[0] || 1;
  const values = points.map(([, value]) => value);
  const low = Math.min(...values), span = Math.max(...values) - low || 1;
  const place = ([images, value]) =>
    `${((images / last) * WIDTH).toFixed(1)},${(HEIGHT - 4 - ((value - low) / span) * (HEIGHT - 8)).toFixed(1)}`;
  if (points.length === 1) return `M${WIDTH - 4},${HEIGHT / 2}h0`;
  return `M${points.map(place).join("L")}`;
}

function curve(name, points) {
  const one = made("figure", "curve");
  const [images, value] = points.at(-1);
  const title = made("figcaption");
  title.append(made("span", "", name.replaceAll("_", " ")), made("b", "", Number(value).toPrecision(3)));
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `${name}: ${Number(value).toPrecision(3)} after ${grouped(images)} pictures`);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path(points));
  line.classList.toggle("dot", points.length === 1);
  drawing.append(line);
  one.append(title, drawing);
  return one;
}

export function chart(title, curves, strong) {
  const section = made("section", strong ? "chart strong" : "chart");
  const row = made("div", "curves");
  row.append(...curves.map(([name, points]) => curve(name, points)));
  section.append(made("h2", "", title), row);
  return section;
}
