// The strip of maps to begin with: a file of the user's own, the map of a photograph, or an example.
//
// Props: `examples` [{name, picture}], pictures being label maps as data URIs, `labels` (whether photographs can be
// labelled), `side` (the longest in pixels of one that is sent), `limit` (bytes of a file). `value` is the chosen
// picture; `input` tells that it is a map, `upload` that it is a photograph. One that was painted here brings back
// what it tells.

import { asUri, excess, onChoice } from "../../scripts/files.js";
import { recordOf } from "../../scripts/record.js";
import { sayIn } from "../../scripts/say.js";
import { shrink, unreadable } from "../../scripts/shrink.js";
import { tile } from "../../scripts/tile.js";

const MOST = { "image/png": 256 }; // colours that a label map may have; of files that lose some, fewer:
const FEWER = 64;
const SAMPLED = 128; // pixels a side of what is looked at

const $ = (selector) => element.querySelector(selector);
const [file, photo] = [$(".maps > input"), $(".photo input[type=file]")];
const say = sayIn($(".say"));

function hand(uri, event) {
  say("");
  props.value = uri;
  trigger(event);
}

/** Whether a picture has more colours than a label map. */
async function isPhotograph(chosen) {
  const bitmap = await createImageBitmap(chosen).catch(() => null);
  if (!bitmap) return false;
  const sheet = new OffscreenCanvas(SAMPLED, SAMPLED).getContext("2d");
  sheet.imageSmoothingEnabled = false;
  sheet.drawImage(bitmap, 0, 0, SAMPLED, SAMPLED);
  const colours = new Set(new Uint32Array(sheet.getImageData(0, 0, SAMPLED, SAMPLED).data.buffer));
  return colours.size > (MOST[chosen.type] ?? FEWER);
}

async function read(chosen, known = "") {
  if (!chosen) return;
  const problem = excess(chosen, props.limit);
  if (problem) return say(problem);
  try {
    const record = known === "photograph" ? null : await recordOf(chosen);
    if (record) return window.dispatchEvent(new CustomEvent("cgan:restore", { detail: record }));
    const photograph = known === "photograph" || (!known && props.labels && (await isPhotograph(chosen)));
    if (!photograph) return hand(await asUri(chosen), "input");
    hand(await shrink(chosen, props.side), "upload");
    if ($(".own").checked) window.dispatchEvent(new CustomEvent("cgan:style", { detail: chosen }));
  } catch {
    say(unreadable(chosen));
  }
}

function list() {
  $(".photo").hidden = !props.labels;
  $(".strip").replaceChildren(...props.examples.map(({ name, picture }) =>
    tile(picture, `Example: ${name}`, `Example map ${name}`, () => hand(picture, "input"))));
}

$(".maps > .open").addEventListener("click", () => file.click());
$(".photo .open").addEventListener("click", () => photo.click());
onChoice(file, ([chosen]) => read(chosen, "map"));
onChoice(photo, ([chosen]) => read(chosen, "photograph"));
window.addEventListener("cgan:open", (event) => { if (event.detail) read(event.detail); else file.click(); });
watch(["examples", "labels"], list);
list();
