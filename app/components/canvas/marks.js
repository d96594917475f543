// The outlines of single things that were given a look.

import * as raster from "../../scripts/raster.js";
import { state } from "./state.js";

let known = null; // the edges of each thing, until the map or the things change

export const forget = () => { known = null; };

/** [{edges, chosen}]: around each thing the pixels' sides, [[x, y, x, y], …], and whether it is the chosen one. */
export function marks() {
  known ??= state.things.all.map(([row, column]) => {
    if (row >= state.map.height || column >= state.map.width) return [];
    return raster.edges(raster.region(state.map, column, row));
  });
  return known.map((edges, place) => ({ edges, chosen: place === state.things.at }));
}
