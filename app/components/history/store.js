// The last results, in this browser's IndexedDB: [{at, record, picture}], `at` being milliseconds and the key.
//
// Where the browser keeps nothing (private windows, a full disk), they last as long as the page.

const MOST = 24;
const NAME = "cgan", RESULTS = "results";

const memory = { entries: [], lasting: true };

/** Whether the results outlive the page. */
export const lasting = () => memory.lasting;

const answered = (request) => new Promise((resolve, reject) => {
  request.addEventListener("success", () => resolve(request.result));
  request.addEventListener("error", () => reject(request.error));
});

let opening;

function database() {
  opening ??= (() => {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(RESULTS, { keyPath: "at" }));
    return answered(request);
  })();
  return opening;
}

/** Run `work` on the store, whole or not at all; gives the answer of the request that it gives. */
async function change(work) {
  const changing = (await database()).transaction(RESULTS, "readwrite");
  const done = new Promise((resolve, reject) => {
    changing.addEventListener("complete", resolve);
    changing.addEventListener("abort", () => reject(changing.error));
  });
  const request = work(changing.objectStore(RESULTS));
  await done;
  return request?.result;
}

/** Try each of `ways` to change the store, until one goes; undefined, and so for good, where none does. */
async function first(...ways) {
  for (const work of memory.lasting ? ways : []) {
    try {
      return await change(work);
    } catch { /* a full disk, or no storage at all */ }
  }
  memory.lasting = false;
  return undefined;
}

/** All results, the newest first. */
export async function read() {
  const kept = await first((store) => store.getAll());
  if (Array.isArray(kept)) memory.entries = kept.toSorted((a, b) => b.at - a.at);
  return memory.entries;
}

/** Add a result; `instead` (an entry) goes, and the oldest where there are too many. */
export async function add(entry, instead) {
  const entries = [entry, ...memory.entries.filter((each) => each !== instead)];
  const gone = [...entries.slice(MOST), ...(instead ? [instead] : [])];
  memory.entries = entries.slice(0, MOST);
  const put = (old) => (store) => {
    for (const { at } of old) store.delete(at);
    return store.put(entry);
  };
  await first(put(gone), put([...gone, ...memory.entries.slice(MOST / 4)]));
  return memory.entries;
}

export async function clear() {
  memory.entries = [];
  await first((store) => store.clear());
  return memory.entries;
}
