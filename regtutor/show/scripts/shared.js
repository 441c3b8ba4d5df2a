// What the scripts share: elements, controls, colours, and pictures read back as numbers.
// Text goes in as text, never as HTML, so a name cannot do anything but be read.

const ORANGE = [255, 140, 0], BLUE = [0, 115, 255]; // fixed, and moving or warped: together white

// Bootstrap has a .row as well, whose children are as wide as the page.
const STYLE = `
.rt { font: 14px/1.4 system-ui, sans-serif; max-width: 100%; color: inherit; }
.rt canvas { display: block; max-width: 100%; touch-action: pan-y; background: #000; }
.rt .row { display: flex; flex-wrap: wrap; gap: .3em 1em; align-items: center; margin: .3em 0; }
:where(.rt) .row > * { flex-shrink: 1; width: auto; max-width: none; padding: 0; margin: 0; }
.rt label { display: inline-flex; gap: .4em; align-items: center; }
.rt input, .rt select, .rt button { font: inherit; min-height: 1.9em; accent-color: #0073ff; }
.rt select, .rt button { color: inherit; background: transparent; border: 1px solid currentColor;
  border-radius: 4px; padding: 0 .5em; }
.rt option { color: #222; background: #fff; }
.rt :focus-visible { outline: 3px solid #ff8c00; outline-offset: 2px; }
.rt output { font-variant-numeric: tabular-nums; }`;

/** An element: attributes, `onX` handlers, then children, text as text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The frame that every script draws in; `alt` names it to a screen reader. */
function frame(root, alt) {
  const box = make("div", { class: "rt", role: "group", "aria-label": alt });
  root.append(make("style", {}, STYLE), box);
  return box;
}

/** In the frame, what `start(box, loaded)` makes once the pictures are read. Returns the undo. */
function framed(root, alt, loading, start) {
  const box = frame(root, alt);
  let leave = null, gone = false;
  loading.then((loaded) => { if (!gone) leave = start(box, loaded); });
  return () => {
    gone = true;
    if (leave) leave();
  };
}

// JupyterLab takes arrow keys and letters for itself unless the input itself asks it not to.
const KEYS = { "data-lm-suppress-shortcuts": "true" };

/** A labelled slider; `show(value)` is the text beside it. Returns the input. */
function slider(box, name, { min = 0, max, step = 1, value }, onInput, show = String) {
  const said = make("output", {}, show(value));
  const input = make("input", {
    ...KEYS, type: "range", min, max, step, value, "aria-label": name,
    "aria-valuetext": show(value),
    oninput() {
      said.textContent = show(Number(input.value));
      input.setAttribute("aria-valuetext", said.textContent);
      onInput(Number(input.value));
    },
  });
  input.set = (to) => { input.value = to; input.dispatchEvent(new Event("input")); };
  box.append(make("label", {}, name, input, said));
  return input;
}

/** A labelled choice of one of several names. Returns the select. */
function choice(box, name, options, value, onChange) {
  const select = make("select", {
    ...KEYS, "aria-label": name, onchange() { onChange(select.value); },
  }, ...options.map((o) => make("option", { value: o, selected: o === value }, o)));
  box.append(make("label", {}, name, select));
  return select;
}

/** A labelled tick box. Returns the input. */
function tick(box, name, checked, onChange) {
  const input = make("input", {
    type: "checkbox", checked, ...KEYS, "aria-label": name, onchange() { onChange(input.checked); },
  });
  box.append(make("label", {}, input, name));
  return input;
}

/** A button. */
function button(box, name, onClick) {
  const made = make("button", { type: "button", ...KEYS, onclick: onClick }, name);
  box.append(made);
  return made;
}

/** What `pack` in live.py packed: Float32Array of n · rows · columns, slice by slice. */
async function unpack({ src, shape: [count, rows, columns], across, low, high }) {
  const image = new Image();
  image.src = src;
  await image.decode();
  const sheet = make("canvas", { width: image.width, height: image.height });
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const values = new Float32Array(count * rows * columns), scale = (high - low) / 255;
  for (let n = 0, to = 0; n < count; n++) {
    const top = Math.floor(n / across) * rows, left = (n % across) * columns;
    for (let r = 0; r < rows; r++) {
      let from = 4 * ((top + r) * image.width + left);
      for (let c = 0; c < columns; c++, to++, from += 4) values[to] = low + scale * data[from];
    }
  }
  return values;
}

/** A number as prose has it: `number` in picture.py. */
function number(value) {
  const size = Math.abs(value);
  return value.toFixed(size < 1 ? 3 : size < 10 ? 2 : 1);
}

