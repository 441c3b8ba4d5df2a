// Values, fields and contours in space: `sample`, `warp` and `jacobian_determinant` of the page.
//
// All is three-dimensional: a picture is a volume one slice thick. A place `p` is three numbers, in
// voxels of the true grid; a stored volume may be coarser and says how it counts (scale, shift).

/** The value at a place: linear between voxels, the border's beyond it. */
function read({ values, shape, scale, shift }, p) {
  const place = (k) => Math.min(Math.max(p[k] * scale[k] + shift[k], 0), shape[k] - 1);
  const x = place(0), y = place(1), z = place(2);
  const i = Math.floor(x), j = Math.floor(y), k = Math.floor(z), u = x - i, v = y - j, w = z - k;
  const right = w ? 1 : 0, down = v ? shape[2] : 0, deep = u ? shape[1] * shape[2] : 0;
  const row = (at) => values[at] + w * (values[at + right] - values[at]);
  const sheet = (at) => row(at) + v * (row(at + down) - row(at));
  const at = (i * shape[1] + j) * shape[2] + k, near = sheet(at);
  return u ? near + u * (sheet(at + deep) - near) : near;
}

/** x + ddf(x), into `q`. */
function move(field, p, q = [0, 0, 0]) {
  for (let k = 0; k < 3; k++) q[k] = p[k] + (field && field[k] ? read(field[k], p) : 0);
  return q;
}

/** det ∇(x + ddf(x)), by differences over a voxel to each side that is there. */
function determinant(field, p, size) {
  const slopes = [], at = [...p], from = [0, 0, 0], to = [0, 0, 0];
  for (let axis = 0; axis < 3; axis++) {
    const first = Math.max(p[axis] - 1, 0), last = Math.min(p[axis] + 1, size[axis] - 1);
    at[axis] = first;
    move(field, at, from);
    at[axis] = last;
    move(field, at, to);
    at[axis] = p[axis];
    for (let k = 0; k < 3; k++) {
      slopes.push(last > first ? (to[k] - from[k]) / (last - first) : Number(k === axis));
    }
  }
  const [a, b, c, d, e, f, g, h, i] = slopes;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** Where in the moved image a point of the moving one is seen: z + ddf(z) = y. */
function landing(field, y) {
  const z = [...y], q = [0, 0, 0];
  for (let turn = 0; field && turn < 40; turn++) {
    move(field, z, q);
    for (let k = 0; k < 3; k++) z[k] += y[k] - q[k];
  }
  return z;
}

/** The pieces of a contour as lines, so that dashes run along them. */
function joined(pieces) {
  const ends = new Map(), used = new Set(), lines = [], key = (r, c) => `${r} ${c}`;
  for (const piece of pieces) {
    for (const end of [key(piece[0], piece[1]), key(piece[2], piece[3])]) {
      ends.set(end, [...(ends.get(end) || []), piece]);
    }
  }
  const grow = (line) => { // as far as it goes from its last point
    for (let next; (next = ends.get(key(...line.at(-1))).find((piece) => !used.has(piece)));) {
      const [r, c] = line.at(-1), turned = next[0] === r && next[1] === c;
      used.add(next);
      line.push(turned ? next.slice(2) : next.slice(0, 2));
    }
    return line.reverse();
  };
  for (const piece of pieces) {
    if (used.has(piece)) continue;
    used.add(piece);
    lines.push(grow(grow([piece.slice(0, 2), piece.slice(2)])));
  }
  return lines;
}
