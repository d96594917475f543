// Where two or three styles are mixed: a line or a triangle with a style at each corner, and a handle between them.
// Places are in shares of the pad, weights add up to 1.

/** The corners of a pad for so many styles: [x, y]. */
const CORNERS = {
  2: [[0.13, 0.5], [0.87, 0.5]],
  3: [[0.13, 0.84], [0.5, 0.16], [0.87, 0.84]],
};

export const MOST = 3; // styles for which there is a pad
const STEP = 0.04; // of the pad, by an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Where the handle stands for `weights`: [x, y]. */
function place(weights) {
  const corners = CORNERS[weights.length];
  const sum = weights.reduce((total, weight) => total + weight, 0) || 1;
  return [0, 1].map((axis) => corners.reduce((total, corner, at) => total + (corner[axis] * weights[at]) / sum, 0));
}

const apart = ([px, py], [qx, qy]) => px * qy - py * qx;
const from = (p, q) => [p[0] - q[0], p[1] - q[1]];

/** Put an element there. */
function put(made, [x, y]) {
  Object.assign(made.style, { left: `${100 * x}%`, top: `${100 * y}%` });
  return made;
}

/** The weights of `count` styles where the handle was put, moved into the pad where it was put beside it. */
function weightsAt([x, y], count) {
  const [a, b, c] = CORNERS[count];
  let weights = count === 2 ? [(b[0] - x) / (b[0] - a[0]), (x - a[0]) / (b[0] - a[0])] : [];
  if (count === 3) {
    const whole = apart(from(b, a), from(c, a));
    const [second, third] = [apart(from([x, y], a), from(c, a)) / whole, apart(from(b, a), from([x, y], a)) / whole];
    weights = [1 - second - third, second, third];
  }
  const inside = weights.map((weight) => Math.max(0, weight));
  const sum = inside.reduce((total, weight) => total + weight, 0);
  return inside.map((weight) => Math.round((100 * weight) / sum) / 100);
}

/** A face of a style: its picture (a data URI). */
export const pictured = (src) => Object.assign(document.createElement("img"), { src, alt: "", draggable: false });

/** Draw the pad: at its corners what shows each style (an element), the handle where the weights put it. */
export function draw(pad, faces, weights) {
  const corners = CORNERS[faces.length];
  const line = corners.map(([x, y]) => `${100 * x},${100 * y}`).join("L");
  pad.innerHTML = `<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><path vector-effect="non-scaling-stroke" d="M${line}Z"/></svg>`;
  pad.append(...faces.map((face, each) => put(face, corners[each])));
  pad.append(put(document.createElement("i"), place(weights)));
  pad.classList.toggle("three", faces.length === 3);
  const sum = weights.reduce((total, weight) => total + weight, 0) || 1;
  const shares = weights.map((weight) => Math.round((100 * weight) / sum));
  pad.setAttribute("aria-valuetext", shares.map((share, each) => `${share} % of style ${each + 1}`).join(", "));
  pad.setAttribute("aria-valuenow", shares[0]);
}

/** Let pointer and arrow keys move the handle: `mixed` is told the new weights, `weights` gives those there are. */
export function follow(pad, weights, mixed) {
  const dragged = (event) => {
    const box = pad.getBoundingClientRect();
    mixed(weightsAt([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height], weights().length));
  };
  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); dragged(event); });
  pad.addEventListener("pointermove", (event) => { if (pad.hasPointerCapture(event.pointerId)) dragged(event); });
  pad.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    const moved = place(weights()).map((at, axis) => at + STEP * ARROWS[event.key][axis]);
    mixed(weightsAt(moved, weights().length));
  });
}
