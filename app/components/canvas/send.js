// The map on its way to Python, and into this browser's memory.

import * as png from "../../scripts/png.js";
import { $, state, ways } from "./state.js";

const LIVE_GAP = 60; // milliseconds between two maps sent while drawing

const outbox = { stale: false, repaint: false, busy: false };

/** Send the map to Python, encoded; with `repaint` ask for a picture. Only the last state counts. */
export function publish(repaint) {
  outbox.stale = true;
  outbox.repaint ||= repaint;
  if (!outbox.busy) drain();
}

/** Until all that was painted is on its way. */
export async function settled() {
  while (outbox.busy) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function drain() {
  outbox.busy = true;
  try {
    while (outbox.stale) {
      const repaint = outbox.repaint;
      outbox.stale = outbox.repaint = false;
      const map = state.map;
      ways.hand(await encoded(map), map);
      if (repaint) trigger("input");
      await new Promise((resolve) => setTimeout(resolve, state.drag ? LIVE_GAP : 0));
    }
  } finally {
    outbox.busy = false;
  }
}

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** A map as the data URI of a palette PNG. */
export const encoded = (map) => png.encode(map, props.palette.map(({ colour }) => rgb(colour)));

export const live = () => $(".live input").checked;

// The drawing survives a reload: one map for each list of classes, in this browser only.
const shelfKey = () => `cgan map of ${props.palette.map(({ name }) => name).join(" ")}`;

export async function keep() {
  if (!ways.keep) return;
  const map = state.map;
  const uri = await encoded(map);
  try {
    if (map === state.map) localStorage.setItem(shelfKey(), uri);
  } catch { /* full or forbidden: then nothing is kept */ }
}

export function kept() {
  try { return localStorage.getItem(shelfKey()); } catch { return null; }
}
