// What a plane field does, and how good it is, in numbers: as the Python functions have them.
// A field is one Float32Array: all displacements along the rows, then all along the columns.
// `plane` is anything with the numbers of `rows` and `columns`.

/** A plane of values pulled through the field: what it holds at x + ddf(x). `warp`. */
function pull(values, field, { rows, columns }) {
  const n = rows * columns, warped = new Float32Array(n);
  for (let r = 0, at = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, at++) {
      warped[at] = sampleLinear(values, rows, columns, r + field[at], c + field[at + n]);
    }
  }
  return warped;
}

/** Where the field reads a place: x + ddf(x). `move_points`. */
function readAt([r, c], field, { rows, columns }) {
  const n = rows * columns, of = (part) => sampleLinear(part, rows, columns, r, c);
  return [r + of(field.subarray(0, n)), c + of(field.subarray(n))];
}

/** Where the warped image shows a place of the moving one: the x whose x + ddf(x) it is. */
function shownAt(place, field, plane) {
  let x = place;
  for (let i = 0; i < 30; i++) {
    const read = readAt(x, field, plane);
    x = x.map((value, k) => value + 0.7 * (place[k] - read[k])); // less than all of it: no swing
  }
  return x;
}

/** The field after a push of the picture from p to q: ddf ← w + ddf(x + w), w against it. */
function push(field, { rows, columns }, [p0, p1], [q0, q1], radius) {
  const n = rows * columns, next = field.slice();
  const along = field.subarray(0, n), across = field.subarray(n);
  for (let r = 0, at = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, at++) {
      const near = Math.exp(-2 * ((r - q0) ** 2 + (c - q1) ** 2) / radius ** 2);
      if (near < 1e-6) continue;
      const down = near * (p0 - q0), right = near * (p1 - q1);
      next[at] = down + sampleLinear(along, rows, columns, r + down, c + right);
      next[at + n] = right + sampleLinear(across, rows, columns, r + down, c + right);
    }
  }
  return next;
}

/** The same push in steps too small to fold. */
function walk(field, plane, from, to, radius) {
  const steps = Math.ceil(8 * Math.hypot(to[0] - from[0], to[1] - from[1]) / radius);
  const stop = (i) => from.map((value, k) => value + (to[k] - value) * i / steps);
  for (let i = 0; i < steps; i++) field = push(field, plane, stop(i), stop(i + 1), radius);
  return field;
}

/** `BendingEnergyLoss`. */
function bending(field, { rows, columns }) {
  let sum = 0;
  for (let k = 0; k < 2; k++) {
    for (let r = 1; r < rows - 1; r++) {
      for (let c = 1; c < columns - 1; c++) {
        const at = (k * rows + r) * columns + c, above = at - columns, below = at + columns;
        const down = field[above] - 2 * field[at] + field[below];
        const right = field[at - 1] - 2 * field[at] + field[at + 1];
        const mixed = field[below + 1] - field[below - 1] - field[above + 1] + field[above - 1];
        sum += down ** 2 + right ** 2 + 2 * (mixed / 4) ** 2;
      }
    }
  }
  return sum / (2 * (rows - 2) * (columns - 2));
}

/** `DiceMetric` of two labels above ½; NaN where there is no truth. */
function dice(pred, truth) {
  let common = 0, all = 0, wanted = 0;
  for (let at = 0; at < truth.length; at++) {
    const p = pred[at] > 0.5, t = truth[at] > 0.5;
    common += p && t;
    all += p + t;
    wanted += t;
  }
  return wanted ? 2 * common / all : NaN;
}

const mean = (values) => {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
};

/** All of it for one field, with the warped labels and the Jacobian determinants. */
function judge(field, plane) {
  const { rows, columns, spacing: [tall, wide], labels, points } = plane, n = rows * columns;
  const found = { voxels: 0, mm: 0, folded: 0, bending: bending(field, plane) };
  found.jacobian = jacobian2d(field, rows, columns);
  found.labels = (labels[1] || []).map((label) => pull(label, field, plane));
  for (let at = 0; at < n; at++) {
    const down = field[at], right = field[at + n];
    found.voxels = Math.max(found.voxels, Math.sqrt(down * down + right * right));
    found.mm = Math.max(found.mm, Math.sqrt((down * tall) ** 2 + (right * wide) ** 2));
    found.folded += found.jacobian[at] <= 0 ? 100 / n : 0;
  }
  if (labels.length) found.dice = mean(found.labels.map((label, k) => dice(label, labels[0][k])));
  if (points.length) {
    found.tre = mean(points[0].map((place, i) => {
      const [r, c] = readAt(place, field, plane), [down, right] = points[1][i];
      return Math.hypot((r - down) * tall, (c - right) * wide);
    }));
  }
  return found;
}

/** Every so many lines of the grid, where they are read: [row, column, row, column …] a line. */
function gridLines(field, { rows, columns }) {
  const step = Math.max(1, Math.round(Math.max(rows, columns) / 16)), n = rows * columns;
  const line = (at, jump, count) => Array.from({ length: count }, (_, i) => {
    const here = at + i * jump, column = here % columns;
    return [(here - column) / columns + field[here], column + field[here + n]];
  }).flat();
  const lines = [];
  for (let r = 0; r < rows; r += step) lines.push(line(r * columns, 1, columns));
  for (let c = 0; c < columns; c += step) lines.push(line(c, columns, rows));
  return lines;
}

const ROWS = [
  ["dice", "Dice", ({ dice }) => dice.toFixed(3)],
  ["tre", "Landmark error (TRE)", ({ tre }, unit) => `${number(tre)} ${unit}`],
  ["voxels", "Largest displacement", ({ voxels, mm }, unit) => !voxels ? "0"
    : `${number(voxels)} voxels` + (unit === "mm" ? `, ${number(mm)} mm` : "")],
  ["folded", "Folded voxels", ({ folded }) => !folded ? "0" : `${folded.toFixed(2)} %`],
  ["bending", "Bending energy", ({ bending }) => String(Number(bending.toPrecision(3)))],
];

/** A table of what `judge` found, now and for doing nothing; `say(found)` fills in the first. */
function board(nothing, unit) {
  const cells = {}, head = ["", "now", "doing nothing"].map((name) =>
    make("th", { scope: "col" }, name));
  const table = make("table", {}, make("tr", {}, ...head));
  const known = ROWS.filter(([key]) => key in nothing);
  for (const [key, name, write] of known) {
    cells[key] = make("data", { class: key });
    table.append(make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, cells[key]),
      make("td", {}, make("data", { value: nothing[key] }, write(nothing, unit)))));
  }
  return { table, say: (found) => known.forEach(([key, , write]) => {
    cells[key].textContent = write(found, unit);
    cells[key].value = found[key];
  }) };
}
