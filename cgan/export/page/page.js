const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const map = $("map").getContext("2d"), picture = $("picture").getContext("2d");
const past = [];
let labels, height, width, chosen = 0, filling = false, busy = true, dirty = true, last = null;

/** A file inside the page: gzip in base64. */
async function file(name) {
  const packed = await fetch("data:application/octet-stream;base64," + $("blob-" + name).textContent.trim());
  return new Response(packed.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** Take a map of any size (ids, rows) at a new height and width, each pixel as its nearest. */
function resize(ids, rows, columns) {
  const next = new Uint8Array(height * width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      next[y * width + x] = ids[Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width)];
  labels = next;
  past.length = 0;
  for (const context of [map, picture]) Object.assign(context.canvas, { height, width });
  show();
}

function show() {
  const pixels = map.createImageData(width, height);
  labels.forEach((id, i) => pixels.data.set([...facts.palette[id].rgb, 255], 4 * i));
  map.putImageData(pixels, 0, 0);
  dirty = true;
  paint();
}

/** Send the map, if nothing is being painted; what comes while it is waits, and only the last of it is painted. */
function paint() {
  if (busy || !dirty) return;
  [busy, dirty] = [true, false];
  $("status").textContent = "painting …";
  worker.postMessage({ labels, height, width, seed: Number($("seed").value), length: facts.style });
}

function disc(x, y, radius) {
  for (let v = Math.max(0, Math.ceil(y - radius)); v <= Math.min(height - 1, y + radius); v++) {
    const half = Math.sqrt(radius * radius - (v - y) ** 2);
    labels.fill(chosen, v * width + Math.max(0, Math.ceil(x - half)), v * width + Math.min(width, Math.floor(x + half) + 1));
  }
}

function flood(x, y) {
  const from = labels[y * width + x], open = [[x, y]];
  while (from !== chosen && open.length) {
    const [a, b] = open.pop();
    if (a < 0 || b < 0 || a >= width || b >= height || labels[b * width + a] !== from) continue;
    labels[b * width + a] = chosen;
    open.push([a + 1, b], [a - 1, b], [a, b + 1], [a, b - 1]);
  }
}

function place(event) {
  const box = map.canvas.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * width, y = ((event.clientY - box.top) / box.height) * height;
  return [Math.min(width - 1, Math.max(0, Math.floor(x))), Math.min(height - 1, Math.max(0, Math.floor(y)))];
}

function stroke([x, y]) {
  const radius = (Number($("brush").value) / 256) * Math.max(height, width) / 2;
  const steps = Math.max(1, Math.ceil(Math.hypot(x - last[0], y - last[1])));
  for (let i = 0; i <= steps; i++)
    disc(last[0] + ((x - last[0]) * i) / steps, last[1] + ((y - last[1]) * i) / steps, Math.max(0.5, radius));
  last = [x, y];
}

function remember() {
  past.push(labels.slice());
  if (past.length > 50) past.shift();
}

map.canvas.onpointerdown = (event) => {
  map.canvas.setPointerCapture(event.pointerId);
  remember();
  last = place(event);
  filling ? flood(...last) : stroke(last);
  show();
};
map.canvas.onpointermove = (event) => {
  if (!last || filling || !event.buttons) return;
  stroke(place(event));
  show();
};
map.canvas.onpointerup = () => (last = null);

facts.palette.forEach(({ name, colour }, id) => {
  const button = Object.assign(document.createElement("button"), { title: name });
  button.append(Object.assign(document.createElement("i"), { style: `background: ${colour}` }), name);
  button.onclick = () => {
    chosen = id;
    [...$("palette").children].forEach((each, i) => each.setAttribute("aria-pressed", i === id));
  };
  $("palette").append(button);
});
$("palette").children[0].click();
$("fill").onclick = () => $("fill").setAttribute("aria-pressed", (filling = !filling));
$("undo").onclick = () => past.length && ((labels = past.pop()), show());
$("clear").onclick = () => (remember(), labels.fill(chosen), show());
$("seed").onchange = () => ((dirty = true), paint());
$("dice").onclick = () => (($("seed").value = Math.floor(Math.random() * 1e6)), (dirty = true), paint());
$("save").onclick = () =>
  picture.canvas.toBlob((blob) => {
    const link = { href: URL.createObjectURL(blob), download: facts.name + ".png" };
    Object.assign(document.createElement("a"), link).click();
  });
facts.sizes.forEach(([h, w]) => $("size").add(new Option(`${w} × ${h}`, `${h} ${w}`)));
$("size").value = facts.size.join(" ");
$("size").onchange = () => {
  const [rows, columns] = [height, width];
  [height, width] = $("size").value.split(" ").map(Number);
  resize(labels, rows, columns);
};

const worker = new Worker(URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" })));
worker.onerror = (event) => ($("status").textContent = event.message);
worker.onmessage = ({ data }) => {
  busy = false;
  if (data.error) return ($("status").textContent = data.error);
  if (data.rgba) {
    Object.assign(picture.canvas, { height: data.height, width: data.width });
    picture.putImageData(new ImageData(data.rgba, data.width, data.height), 0, 0);
    $("status").textContent = `${Math.round(data.spent)} ms for this picture, in WebAssembly on one core of this machine`;
  }
  paint();
};

[height, width] = facts.size;
resize(new Uint8Array(await file("map")), ...facts.start);
const names = Object.keys(facts.files);
const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await file(name)])));
const runtime = new TextDecoder().decode(await file("runtime"));
worker.postMessage({ files, runtime, wasm: await file("wasm") });
