// Where the painting takes light and colours from: ready styles of the checkpoint and pictures, up to three mixed.
//
// `value` is {parts: [{picture (a data URI) or ready (a number) and model, weight}], strength}, a picture's data URI,
// or "" for none. Props: `ready`, pictures of the styles that `checkpoint` (a name) brings along, `side`, the longest
// in pixels that is sent (only light and colours count), `limit` (bytes), `most` (styles). Event: `input`,
// for a style that came from Python too.

import { onChoice, onDrop, onPaste } from "../../scripts/files.js";
import { fade } from "../../scripts/fade.js";
import { tellLater } from "../../scripts/later.js";
import { keep, kept, withFirstMap } from "../../scripts/memory.js";
import { draw, follow, pictured } from "../../scripts/pad.js";
import { sayIn } from "../../scripts/say.js";
import { shrink, shrinkAll } from "../../scripts/shrink.js";
import { tile } from "../../scripts/tile.js";

const $ = (selector) => element.querySelector(selector);
const [file, many, pad, strength] = [$("input[type=file]"), $(".many"), $(".pad"), $("input[type=range]")];
let shown = null; // the style that the strip shows, not to draw it anew under the pointer
let checkpoint = ""; // whose styles they are
const KEPT = "cgan style";
const NEXT = [
  "Choose two or three styles, or open pictures: they are mixed.",
  "Now choose another style: it is mixed with this one.",
  "Move the dot to what you like. A click on a style takes it out of the mix.",
];
let settled = false; // the style of before was looked for: what there is now takes its place
const say = sayIn($(".say"));

/** The value as {parts, strength}; ready styles of other checkpoints wait unseen. */
function read() {
  const { value } = props;
  if (!value) return { parts: [], strength: 1 };
  if (typeof value === "string") return { parts: [{ picture: value, weight: 1 }], strength: 1 };
  const here = value.parts.filter((part) => part.picture || (part.model ?? props.checkpoint) === props.checkpoint);
  return { parts: here, strength: value.strength ?? 1 };
}

function hand(style) {
  props.value = style.parts.length ? style : "";
  show();
  trigger("input");
}

const key = (part) => part.picture ?? part.ready;
const face = (part) => part.picture ?? props.ready[part.ready] ?? "";
const weights = () => read().parts.map(({ weight }) => weight);
const evenly = (parts) => parts.map((part) => ({ ...part, weight: Math.round(100 / parts.length) / 100 }));

/** A style was chosen, or chosen again: it takes the place of all, or goes. With "Mix" on it joins or leaves them. */
function take(part) {
  const { parts, strength: strong } = read();
  const others = parts.filter((each) => key(each) !== key(part));
  const joins = others.length === parts.length;
  const mixing = many.ariaPressed === "true";
  if (joins && mixing && parts.length >= props.most) return say(`There is room for ${props.most}: take one out first.`);
  say("");
  const stay = mixing ? others : [];
  hand({ parts: evenly(joins || (!mixing && others.length) ? [...stay, part] : stay), strength: strong });
}

function list({ parts }) {
  const own = parts.filter((part) => part.picture).map((part) =>
    tile(part.picture, "Your style picture", "Your style picture", () => take(part)));
  const title = "A style of the training pictures, shown as what it paints on one map";
  const ready = props.ready.map((picture, at) =>
    tile(picture, title, `Ready style ${at + 1}`, () => take({ ready: at, model: props.checkpoint, weight: 1 })));
  $(".strip").replaceChildren(...own, ...ready);
  for (const made of own) made.classList.add("taken");
  ready.forEach((made, at) => made.classList.toggle("taken", parts.some((part) => part.ready === at)));
  for (const made of [...own, ...ready]) made.setAttribute("aria-pressed", made.classList.contains("taken"));
}

function show() {
  const style = read();
  const { parts } = style;
  const names = JSON.stringify([props.checkpoint, props.ready.length, parts.map(key)]);
  if (names !== shown) {
    list(style);
    window.dispatchEvent(new CustomEvent("cgan:parts", { detail: names })); // for what was painted in others
  }
  if (checkpoint !== props.checkpoint) {
    $(".strip").scrollLeft = 0; // other styles: the first ones are seen
    say("");
  }
  [shown, checkpoint] = [names, props.checkpoint];
  const there = parts.length > 0;
  $(".mixing").hidden = !there;
  $(".style").classList.toggle("set", there);
  many.hidden = !there && !props.ready.length;
  if (parts.length > 1) many.ariaPressed = "true";
  $(".next").textContent = many.ariaPressed === "true" ? NEXT[Math.min(parts.length, 2)] : "";
  pad.hidden = parts.length < 2;
  if (parts.length > 1) draw(pad, parts.map((part) => pictured(face(part))), weights());
  strength.value = style.strength;
  $("output").value = `${Math.round(100 * style.strength)} %`;
  if (settled) keep(KEPT, props.value || "");
}

function mix(shares) {
  const { parts, strength: strong } = read();
  hand({ parts: parts.map((part, each) => ({ ...part, weight: shares[each] })), strength: strong });
}

async function open(chosen) {
  if (!chosen) return;
  const { pictures: [picture], problem } = await shrinkAll([chosen], props.side, props.limit);
  if (problem) return say(problem);
  take({ picture, weight: 1 });
}

fade($(".strip"));
follow(pad, weights, mix);
strength.addEventListener("input", () => hand({ ...read(), strength: Number(strength.value) }));
many.addEventListener("click", () => {
  const on = many.ariaPressed !== "true";
  many.ariaPressed = String(on);
  const { parts, strength: strong } = read();
  if (!on && parts.length > 1) hand({ parts: [{ ...parts[0], weight: 1 }], strength: strong });
  else show();
});
$(".pick").addEventListener("click", () => file.click());
$(".clear").addEventListener("click", () => { say(""); hand({ parts: [] }); });
onChoice(file, ([chosen]) => open(chosen));
onDrop(element, ([dropped]) => open(dropped));
onPaste(open);
// A photograph whose map was asked for becomes the style, and stays it if it comes again.
window.addEventListener("cgan:style", async ({ detail }) => {
  hand({ parts: [{ picture: await shrink(detail, props.side), weight: 1 }], strength: read().strength });
});
watch("value", tellLater);
watch(["value", "ready", "checkpoint"], show);
withFirstMap((linked) => {
  const before = linked ? null : kept(KEPT);
  if (!props.value && (typeof before === "string" || before?.parts?.length)) props.value = before;
  settled = true;
  show();
});
show();
