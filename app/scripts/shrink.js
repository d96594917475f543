// A picture on its way to Python. A phone's photograph has twelve megapixels and travels with every request, so
// it is made small before it is sent: upright, opaque on white, at most `side` pixels long.

import { excess } from "./files.js";

/** What to say of a file that `shrink` does not take. */
export function unreadable(file) {
  return `${file.name ?? "The picture"} cannot be read here: save it as JPEG or PNG.`;
}

/** A picture file -> data URI. It rejects what this browser cannot show: nobody would see what was taken. */
export async function shrink(file, side) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const sheet = document.createElement("canvas");
  sheet.width = Math.max(1, Math.round(bitmap.width * scale));
  sheet.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = sheet.getContext("2d");
  [pen.fillStyle, pen.imageSmoothingQuality] = ["#fff", "high"];
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.drawImage(bitmap, 0, 0, sheet.width, sheet.height);
  const exact = file.type === "image/png" && sheet.width * sheet.height <= 2 ** 20; // drawings stay clean
  return exact ? sheet.toDataURL("image/png") : sheet.toDataURL("image/jpeg", 0.93);
}

/** Picture files -> {pictures, problem}: those of at most `limit` bytes as `shrink` has them, and what to say of another. */
export async function shrinkAll(files, side, limit) {
  const made = await Promise.allSettled(files.map((file) => (excess(file, limit) ? null : shrink(file, side))));
  const pictures = made.map(({ value }) => value).filter(Boolean);
  const [left] = files.filter((_, at) => !made[at].value);
  return { pictures, problem: left ? excess(left, limit) || unreadable(left) : "" };
}
