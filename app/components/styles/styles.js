// What a style is mixed from: pictures and seeds, each with a weight.
//
// `value` is [{picture (a data URI) or seed, weight}]. Props: `side` (the longest in pixels that is sent), `most`,
// `needed`, `limit`, and `sets` [{name, pictures}] of examples. `change` follows from a new value.

import { excess, onChoice, onDrop } from "../../scripts/files.js";
import { shrink } from "../../scripts/shrink.js";
import { tile } from "../../scripts/tile.js";

const $ = (selector) => element.querySelector(selector);
const [mix, add, file] = [$(".mix"), $(".add"), $("input[type=file]")];
const say = (text) => { $(".say").textContent = text; };

function hand(styles) {
  say("");
  props.value = styles;
  show();
}

const DICE = '<svg aria-hidden="true" viewBox="0 0 24 24"><rect x="4" y="4" width="16" height="16" rx="3.5"/><g class="dot"><circle cx="8.5" cy="8.5" r="1.4"/><circle cx="15.5" cy="8.5" r="1.4"/><circle cx="12" cy="12" r="1.4"/><circle cx="8.5" cy="15.5" r="1.4"/><circle cx="15.5" cy="15.5" r="1.4"/></g></svg>';
const CROSS = '<svg aria-hidden="true" viewBox="0 0 24 24"><path d="m7 7 10 10M17 7 7 17"/></svg>';

function card(style, at) {
  const made = document.createElement("div");
  const face = document.createElement("div");
  const cross = document.createElement("button");
  const weight = document.createElement("input");
  const name = style.picture ? `style picture ${at + 1}` : `the style of seed ${style.seed}`;
  [made.className, face.className] = ["card", "face"];
  if (style.picture) face.append(Object.assign(document.createElement("img"), { src: style.picture, alt: name }));
  else {
    face.innerHTML = DICE;
    face.append(Object.assign(document.createElement("span"), { textContent: style.seed }));
  }
  Object.assign(cross, { type: "button", className: "drop", title: `Remove ${name}`, innerHTML: CROSS });
  cross.ariaLabel = `Remove ${name}`;
  cross.addEventListener("click", () => hand(props.value.filter((_, other) => other !== at)));
  Object.assign(weight, { type: "range", min: 0, max: 1, step: 0.05, value: style.weight });
  weight.title = `How much ${name} counts`;
  weight.ariaLabel = `Weight of ${name}`;
  weight.addEventListener("input", () => {
    props.value = props.value.map((each, other) => (other === at ? { ...each, weight: Number(weight.value) } : each));
    fade();
  });
  made.role = "listitem";
  made.append(face, cross, weight);
  return made;
}

/** A style that counts little is pale. */
function fade() {
  [...mix.children].forEach((made, at) => {
    made.querySelector(".face").style.opacity = 0.3 + 0.7 * (props.value[at]?.weight ?? 1);
  });
}

function show() {
  const styles = props.value ?? [];
  mix.replaceChildren(...styles.map(card));
  mix.classList.toggle("single", styles.length < 2);
  add.hidden = styles.length >= props.most;
  add.classList.toggle("wanted", props.needed && !styles.length);
  $(".add span").hidden = styles.length > 0;
  fade();
}

async function read(files) {
  const room = props.most - (props.value ?? []).length;
  const chosen = files.slice(0, room);
  const late = files.length - chosen.length;
  const large = chosen.filter((each) => excess(each, props.limit));
  const sent = await Promise.allSettled(
    chosen.filter((each) => !large.includes(each)).map((each) => shrink(each, props.side, props.limit)),
  );
  const pictures = sent.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  if (pictures.length) hand([...(props.value ?? []), ...pictures.map((picture) => ({ picture, weight: 1 }))]);
  if (large.length) say(excess(large[0], props.limit));
  else if (pictures.length < sent.length) say("A picture cannot be read.");
  else if (late) say(`There is room for ${props.most} styles.`);
}

function sets() {
  $(".sets").replaceChildren(...props.sets.map(({ name, pictures }) => {
    const parts = pictures.map((picture) => ({ picture, weight: 1 }));
    return tile(pictures[0], `Example style: ${name}`, `Example style ${name}`, () => hand(parts));
  }));
}

add.addEventListener("click", () => file.click());
onChoice(file, read);
onDrop(element, read);
window.addEventListener("cgan:open-style", (event) => { if (event.detail) read([event.detail]); }); // dropped on a letter
watch(["value", "needed", "most"], show);
watch("sets", sets);
sets();
show();
