// What of the page outlives it, in this browser only: small things in its localStorage, each under a name.

const ROOM = 2 ** 21; // characters of one: three style pictures have less

/** Keep a value; one that is empty, or too large, leaves nothing. */
export function keep(name, value) {
  const text = value === "" || value === null ? "" : JSON.stringify(value);
  try {
    if (text && text.length <= ROOM) localStorage.setItem(name, text);
    else localStorage.removeItem(name);
  } catch { /* full or forbidden: then nothing is kept */ }
}

/** What was kept; null for nothing. */
export function kept(name) {
  try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } // forbidden, or no JSON
}

/** Act when the page has its first map, which is painted next; before, what is set is lost. */
export function withFirstMap(act) {
  const linked = location.hash.startsWith("#cgan="); // a link brings all itself
  const came = () => {
    window.removeEventListener("cgan:map", came);
    if (element.isConnected) act(linked);
  };
  window.addEventListener("cgan:map", came);
}
