// A scrap of paper for one letter: the painter with another markup.

import "../canvas/canvas.js";
