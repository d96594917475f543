// What a picture was painted from: {cgan: 1, model, seed, style, things, map}. Painted PNGs carry it (see
// app/records.py), and a link can.

const KEYWORD = "cgan\0\0\0\0\0";
const LARGEST = 2 ** 25; // bytes of a file that is looked into
const LONGEST = 8000; // characters of a link that mail programs and messengers leave whole

const text = (bytes) => new TextDecoder().decode(bytes);

/** The record in the bytes of a PNG; null where there is none. */
export function recordIn(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text(bytes.subarray(1, 4)) !== "PNG") return null;
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const data = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    if (text(bytes.subarray(at + 4, at + 8)) !== "iTXt" || text(data.subarray(0, KEYWORD.length)) !== KEYWORD) continue;
    try {
      return JSON.parse(text(data.subarray(KEYWORD.length)));
    } catch {
      return null;
    }
  }
  return null;
}

/** The record of a file; null where it has none. */
export const recordOf = async (file) => (file.size > LARGEST ? null : recordIn(new Uint8Array(await file.arrayBuffer())));

/** The record of a data URI. */
export const recordAt = (uri) => recordIn(Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (c) => c.charCodeAt(0)));

async function through(stream, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

/** Whether a record has a style that no link holds: pictures are too long for one. */
export const hasPictures = ({ style }) => Boolean(style?.parts.some((part) => part.picture));

/** A record without style pictures, as what follows the # of an address; "" where it is too long for one. */
export async function toFragment(record) {
  const told = hasPictures(record) ? { ...record, style: null } : record;
  const packed = await through(new CompressionStream("deflate"), JSON.stringify(told));
  const coded = btoa(String.fromCharCode(...packed.subarray(0, LONGEST))).replaceAll("+", "-").replaceAll("/", "_");
  return coded.length > LONGEST ? "" : `cgan=${coded.replace(/=+$/, "")}`;
}

/** The record in what follows the # of an address; null where there is none, an error where it is torn. */
export async function fromFragment(fragment) {
  const coded = fragment.match(/^#?cgan=([\w-]+)$/)?.[1];
  if (!coded || coded.length > LONGEST) return null;
  const packed = Uint8Array.from(atob(coded.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(text(await through(new DecompressionStream("deflate"), packed)));
}
