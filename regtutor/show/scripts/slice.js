// How a slice of the pair is drawn: pixels by mode, then lines over them.
//
// `pair` is the data with its pictures read, `now` what is shown of it. A `plane` is a slice's
// canvas and how it lies: its axis, and the axes that run across and along it.

const STILL = "moving, as it is"; // the mode in which nothing is moved

/** The moved image's value at a place. */
function moved({ moving }, { field, warped }, p) {
  return warped ? read(warped, p) : read(moving, move(field, p));
}

/** A plane's pixels, as many as are stored; `visit(p, at)` fills them one by one. */
function scan(pair, now, { across, along, rows, columns }, visit) {
  const p = [...now.cross], high = pair.size[along] / rows, wide = pair.size[across] / columns;
  for (let r = 0, at = 0; r < rows; r++) {
    p[along] = (r + 0.5) * high - 0.5;
    for (let c = 0; c < columns; c++, at++) {
      p[across] = (c + 0.5) * wide - 0.5;
      visit(p, at);
    }
  }
}

function paint(pair, now, plane) {
  const { across, along, rows, columns, sheet } = plane, { size, window: [low, high] } = pair;
  const state = pair.states[now.state], image = new ImageData(columns, rows);
  const tile = Math.ceil(Math.max(size[across], size[along]) / 8);
  const light = (value) => Math.min(Math.max((value - low) / (high - low), 0), 1);
  const modes = {
    colour: (a, b) => ORANGE.map((orange, k) => a * orange + b * BLUE[k]),
    blend: (a, b) => a + now.mix * (b - a),
    checkerboard: (a, b, p) => (Math.floor((p[along] + 0.5) / tile)
      + Math.floor((p[across] + 0.5) / tile)) % 2 ? b : a,
    swipe: (a, b, p) => (p[across] + 0.5) / size[across] < now.mix ? a : b,
    difference: (a, b) => 0.5 + (b - a) / 2,
    [STILL]: (a, b, p) => light(read(pair.moving, p)),
  }, mixed = modes[now.mode];
  scan(pair, now, plane, (p, at) => {
    const value = mixed
      ? mixed(light(read(pair.fixed, p)), light(moved(pair, state, p)), p)
      : volumeColour(determinant(state.field, p, size));
    const [red, green, blue] = value.length ? value : [255 * value, 255 * value, 255 * value];
    image.data.set([red, green, blue, 255], 4 * at);
  });
  sheet.getContext("2d").putImageData(image, 0, 0);
  const { context, canvas: { width, height } } = plane;
  context.imageSmoothingEnabled = false;
  context.setTransform(1, 0, 0, plane.up ? -1 : 1, 0, plane.up ? height : 0);
  context.drawImage(sheet, 0, 0, width, height);
  context.resetTransform();
}

/** Lines on the canvas, with a dark rim so that they are seen on any ground. */
function stroke({ context }, lines, colour, dash = [], width = 1.7) {
  context.setLineDash(dash);
  for (const [ink, wide] of [["#000a", width + 2], [colour, width]]) {
    context.beginPath();
    for (const line of lines) line.forEach(([x, y], n) => context[n ? "lineTo" : "moveTo"](x, y));
    Object.assign(context, { strokeStyle: ink, lineWidth: wide, lineJoin: "round" });
    context.stroke();
  }
}

const css = (colour) => `rgb(${colour})`;

/** Where a place is on a plane's canvas. */
function spot({ size }, { canvas: { width, height }, across, along, up }, p) {
  const y = (p[along] + 0.5) / size[along];
  return [(p[across] + 0.5) / size[across] * width, (up ? 1 - y : y) * height];
}

/** From `a` to `b` with a head. */
function arrow([x, y], [u, v]) {
  const long = Math.hypot(u - x, v - y), head = Math.min(8, long / 2);
  const turn = Math.atan2(v - y, u - x);
  const barb = (by) => [u - head * Math.cos(turn + by), v - head * Math.sin(turn + by)];
  if (long < 1) return [[[x - 1, y], [x + 1, y]]];
  return [[[x, y], [u, v]], [barb(0.5), [u, v], barb(-0.5)]];
}

