// Pictures of whom a film shows, or its first frame. `value` is a list of data URIs.
//
// Props: `what` (they are), `least`, `most`, `side` (the longest in pixels that is sent), `limit` (bytes of a
// file), `examples` [{name, picture}], `turn` (the model), and those of `draw.js`. Event: `input`.

import { comesBack } from "../../scripts/again.js";
import { onChoice, onDrop } from "../../scripts/files.js";
import { sayIn } from "../../scripts/say.js";
import { shrinkAll } from "../../scripts/shrink.js";
import { tile } from "../../scripts/tile.js";
import { draw } from "./draw.js";

const TINY = 128; // pixels: up to that width a picture is shown as pixels
const CROSS = '<svg aria-hidden="true" viewBox="0 0 24 24"><path d="m7 7 10 10M17 7 7 17"/></svg>';
const $ = (selector) => element.querySelector(selector);
const [mix, add, pencil, file] = [$(".mix"), $(".add"), $(".pencil"), $("input")];
const say = sayIn($(".say"));

function hand(pictures) {
  say("");
  props.value = pictures;
  note();
  show();
  trigger("input");
}

function card(picture, at) {
  const made = Object.assign(document.createElement("div"), { className: "card", role: "listitem" });
  const face = Object.assign(document.createElement("img"), { src: picture, alt: `picture ${at + 1}` });
  face.addEventListener("load", () => face.classList.toggle("tiny", face.naturalWidth <= TINY));
  const cross = Object.assign(document.createElement("button"), { type: "button", className: "drop", innerHTML: CROSS });
  [cross.title, cross.ariaLabel] = [`Remove picture ${at + 1}`, `Remove picture ${at + 1}`];
  cross.addEventListener("click", () => hand(props.value.filter((_, other) => other !== at)));
  made.append(face, cross);
  return made;
}

function show() {
  const pictures = props.value ?? [];
  $(".what").textContent = props.what;
  mix.replaceChildren(...pictures.map(card));
  add.hidden = pictures.length >= props.most;
  pencil.hidden = !props.canvas.length;
  add.classList.toggle("wanted", pictures.length < props.least);
}

/** Pictures of one's own: an example is another character, and gives way. */
const owned = () => (props.value ?? []).filter((each) => !props.examples.some(({ picture }) => picture === each));

async function read(files) {
  const room = props.most - owned().length;
  const chosen = files.slice(0, room);
  const { pictures, problem } = await shrinkAll(chosen, props.side, props.limit);
  if (pictures.length) hand([...owned(), ...pictures]);
  if (problem) say(problem);
  else if (files.length > chosen.length) say(`There is room for ${props.most}.`);
}

function list() {
  $(".sets").replaceChildren(...props.examples.map(({ name, picture }) =>
    tile(picture, `Example: ${name}`, `Example character ${name}`, () => hand([picture]))));
}

/** Draw anew, or change the first picture: it is the one that the drawing replaces. */
pencil.addEventListener("click", () => {
  const pictures = props.value ?? [];
  draw(pictures[0] ?? "", (drawn) => hand([drawn, ...pictures.slice(1)]));
});
const note = comesBack(() => {
  show();
  trigger("input");
});
add.addEventListener("click", () => file.click());
onChoice(file, read);
onDrop(element, read);
watch(["value", "least", "most", "what", "canvas"], show);
watch("examples", list);
list();
show();
