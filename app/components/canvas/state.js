// What the painter is about: the map, the tool and class in hand, and where they are shown.
//
// Props from Python: `checkpoint` (its name), `palette` [{id, name, colour}], `size` [height, width], `first`
// (a map to begin with), `looks` (how many a thing can be given) and `value`, the map as a palette PNG (a data
// URI). Events: `input` when the map changed and should be painted, `submit` for Ctrl+Enter.

export const $ = (selector) => element.querySelector(selector);
export const $$ = (selector) => [...element.querySelectorAll(selector)];

export const view = { map: $(".map"), over: $(".over"), under: $(".under"), sheet: $(".sheet"), list: $(".list") };
/** What becomes of a map: `hand` gives it to Python, and with `keep` this browser remembers it. */
export const ways = { keep: true, hand(uri) { props.value = uri; } };
export const state = {
  map: null, // {ids, width, height}
  tool: "brush", id: 0, radius: 12,
  locked: new Set(), // ids of the classes that stay as they are
  things: { all: [], at: -1 }, // single things with a look of their own, [[row, column, look], …], and the chosen one
  undo: [], redo: [], // of {map, things}
  points: [], // corners of the polygon being drawn
  drag: null, // {id, last} while a pointer draws
  hover: null,
  seen: { scale: 1, x: 0, y: 0 }, // a place (u, v) of the map, from 0 to 1, lies at (x, y) + scale (u, v) on the sheet
};

let silence;
/** Say something below the map, for a moment. */
export function tell(words) {
  const told = $(".told");
  if (!told) return;
  told.textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => { told.textContent = ""; }, 4000);
}
