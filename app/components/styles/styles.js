// What a style is mixed from: pictures and seeds, each with a weight; two or three of them on a pad.
//
// `value` is [{picture (a data URI) or seed, weight}], or {parts: such a list, strength} where the style is not at its
// full strength. Props: `side` (the longest in pixels that is sent), `most`, `needed`, `drawn` (whether the rest of a
// style can be the seed's look), `limit`, `turn` (the model) and `sets` [{name, pictures}] of examples. `change` follows
// from a new value.

import { comesBack } from "../../scripts/again.js";
import { onChoice, onDrop } from "../../scripts/files.js";
import { MOST, draw, follow, pictured } from "../../scripts/pad.js";
import { sayIn } from "../../scripts/say.js";
import { shrinkAll } from "../../scripts/shrink.js";
import { tile } from "../../scripts/tile.js";

const $ = (selector) => element.querySelector(selector);
const [mix, add, file] = [$(".mix"), $(".add"), $("input[type=file]")];
const [mixing, pad, strength] = [$(".mixing"), $(".pad"), $(".mixing input")];
const say = sayIn($(".say"));
let shown = null; // the styles whose cards are there, not to make them anew under the pointer

/** The value as {parts, strength}. */
function read() {
  const { value } = props;
  return Array.isArray(value) || !value ? { parts: value ?? [], strength: 1 } : value;
}

function hand(parts, strong = read().strength) {
  say("");
  props.value = strong < 1 && parts.length ? { parts, strength: strong } : parts;
  show();
  note();
}

/** Give the parts other weights. */
function weigh(weights) {
  hand(read().parts.map((part, at) => ({ ...part, weight: weights[at] })));
}
const weights = () => read().parts.map(({ weight }) => weight);

const DICE = '<svg aria-hidden="true" viewBox="0 0 24 24"><rect x="4" y="4" width="16" height="16" rx="3.5"/><g class="dot"><circle cx="8.5" cy="8.5" r="1.4"/><circle cx="15.5" cy="8.5" r="1.4"/><circle cx="12" cy="12" r="1.4"/><circle cx="8.5" cy="15.5" r="1.4"/><circle cx="15.5" cy="15.5" r="1.4"/></g></svg>';
const CROSS = '<svg aria-hidden="true" viewBox="0 0 24 24"><path d="m7 7 10 10M17 7 7 17"/></svg>';

/** What shows a style: its picture, or a dice and the seed. */
function faces(style) {
  if (style.picture) return [pictured(style.picture)];
  const dice = Object.assign(document.createElement("span"), { className: "dice", innerHTML: DICE });
  return [dice, Object.assign(document.createElement("span"), { textContent: style.seed })];
}

/** A style at a corner of the pad. */
function corner(style) {
  const made = Object.assign(document.createElement("b"), { className: "corner" });
  made.append(...faces(style));
  return style.picture ? made.firstChild : made;
}

function card(style, at) {
  const made = document.createElement("div");
  const face = document.createElement("div");
  const cross = document.createElement("button");
  const weight = document.createElement("input");
  const name = style.picture ? `style picture ${at + 1}` : `the style of seed ${style.seed}`;
  [made.className, face.className] = ["card", "face"];
  face.append(...faces(style));
  if (style.picture) face.firstChild.alt = name;
  Object.assign(cross, { type: "button", className: "drop", title: `Remove ${name}`, innerHTML: CROSS });
  cross.ariaLabel = `Remove ${name}`;
  cross.addEventListener("click", () => hand(read().parts.filter((_, other) => other !== at)));
  Object.assign(weight, { type: "range", min: 0, max: 1, step: 0.05, value: style.weight });
  weight.title = `How much ${name} counts`;
  weight.ariaLabel = `Weight of ${name}`;
  weight.addEventListener("input", () => weigh(weights().map((each, other) => (other === at ? Number(weight.value) : each))));
  made.role = "listitem";
  made.append(face, cross, weight);
  return made;
}

/** A style that counts little is pale. */
function fade(parts) {
  [...mix.children].forEach((made, at) => {
    made.querySelector(".face").style.opacity = 0.3 + 0.7 * parts[at].weight;
    made.querySelector("input").value = parts[at].weight;
  });
}

function show() {
  const { parts, strength: strong } = read();
  const names = JSON.stringify(parts.map(({ picture, seed }) => picture ?? seed));
  if (names !== shown) mix.replaceChildren(...parts.map(card));
  shown = names;
  const padded = parts.length > 1 && parts.length <= MOST;
  mix.classList.toggle("few", parts.length <= MOST);
  add.hidden = parts.length >= props.most;
  add.classList.toggle("wanted", props.needed && !parts.length);
  $(".add span").hidden = parts.length > 0;
  fade(parts);
  pad.hidden = !padded;
  if (padded) draw(pad, parts.map(corner), weights());
  strength.parentElement.hidden = !props.drawn || !parts.length;
  mixing.hidden = pad.hidden && strength.parentElement.hidden;
  const given = props.needed && parts.length > 0 && parts.every(isExample);
  $(".note").textContent = given ? "These are examples: what you bring or draw takes their place." : "";
  strength.value = strong;
  $("output").value = `${Math.round(100 * strong)} %`;
}

const isExample = ({ picture }) => props.sets.some(({ pictures }) => pictures.includes(picture));

/** The styles that own pictures join: where all are of one class, examples of another one make room. */
const stay = () => read().parts.filter((part) => !(props.needed && isExample(part)));

async function open(files) {
  const room = props.most - stay().length;
  const chosen = files.slice(0, room);
  const late = files.length - chosen.length;
  const { pictures, problem } = await shrinkAll(chosen, props.side, props.limit);
  if (pictures.length) hand([...stay(), ...pictures.map((picture) => ({ picture, weight: 1 }))]);
  if (problem) say(problem);
  else if (late) say(`There is room for ${props.most} styles.`);
}

/** The styles with those of an example, which is not there twice; where there is no room, the last ones. */
function joined(set) {
  const others = read().parts.filter(({ picture }) => !set.some((each) => each.picture === picture));
  return [...others, ...set].slice(-MOST).map((part) => ({ ...part, weight: 1 }));
}

function sets() {
  $(".sets").replaceChildren(...props.sets.map(({ name, pictures }) => {
    const set = pictures.map((picture) => ({ picture, weight: 1 }));
    return tile(pictures[0], `Example style: ${name}`, `Example style ${name}`, () => hand(props.drawn ? joined(set) : set));
  }));
}

const note = comesBack(show);
add.addEventListener("click", () => file.click());
onChoice(file, open);
onDrop(element, open);
follow(pad, weights, weigh);
strength.addEventListener("input", () => hand(read().parts, Number(strength.value)));
window.addEventListener("cgan:open-style", (event) => { if (event.detail) open([event.detail]); }); // dropped on a letter
watch(["value", "needed", "most", "drawn", "sets"], show);
watch("sets", () => { say(""); sets(); });
sets();
show();