/** A plane's value between its voxels, linear along each axis; beyond the border, the border's. */
function sampleLinear(values, rows, columns, row, column) {
  const y = Math.min(Math.max(row, 0), rows - 1), x = Math.min(Math.max(column, 0), columns - 1);
  const top = Math.min(Math.floor(y), Math.max(rows - 2, 0)), down = rows > 1 ? columns : 0;
  const left = Math.min(Math.floor(x), Math.max(columns - 2, 0)), right = columns > 1 ? 1 : 0;
  const at = top * columns + left, v = y - top, u = x - left;
  const above = values[at] + u * (values[at + right] - values[at]);
  const below = values[at + down] + u * (values[at + down + right] - values[at + down]);
  return above + v * (below - above);
}

/** det ∇(x + ddf(x)) of a plane field (rows first, then columns): `jacobian_determinant`. */
function jacobian2d(field, rows, columns) {
  const size = rows * columns, determinant = new Float32Array(size);
  for (let r = 0, at = 0; r < rows; r++) {
    const up = r > 0 ? columns : 0, down = r < rows - 1 ? columns : 0, high = (up + down) / columns;
    for (let c = 0; c < columns; c++, at++) {
      const left = c > 0 ? 1 : 0, right = c < columns - 1 ? 1 : 0, wide = left + right;
      const slope = (k, ahead, behind, n) => (field[k + at + ahead] - field[k + at - behind]) / n;
      determinant[at] = (1 + slope(0, down, up, high)) * (1 + slope(size, right, left, wide))
        - slope(0, right, left, wide) * slope(size, down, up, high);
    }
  }
  return determinant;
}

/** Less volume is blue, the same white, more orange, a fold black: as `show.jacobian`. */
function volumeColour(determinant) {
  if (!(determinant > 0)) return [0, 0, 0];
  const far = Math.min(Math.abs(determinant - 1), 1), end = determinant < 1 ? BLUE : ORANGE;
  const mix = (value) => Math.round(255 + far * (value - 255));
  return [mix(end[0]), mix(end[1]), mix(end[2])]; // `map` takes twice the time
}

/** Where a plane crosses the level: pieces [row, column, row, column], linear between voxels. */
function contour(values, rows, columns, level) {
  const pieces = [], inside = (at) => values[at] > level;
  const share = (a, b) => (level - values[a]) / (values[b] - values[a]);
  for (let r = 0; r < rows - 1; r++) {
    for (let c = 0; c < columns - 1; c++) {
      const a = r * columns + c, b = a + 1, d = a + columns, e = d + 1, ends = [];
      if (inside(a) !== inside(b)) ends.push(r, c + share(a, b));
      if (inside(b) !== inside(e)) ends.push(r + share(b, e), c + 1);
      if (inside(d) !== inside(e)) ends.push(r + 1, c + share(d, e));
      if (inside(a) !== inside(d)) ends.push(r + share(a, d), c);
      for (let i = 0; i < ends.length; i += 4) pieces.push(ends.slice(i, i + 4));
    }
  }
  return pieces;
}

/** A canvas in the proportions of a plane, about so wide, with pens that count in voxels. */
function plate({ rows, columns, spacing: [tall, wide] }, about, attributes) {
  const width = columns * Math.max(1, Math.round(about / columns));
  const height = Math.round(width * rows * tall / (columns * wide));
  const canvas = make("canvas", { width, height, ...attributes });
  const sheet = make("canvas", { width: columns, height: rows });
  const pen = canvas.getContext("2d"), pixels = new ImageData(columns, rows);
  const x = (column) => (column + 0.5) * width / columns, y = (row) => (row + 0.5) * height / rows;
  const stroke = (colour, thick) => {
    pen.lineWidth = thick;
    pen.strokeStyle = `rgb(${colour})`;
    pen.stroke();
  };
  return {
    canvas,
    /** `colour(at)` of each voxel, [red, green, blue] of 0 to 255, as a tile. */
    paint(colour) {
      const { data } = pixels;
      for (let at = 0, to = 0; at < rows * columns; at++, to += 4) {
        const mixed = colour(at); // taken apart by hand: a third of the time
        for (let k = 0; k < 3; k++) data[to + k] = mixed[k];
        data[to + 3] = 255;
      }
      sheet.getContext("2d").putImageData(pixels, 0, 0);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(sheet, 0, 0, width, height);
    },
    /** Each line is [row, column, row, column …]. */
    lines(all, colour, thick) {
      pen.beginPath();
      for (const [row, column, ...rest] of all) {
        pen.moveTo(x(column), y(row));
        for (let i = 0; i < rest.length; i += 2) pen.lineTo(x(rest[i + 1]), y(rest[i]));
      }
      stroke(colour, thick);
    },
    ring([row, column], radius, colour, thick) {
      pen.beginPath();
      pen.ellipse(x(column), y(row), x(radius) - x(0), y(radius) - y(0), 0, 0, 2 * Math.PI);
      stroke(colour, thick);
    },
  };
}
