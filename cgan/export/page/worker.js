// Computes, so that the page stays awake. Gets {files, runtime, wasm} once, then {labels, height, width, seed}.
let ort, sessions, seeded = {};

/** N(0, 1) numbers by a seed: mulberry32, then Box and Muller. */
function normals(seed, count) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
}

async function load({ files, runtime, wasm }) {
  ort = await import(URL.createObjectURL(new Blob([runtime], { type: "text/javascript" })));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm;
  const entries = [];
  for (const [name, file] of Object.entries(files))
    entries.push([name, await ort.InferenceSession.create(new Uint8Array(file), { executionProviders: ["wasm"] })]);
  sessions = Object.fromEntries(entries);
}

/** What a seed draws: the style vector, and noise for this size. */
async function drawn(seed, length, height, width) {
  if (seeded.seed !== seed) {
    const normal = new ort.Tensor("float32", normals(seed, length), [1, length]);
    seeded = { seed, style: sessions.draw ? (await sessions.draw.run({ normal })).style : normal };
  }
  if (seeded.height !== height || seeded.width !== width)
    Object.assign(seeded, { height, width, noise: normals(seed + 1, height * width) });
  return { style: seeded.style, noise: new ort.Tensor("float32", seeded.noise, [1, 1, height, width]) };
}

async function paint({ labels, height, width, seed, length }) {
  const begun = performance.now();
  const given = await drawn(seed, length, height, width);
  given.labels = new ort.Tensor("uint8", labels, [1, height, width]);
  const session = sessions.paint;
  const { image } = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, given[name]])));
  const plane = height * width, rgba = new Uint8ClampedArray(4 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = (image.data[c * plane + i] + 1) * 127.5;
    rgba[4 * i + 3] = 255;
  }
  return { rgba, height, width, spent: performance.now() - begun };
}

onmessage = async ({ data }) => {
  try {
    postMessage(data.files ? (await load(data), { ready: true }) : await paint(data));
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
