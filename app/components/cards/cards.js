// Checkpoints as cards. Props: `cards` [{name, model, deed, tab, picture, rows, samples, onnx, loaded}], pictures being
// data URIs and `rows` pairs of words, `tab` "" where there is none to open it in; `large` {name, picture} opens the
// dialog. Events, each with {name}: `select` opens a checkpoint in its tab, `expand` asks for samples, `clear` unloads,
// `download` exports: what becomes of it is told by "cgan:exported", with the zip as Gradio tells of files, or null.
// A card's `onnx` is "" where there is no export, and else changes with the weights.

const WORK = "Each graph is compared with the model before it is there.";
const deck = element.querySelector(".deck");
const dialog = element.querySelector("dialog");

function made(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
}

function button(words, name, event, className = "") {
  const one = made("button", className, words);
  one.type = "button";
  one.addEventListener("click", () => trigger(event, { name }));
  return one;
}

function facts(rows) {
  const pairs = made("dl", "facts");
  for (const [name, words] of rows) pairs.append(made("dt", "", name), made("dd", "", words));
  return pairs;
}

function picture({ name, picture: uri }) {
  if (!uri) return made("p", "none", "No preview");
  return Object.assign(document.createElement("img"), { src: uri, alt: `What ${name} makes` });
}

const zips = new Map(); // those that were exported, as Gradio tells of files, by `onnx`
let asked = null; // the export that is under way, {onnx, since}

const seconds = () => Math.round((Date.now() - asked.since) / 1000);

/** The button that asks for the export, what is told while it works, or the link to what came of it. */
function exporting({ name, onnx }) {
  if (zips.has(onnx)) {
    const { url, orig_name: file } = zips.get(onnx);
    return Object.assign(made("a", "save", "Save ONNX"), { href: url, download: file, title: file });
  }
  if (asked?.onnx === onnx) return Object.assign(made("span", "busy", `Exporting … ${seconds()} s`), { title: WORK });
  const one = button("ONNX", name, "download");
  Object.assign(one, { title: `Save as ONNX graphs. ${WORK}`, disabled: asked !== null });
  one.addEventListener("click", () => {
    asked = { onnx, since: Date.now() };
    list();
    tick();
  });
  return one;
}

function tick() {
  const busy = asked && element.querySelector(".busy");
  if (!busy) return;
  busy.textContent = `Exporting … ${seconds()} s`;
  setTimeout(tick, 1000);
}

function exported({ detail: file }) {
  if (!element.isConnected) return window.removeEventListener("cgan:exported", exported);
  if (!asked) return;
  if (file) zips.set(asked.onnx, file);
  asked = null;
  list();
}
window.addEventListener("cgan:exported", exported);

function acts({ name, tab, samples, onnx, loaded }) {
  const row = made("p", "acts-row");
  if (tab) row.append(button(`Open in ${tab}`, name, "select", "main"));
  if (samples) row.append(button("Samples", name, "expand"));
  if (onnx) row.append(exporting({ name, onnx }));
  if (loaded) row.append(button("Unload", name, "clear"));
  return row;
}

function card(it) {
  const one = made("li", "card");
  const words = made("p", "what", `${it.model} · ${it.deed}${it.loaded ? " · in memory" : ""}`);
  one.append(picture(it), made("h2", "", it.name), words, facts(it.rows), acts(it));
  return one;
}

function list() {
  deck.replaceChildren(...props.cards.map(card));
}

function enlarge() {
  if (!props.large.picture) return;
  const image = dialog.querySelector("img");
  dialog.querySelector("b").textContent = props.large.name;
  Object.assign(image, { src: props.large.picture, alt: `Samples of ${props.large.name}` });
  dialog.showModal();
}

dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => { props.large = {}; });
watch("cards", list);
watch("large", enlarge);
list();
