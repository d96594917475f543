// A picture on its way to Python. A phone's photograph has twelve megapixels and travels with every request, so
// it is made small before it is sent: upright, opaque on white, at most `side` pixels long.

import { asUri } from "./files.js";

/** Whether this browser can show what is in a data URI. */
export async function shows(uri) {
  const image = Object.assign(new Image(), { src: uri });
  return image.decode().then(() => true, () => false);
}

/** A picture file -> data URI. What this browser cannot read goes as it is, up to `limit` bytes: Python tells. */
export async function shrink(file, side, limit) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return asUri(file.slice(0, limit, file.type));
  }
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