/** Every line of the grid, or an arrow at every crossing. */
function gridLines(pair, now, plane, arrows) {
  const { across, along } = plane, { field } = pair.states[now.state], { size } = pair, lines = [];
  const step = Math.max(1, Math.round(Math.max(size[across], size[along]) / 16));
  const at = (p) => spot(pair, plane, p);
  for (const [run, stay] of [[across, along], [along, across]]) {
    for (let s = 0; s < size[stay]; s += step) {
      const line = [], p = [...now.cross];
      p[stay] = s;
      for (p[run] = 0; p[run] < size[run]; p[run] += arrows ? step : 1) {
        if (arrows && run === across) lines.push(...arrow(at(p), at(move(field, p))));
        line.push(at(move(field, p)));
      }
      if (!arrows) lines.push(line);
    }
  }
  return lines;
}

/** The ½-contours of one image's labels, followed by `where`. */
function outlines(pair, now, plane, labels, where) {
  const { rows, columns, canvas: { width, height }, up } = plane;
  return labels.flatMap((label) => {
    const values = new Float32Array(rows * columns);
    scan(pair, now, plane, (p, at) => { values[at] = read(label, where(p)); });
    return joined(contour(values, rows, columns, 0.5)).map((line) => line.map(([r, c]) => {
      const y = (r + 0.5) / rows;
      return [(c + 0.5) / columns * width, (up ? 1 - y : y) * height];
    }));
  });
}

function landmarks(pair, now, plane) {
  const state = pair.states[now.state], [fixed, moving] = pair.points, { context } = plane;
  state.landed ||= moving.map((y) => landing(state.field, y));
  const partners = now.mode === STILL ? moving : state.landed;
  fixed.forEach((p, n) => {
    const far = Math.abs(p[plane.axis] - now.cross[plane.axis]);
    const ends = [p, partners[n]].map((end) => spot(pair, plane, end));
    context.globalAlpha = far > 4 ? 0.2 : 1; // those off the slice, as if through glass
    stroke(plane, [ends], "#fff", [], 1);
    ends.forEach(([x, y], k) => { // the second is smaller, so that both are seen
      context.fillStyle = css(k ? BLUE : ORANGE);
      context.beginPath();
      context.arc(x, y, k ? 3 : 5, 0, 7);
      context.fill();
    });
  });
  context.globalAlpha = 1;
}

function draw(pair, now, plane) {
  const { field, known } = pair.states[now.state], on = (name) => now.marks.has(name);
  const { canvas: { width, height } } = plane, [x, y] = spot(pair, plane, now.cross);
  const upright = (at) => [[at, 0], [at, height]];
  paint(pair, now, plane);
  if (on("grid")) stroke(plane, gridLines(pair, now, plane, false), css(ORANGE));
  if (on("arrows")) stroke(plane, gridLines(pair, now, plane, true), css(ORANGE));
  if (on("labels")) {
    stroke(plane, outlines(pair, now, plane, pair.labels[0], (p) => p), css(ORANGE), [], 2.2);
    const where = now.mode === STILL ? (p) => p : (p) => move(field, p);
    const blue = known ? outlines(pair, now, plane, pair.labels[1], where) : [];
    stroke(plane, blue, css(BLUE), [7, 5], 2.2);
  }
  if (on("landmarks") && known) landmarks(pair, now, plane);
  if (on("crosshair")) stroke(plane, [upright(x), [[0, y], [width, y]]], "#fff", [], 0.8);
  if (now.mode === "swipe") stroke(plane, [upright(now.mix * width)], "#fff");
  const here = spot(pair, plane, now.here), there = spot(pair, plane, move(field, now.here));
  if (field) stroke(plane, arrow(here, there), "#fff", [], 2.2);
}
