// A line in which a component says what it could not do.

/** What writes words into `line`, and brings them into sight: on a phone they may be below its edge. */
export const sayIn = (line) => (words) => {
  line.textContent = words;
  if (words) line.scrollIntoView({ block: "nearest", behavior: "smooth" });
};
