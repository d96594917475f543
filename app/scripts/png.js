// Label maps as PNG files of class ids, written and read by hand.
//
// An 8-bit palette PNG stores one byte a pixel: the id itself. The browser's own codec would go through
// colours, which colour management and privacy shields may shift by one, and one off is another class.

import { asUri } from "./files.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** Length, type, data and checksum of one chunk. */
function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

async function through(stream, bytes) {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

/** Ids (one byte a pixel), their size, and the palette [[r, g, b], ...] -> data URI. */
export async function encode({ ids, width, height }, palette) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette, deflate, adaptive filters, not interlaced
  const rows = new Uint8Array((width + 1) * height); // each row: filter 0 (none), then the ids
  for (let y = 0; y < height; y++) rows.set(ids.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const packed = await through(new CompressionStream("deflate"), rows);
  const parts = [
    Uint8Array.from(SIGNATURE), chunk("IHDR", header), chunk("PLTE", Uint8Array.from(palette.flat())),
    chunk("IDAT", packed), chunk("IEND", new Uint8Array(0)),
  ];
  return asUri(new Blob(parts, { type: "image/png" }));
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [l, u, c] = [left, up, corner].map((value) => Math.abs(guess - value));
  return l <= u && l <= c ? left : u <= c ? up : corner;
}

function unfilter(rows, width, height) {
  const ids = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = x ? ids[at - 1] : 0;
      const up = y ? ids[at - width] : 0;
      const corner = x && y ? ids[at - width - 1] : 0;
      const added = [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter];
      ids[at] = rows[y * (width + 1) + 1 + x] + added;
    }
  }
  return ids;
}

/** The data URI of an 8-bit palette PNG -> {ids, width, height}. */
export async function decode(uri) {
  const bytes = Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const packed = [];
  let width = 0, height = 0;
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    if (type === "IHDR") {
      [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      if (data[8] !== 8 || data[9] !== 3 || data[12]) throw new Error("not an 8-bit palette PNG");
    }
    if (type === "IDAT") packed.push(data);
  }
  const rows = await through(new DecompressionStream("deflate"), new Blob(packed));
  return { ids: unfilter(rows, width, height), width, height };
}
