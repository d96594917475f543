// Pen and paper: the painter with another markup.

import "../canvas/canvas.js";
