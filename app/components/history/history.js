// The last results of this browser, and the ways in which one comes back: a click, a saved PNG dropped on the
// page, a link. `value` is the record to bring back; `input` tells that there is one.

import { onChoice } from "../../scripts/files.js";
import { fromFragment, hasPictures, recordAt, recordOf, toFragment } from "../../scripts/record.js";
import { mark, tile } from "../../scripts/tile.js";
import * as store from "./store.js";

const REST = 1200; // milliseconds after which a picture that stays is a result
const STROKES = 60_000; // and how long further strokes on the same drawing take its place
const HEIGHT = 128; // of the small pictures

const $ = (selector) => element.querySelector(selector);
const [strip, file] = [$(".strip"), $("input[type=file]")];
// The picture that is shown, its entry once it stayed, and whether another map came since the last entry.
const now = { uri: "", entry: null, fresh: true };
let passing = false; // what is said is about the picture that is shown, and goes with it
const say = (words) => { [$(".note").textContent, passing] = [words, false]; };
let listed = ""; // when the entries were made whose tiles are there
let cleared = []; // what was forgotten last, and can be brought back until there is something new
let clearings = 0; // what was about to become a result is not one after the next of them

/** Say what came of a click, where it is seen. */
function answer(words) {
  say(words);
  $(".note").scrollIntoView({ block: "nearest" });
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const sameButMap = (a, b) => same({ ...a, map: "" }, { ...b, map: "" });

/** Bring back what a record tells. */
function restore(record) {
  say("");
  props.value = record;
  trigger("input");
}

function tileOf(entry) {
  const { model, seed, style, map } = entry.record;
  const told = `${model} · seed ${seed}${style ? " · styled" : ""}`;
  const made = tile(entry.picture, `Bring back: ${told}`, `Bring back ${told}`, () => restore(entry.record));
  made.append(Object.assign(document.createElement("img"), { src: map, alt: "", className: "map", draggable: false }));
  return made;
}

function list(entries) {
  const ages = entries.map(({ at }) => at).join();
  if (ages !== listed) strip.replaceChildren(...entries.map(tileOf)); // a tile that is pressed stays under the pointer
  listed = ages;
  const record = now.uri && recordAt(now.uri);
  const at = entries.findIndex((entry) => same(entry.record, record));
  now.entry = entries[at] ?? null;
  mark(strip, strip.children[at]);
  $("[data-do=clear]").hidden = !entries.length;
  $("[data-do=undo]").hidden = Boolean(entries.length) || !cleared.length;
  if (!store.lasting()) say("This browser keeps nothing: the history ends with the page.");
}

async function small(uri) {
  const image = new Image();
  image.src = uri;
  await image.decode();
  const sheet = document.createElement("canvas");
  sheet.height = HEIGHT;
  sheet.width = Math.min(3 * HEIGHT, Math.max(1, Math.round((image.naturalWidth * HEIGHT) / image.naturalHeight)));
  const pen = sheet.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, sheet.width, sheet.height);
  return sheet.toDataURL("image/jpeg", 0.85);
}

/** A picture stayed: it is a result, unless it is there already. */
async function keep(uri) {
  const record = recordAt(uri);
  if (!record) return;
  const [last, before] = [now.entry, clearings];
  const entries = await store.read();
  if (entries.some((entry) => same(entry.record, record))) return list(entries);
  const goesOn = last && !now.fresh && sameButMap(last.record, record) && Date.now() - last.since < STROKES;
  now.fresh = false;
  const at = Date.now();
  const entry = { at, since: goesOn ? last.since : at, record, picture: await small(uri) };
  if (clearings !== before) return;
  list(await store.add(entry, goesOn && entries.find((each) => each.at === last.at)));
}

const another = () => document.querySelector(".result-widget .pending"); // picture is on its way

let waiting;
function rest() {
  clearTimeout(waiting);
  waiting = setTimeout(() => (another() ? rest() : keep(now.uri)), REST);
}
function shown({ detail: uri }) {
  if (passing && uri !== now.uri) say("");
  now.uri = uri;
  rest();
}

async function open(chosen) {
  const record = chosen && await recordOf(chosen);
  if (record) restore(record);
  else answer("This picture does not tell what it was painted from: only PNGs saved here do.");
}

async function link() {
  $(".link").hidden = true;
  const record = now.uri && recordAt(now.uri);
  if (!record) return answer("There is no picture yet.");
  const fragment = await toFragment(record);
  if (!fragment) return answer("The map has too much detail for a link: save the PNG, which holds all of it.");
  const address = `${location.href.split("#")[0]}#${fragment}`;
  const pictured = hasPictures(record);
  const holds = pictured ? "model, seed and map are in it. The style is not: save the PNG, which holds all."
    : "model, seed, style and map are in it.";
  try {
    await navigator.clipboard.writeText(address);
    answer(`The link is copied: ${holds}`);
    passing = true;
  } catch { // no clipboard without https
    Object.assign($(".link"), { value: address, hidden: false }).select();
    answer(`Copy this link: ${holds}`);
  }
}

/** The address has a record: bring it back once, then it is an ordinary address again. */
async function arrive() {
  if (!location.hash.startsWith("#cgan=")) return;
  const fragment = location.hash;
  history.replaceState(history.state, "", location.href.split("#")[0]);
  try {
    restore(await fromFragment(fragment));
  } catch {
    answer("This link is torn: a part of it is missing.");
    window.dispatchEvent(new CustomEvent("cgan:unrestored"));
  }
}

async function clear() {
  clearings += 1;
  clearTimeout(waiting);
  cleared = await store.read();
  list(await store.clear());
}

async function undo() {
  for (const entry of cleared.toReversed()) await store.add(entry);
  cleared = [];
  list(await store.read());
}

const deeds = { open: () => file.click(), link, clear, undo };
element.addEventListener("click", (event) => deeds[event.target.closest("[data-do]")?.dataset.do]?.());
onChoice(file, ([chosen]) => open(chosen));

// What is listened to at the window ends with the component.
function listen(event, heard) {
  const once = (told) => (element.isConnected ? heard(told) : window.removeEventListener(event, once));
  window.addEventListener(event, once);
}
const dropped = (event) => [...(event.dataTransfer?.items ?? [])].some(({ kind }) => kind === "file") && element.offsetParent;
listen("cgan:picture", shown);
listen("cgan:restore", ({ detail: record }) => restore(record));
listen("cgan:map", ({ detail }) => { now.fresh ||= detail.came !== "stayed"; });
listen("hashchange", arrive);
listen("dragover", (event) => { if (dropped(event)) event.preventDefault(); });
listen("drop", (event) => { // nobody else took it
  if (!dropped(event) || event.defaultPrevented) return;
  event.preventDefault();
  open(event.dataTransfer.files[0]);
});

// A link waits until the page has a model and a map of its own: they would come over it.
const arrived = () => { window.removeEventListener("cgan:map", arrived); arrive(); };
window.addEventListener("cgan:map", arrived);
store.read().then(list);
