// The clip of label maps that drives a film. `value` is the data URI of a sheet or of a video.
//
// Props: `examples` [{name, group, picture, frames}], strips of frames side by side, `films` (what videos may
// show) and `limit` (bytes of a file). Event: `input`.

import { asUri, excess, onChoice, onDrop } from "../../scripts/files.js";

const $ = (selector) => element.querySelector(selector);
const file = $("input");
const say = (text) => { $(".say").textContent = text; };

function hand(uri, words) {
  say("");
  $(".told").textContent = words;
  props.value = uri;
  mark();
  trigger("input");
}

async function read(chosen) {
  if (!chosen) return;
  const problem = excess(chosen, props.limit);
  if (problem) return say(problem);
  const uri = await asUri(chosen);
  const named = /^data:(image|video)\//.test(uri); // a browser that does not know a kind of video sends no type
  hand(named ? uri : uri.replace(/^data:[^;,]*/, "data:video/mp4"), chosen.name);
}

function step({ name, picture, frames }) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "step", title: name, ariaLabel: `Clip ${name}` });
  made.style.backgroundImage = `url(${picture})`;
  made.style.setProperty("--frames", frames);
  made.addEventListener("click", () => hand(picture, ""));
  made.uri = picture;
  return made;
}

function mark() {
  for (const each of element.querySelectorAll(".step")) {
    each.classList.toggle("taken", each.uri === props.value);
    each.ariaPressed = String(each.uri === props.value);
  }
}

function list() {
  const names = [...new Set(props.examples.map(({ group }) => group))];
  $(".groups").replaceChildren(...names.map((name) => {
    const row = Object.assign(document.createElement("div"), { className: "group" });
    const title = Object.assign(document.createElement("b"), { textContent: name });
    row.append(title, ...props.examples.filter(({ group }) => group === name).map(step));
    return row;
  }));
  $(".open span").textContent = `Open a sheet of label maps or ${props.films}`;
  mark();
}

$(".open").addEventListener("click", () => file.click());
onChoice(file, ([chosen]) => read(chosen));
onDrop(element, ([dropped]) => read(dropped));
watch(["examples", "films"], list);
watch("value", mark);
list();
