// Shapes drawn into a map of ids, without anti-aliasing: a pixel belongs to one class, whole.
// A map is {ids: Uint8Array, width, height}; x runs to the right, y down, in pixels.

/** Every pixel centre within `radius` of the segment a-b becomes `id`. */
export function stroke(map, a, b, radius, id) {
  const reach = Math.max(radius, 0.51); // the thinnest brush still marks a pixel
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy || 1;
  const left = Math.max(0, Math.floor(Math.min(a.x, b.x) - reach));
  const right = Math.min(map.width - 1, Math.ceil(Math.max(a.x, b.x) + reach));
  const top = Math.max(0, Math.floor(Math.min(a.y, b.y) - reach));
  const bottom = Math.min(map.height - 1, Math.ceil(Math.max(a.y, b.y) + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - a.x, y + 0.5 - a.y];
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
      const [ox, oy] = [px - along * dx, py - along * dy];
      if (ox * ox + oy * oy <= reach * reach) map.ids[y * map.width + x] = id;
    }
  }
}

/** The connected region around (x, y) becomes `id`. */
export function flood(map, x, y, id) {
  const { ids, width, height } = map;
  const from = ids[y * width + x];
  if (from === id) return;
  const waiting = [y * width + x];
  while (waiting.length) {
    const at = waiting.pop();
    if (ids[at] !== from) continue;
    const row = at - (at % width);
    let [left, right] = [at, at];
    while (left > row && ids[left - 1] === from) left--;
    while (right < row + width - 1 && ids[right + 1] === from) right++;
    for (let i = left; i <= right; i++) {
      ids[i] = id;
      if (i >= width && ids[i - width] === from) waiting.push(i - width);
      if (i + width < width * height && ids[i + width] === from) waiting.push(i + width);
    }
  }
}

/** The inside of the polygon, even-odd at pixel centres, becomes `id`. */
export function polygon(map, points, id) {
  for (let y = 0; y < map.height; y++) {
    const cuts = [];
    points.forEach((a, i) => {
      const b = points[(i + 1) % points.length];
      if (a.y <= y + 0.5 !== b.y <= y + 0.5) cuts.push(a.x + ((y + 0.5 - a.y) / (b.y - a.y)) * (b.x - a.x));
    });
    cuts.sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      const start = Math.max(0, Math.ceil(cuts[i] - 0.5));
      const end = Math.min(map.width, Math.ceil(cuts[i + 1] - 0.5));
      if (start < end) map.ids.fill(id, y * map.width + start, y * map.width + end);
    }
  }
}

/** Let `change` draw into the map, but not where its class is one of `locked` (ids). */
export function sparing(map, locked, change) {
  const before = locked.size ? map.ids.slice() : null;
  change(map);
  if (!before) return;
  for (let i = 0; i < before.length; i++) if (locked.has(before[i])) map.ids[i] = before[i];
}

/** All of the map that is `from` becomes `to`. */
export function replace(map, from, to) {
  for (let i = 0; i < map.ids.length; i++) if (map.ids[i] === from) map.ids[i] = to;
}

/** The connected region around (x, y) as a map of 1 inside and 0 outside. */
export function region(map, x, y) {
  const filled = copy(map);
  flood(filled, x, y, 255); // no class has this id
  return { ...map, ids: filled.ids.map((id) => Number(id === 255)) };
}

/** The sides of pixels between what is 0 in a map and what is not, [[x, y, x, y], …]; beyond the map is 0. */
export function edges({ ids, width, height }) {
  const at = (x, y) => (x >= 0 && y >= 0 && x < width && y < height ? ids[y * width + x] : 0);
  const found = [];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (!at(x, y) !== !at(x - 1, y)) found.push([x, y, x, y + 1]);
      if (!at(x, y) !== !at(x, y - 1)) found.push([x, y, x + 1, y]);
    }
  }
  return found;
}

/** A map of `id` of a size, with another map (or none) in its middle, cut where it is larger. */
export function framed(inner, width, height, id) {
  const ids = new Uint8Array(width * height).fill(id);
  if (!inner) return { ids, width, height };
  const [left, top] = [Math.floor((width - inner.width) / 2), Math.floor((height - inner.height) / 2)];
  for (let y = Math.max(0, top); y < Math.min(height, top + inner.height); y++) {
    for (let x = Math.max(0, left); x < Math.min(width, left + inner.width); x++) {
      ids[y * width + x] = inner.ids[(y - top) * inner.width + (x - left)];
    }
  }
  return { ids, width, height };
}

/** The map at another size; each new pixel takes the nearest old one. */
export function resize(map, width, height) {
  const ids = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++) {
      ids[y * width + x] = map.ids[row + Math.floor(((x + 0.5) * map.width) / width)];
    }
  }
  return { ids, width, height };
}

export const copy = (map) => ({ ...map, ids: map.ids.slice() });
