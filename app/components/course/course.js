// The course of a run. `value` is {name, state, images, total, every, rate, losses, scores, sheets, said, command}, of
// which `losses` and `scores` are curves {name: [[images, value], …]}. Props: `sheet` {images, picture}.
// Events: `stop`, `submit` (resume), `expand` (open the checkpoint), `select` with {name, images} (samples).

import { chart } from "./charts.js";
import { duration, grouped } from "./words.js";

const $ = (selector) => element.querySelector(selector);
const menu = $("select");
let wanted = ""; // which samples are shown, as "run images"
let latest = true; // whether new samples are shown as they come

const STATES = {
  preparing: "Preparing the data", learning: "Learning", stopping: "Stopping: saving",
  done: "Ready", stopped: "Stopped; it can go on from here", failed: "It ended with an error",
};

function cost({ state, images, total, rate, every, said }) {
  if (state === "preparing") return said.at(-1) ?? "";
  if (state === "failed") return said.slice(-3).join(" · ");
  const seen = `${grouped(images)} of ${grouped(total)} pictures`;
  if (!rate || state !== "learning") return seen;
  const first = images < every ? ` · first samples in ${duration((every - images) / rate)}` : "";
  return `${seen} · ${rate} a second · ${duration((total - images) / rate)} left${first}`;
}

function head(run) {
  const share = run.total ? Math.min(100, (100 * run.images) / run.total) : 0;
  const under = ["preparing", "learning", "stopping"].includes(run.state);
  const state = `${run.name}: ${STATES[run.state]}`;
  if ($(".state").textContent !== state) $(".state").textContent = state;
  $(".cost").textContent = cost(run);
  $(".bar i").style.width = `${share}%`;
  $(".bar").setAttribute("aria-valuenow", share.toFixed(0));
  $(".bar").classList.toggle("waiting", run.state === "preparing");
  $(".open").hidden = !(run.state === "done" || (run.state === "stopped" && run.sheets.length));
  $(".stop").hidden = !under;
  $(".stop").disabled = run.state === "stopping";
  $(".resume").hidden = under || run.state === "done" || !run.command;
}

function ask(images) {
  const { name } = props.value;
  wanted = `${name} ${images}`;
  trigger("select", { name, images });
}

function samples(run) {
  const there = [...menu.options].map((option) => Number(option.value));
  if (there.join() !== run.sheets.join()) {
    menu.replaceChildren(...run.sheets.map((images) => new Option(grouped(images), images)));
  }
  const images = latest || !run.sheets.includes(Number(menu.value)) ? run.sheets.at(-1) : Number(menu.value);
  if (images === undefined) {
    [wanted, $(".samples").hidden] = ["", true];
    return;
  }
  menu.value = images;
  if (wanted !== `${run.name} ${images}`) ask(images);
}

function charts(run) {
  const losses = Object.entries(run.losses), scores = Object.entries(run.scores);
  $(".charts").replaceChildren(
    ...(scores.length ? [chart("Scores on validation data, lower is better", scores, true)] : []),
    ...(losses.length ? [chart("Losses", losses, false)] : []),
  );
}

function show() {
  const run = props.value;
  const there = Boolean(run?.name);
  $(".all").hidden = !there;
  $(".empty").hidden = there;
  if (!there) return;
  head(run);
  samples(run);
  charts(run);
  $(".said").textContent = run.said.join("\n");
  $(".command").textContent = run.command;
}

function sheet() {
  if (!props.sheet.picture) return;
  $(".samples img").src = props.sheet.picture;
  $(".samples").hidden = false;
}

menu.addEventListener("change", () => {
  latest = menu.selectedIndex === menu.options.length - 1;
  ask(Number(menu.value));
});
$(".open").addEventListener("click", () => trigger("expand"));
$(".stop").addEventListener("click", () => trigger("stop"));
$(".resume").addEventListener("click", () => trigger("submit"));
watch("value", show);
watch("sheet", sheet);
show();
