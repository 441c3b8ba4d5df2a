// A training: weighted terms stacked, scores beside doing nothing, and one grid, epoch by epoch.

const LOOK = `
.monitor .wrap { display: flex; flex-wrap: wrap; gap: .6em 1.2em; flex: 1 1 240px; }
.monitor figure { flex: 1 1 240px; max-width: 320px; min-width: 0; margin: 0; font-size: 12px; }
.monitor .row label { flex: 1 1 240px; max-width: 640px; }
.monitor .row input { flex: 1; min-width: 0; }
.monitor svg { display: block; cursor: ew-resize; touch-action: pan-y; fill: currentColor; }
.monitor svg text, .monitor p { font-variant-numeric: tabular-nums; }
.monitor .key { display: inline-block; margin-right: .9em; }
.monitor i { display: inline-block; padding: .4em; margin-right: .4em; outline: 1px solid; }`;

const WIDE = 300, LEFT = 46, RIGHT = 290, TOP = 10, BOTTOM = 158; // of each chart
const FIXED = `rgb(${ORANGE})`, WARPED = `rgb(${BLUE})`;

function mount(root, data, model) {
  const state = { data, fields: null, at: 0 }, box = frame(root, data.alt);
  const charts = make("div", { class: "wrap" }), field = slice(state);
  const said = make("p", { style: "margin: .3em 0" }), row = make("div", { class: "row" });
  box.classList.add("monitor");
  box.append(make("style", {}, LOOK), make("strong", {}, data.title), row, said);
  box.append(make("div", { class: "wrap" }, field.figure, charts));
  const epochs = () => state.data.values.epoch, last = () => epochs().length - 1;
  const name = (n) => `${epochs()[n]} of ${epochs()[last()]}`;
  const scrub = slider(row, "Epoch", { max: last(), value: last() }, show, name);
  const film = player(row, scrub, last);

  function show(at) {
    state.at = at;
    const scores = Object.keys(state.data.scores).map((score) => scored(state, score));
    charts.replaceChildren(terms(state), ...scores);
    said.textContent = sentence(state);
    scrub.setAttribute("aria-valuetext", said.textContent);
    field.draw();
  }
  async function renew() {
    const newest = state.at === last();
    if (model) {
      const bytes = model.get("fields");
      state.data = model.get("data");
      state.fields = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    scrub.max = last();
    scrub.set(newest ? last() : state.at);
    if (state.data.fields) state.fields ??= await unpack(state.data.fields);
    await field.load();
    field.draw();
  }
  follow(charts, (share) => scrub.set(nearest(epochs(), share)));
  state.at = last();
  model?.on("change:data", renew);
  renew();
  return () => { film.stop(); model?.off("change:data", renew); };
}

/** A button that runs through the epochs, and stops at the last. */
function player(row, scrub, last) {
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; press.textContent = "Play"; };
  const step = () => (Number(scrub.value) < last() ? scrub.set(Number(scrub.value) + 1) : stop());
  const press = button(row, "Play", () => {
    if (timer) return stop();
    if (Number(scrub.value) === last()) scrub.set(0);
    press.textContent = "Pause";
    timer = setInterval(step, Math.max(60, Math.min(300, 6000 / last())));
  });
  return { stop };
}

/** A press or a drag on any chart: how far along its epochs, 0 to 1. */
function follow(charts, onShare) {
  let rect = null;
  const tell = (event) => {
    const x = (event.clientX - rect.left) / rect.width * WIDE;
    onShare(Math.min(1, Math.max(0, (x - LEFT) / (RIGHT - LEFT))));
  };
  charts.addEventListener("pointerdown", (event) => {
    rect = event.target.closest("svg")?.getBoundingClientRect();
    if (!rect) return;
    charts.setPointerCapture(event.pointerId);
    tell(event);
  });
  charts.addEventListener("pointermove", (event) => rect && tell(event));
  charts.addEventListener("lostpointercapture", () => { rect = null; });
}

/** The record whose epoch lies at that share of the axis. */
function nearest(epochs, share) {
  const wanted = epochs[0] + share * (epochs.at(-1) - epochs[0]);
  const far = epochs.map((epoch) => Math.abs(epoch - wanted));
  return far.indexOf(Math.min(...far));
}

const told = (value) => (value == null ? "unknown" : number(value));

/** What this epoch was, in words. */
function sentence({ data: { values, terms, scores }, at }) {
  const sum = Object.keys(terms).map((name) => `${name} ${told(values[name][at])}`).join(" + ");
  const seen = Object.entries(scores).map(([name, { label, nothing }]) =>
    `${label} ${told(values[name][at])}` +
    (nothing == null ? "" : `, doing nothing ${told(nothing)}`));
  const loss = `loss ${told(values.loss[at])}` + (sum ? ` = ${sum}` : "");
  return [`Epoch ${values.epoch[at]}: ${loss}`, ...seen].join("; ") + ".";
}

/** An empty chart over the epochs: its SVG, where a value stands, and how to finish it. */
function chart({ data: { values: { epoch } }, at }, low, high) {
  const first = epoch[0], span = epoch.at(-1) - first || 1, tall = high - low || 1;
  const across = (value) => LEFT + (value - first) / span * (RIGHT - LEFT);
  const x = (n) => across(epoch[n]);
  const y = (value) => BOTTOM - (value - low) / tall * (BOTTOM - TOP);
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} 192`, "aria-hidden": "true" });
  const text = (x, y, anchor, said) => shape("text", { x, y, "text-anchor": anchor }, `${said}`);
  for (const value of ticks(low, low + tall)) {
    svg.append(line(LEFT - 4, y(value), LEFT, y(value)));
    svg.append(text(LEFT - 7, y(value) + 4, "end", value));
  }
  for (const value of ticks(first, first + span).filter(Number.isInteger)) {
    svg.append(line(across(value), BOTTOM, across(value), BOTTOM + 4));
    svg.append(text(across(value), BOTTOM + 17, "middle", value));
  }
  svg.append(line(LEFT, TOP, LEFT, BOTTOM), line(LEFT, BOTTOM, RIGHT, BOTTOM));
  svg.append(text(RIGHT, BOTTOM + 31, "end", "epoch"));
  const curve = (values, stroke, name) => {
    const held = values.map((v, n) => [x(n), v]).filter(([, v]) => v != null);
    const along = points(held.map(([a, v]) => [a, y(v)]));
    const look = { fill: "none", stroke, "stroke-width": 2, "data-name": name };
    return shape("polyline", { points: along, ...look });
  };
  const cursor = line(x(at), TOP, x(at), BOTTOM, { "stroke-dasharray": "2 2", class: "cursor" });
  return { svg, x, y, curve, cursor };
}

/** Each term as thick as it weighs; those below zero hang from it. */
function terms(state) {
  const { values, terms: colours } = state.data, layers = [];
  const up = values.loss.map(() => 0), down = values.loss.map(() => 0);
  for (const [name, fill] of Object.entries(colours)) {
    const side = Math.min(...values[name]) < 0 ? down : up, from = [...side];
    values[name].forEach((value, n) => { side[n] += value ?? 0; });
    layers.push({ name, fill, from, to: [...side] });
  }
  const least = Math.min(...down, ...values.loss), most = Math.max(...up, ...values.loss);
  const { svg, x, y, curve, cursor } = chart(state, least, most);
  for (const { name, fill, from, to } of layers) {
    const [there, back] = [to, from].map((side) => side.map((v, n) => [x(n), y(v)]));
    const around = points([...there, ...back.reverse()]);
    svg.append(shape("polygon", { points: around, fill, stroke: "#fff", "data-name": name }));
  }
  svg.append(curve(values.loss, "currentColor", "loss"), cursor);
  const keys = layers.reverse().map(({ name, fill }) =>
    make("span", { class: "key" }, make("i", { style: `background: ${fill}` }), name));
  const words = make("figcaption", {}, "Weighted loss terms, stacked; the line is their sum");
  return make("figure", {}, words, svg, ...keys);
}

/** One score of the validation pairs, and the line to leave behind. */
function scored(state, name) {
  const values = state.data.values[name], { label, nothing } = state.data.scores[name];
  const all = [...values, nothing].filter((v) => v != null), now = values[state.at];
  const least = Math.min(...all), most = Math.max(...all), room = 0.06 * (most - least || 1);
  const { svg, x, y, curve, cursor } = chart(state, least - room, most + room);
  if (nothing != null) {
    const dashed = { stroke: FIXED, "stroke-width": 2, "stroke-dasharray": "6 4" };
    svg.append(line(LEFT, y(nothing), RIGHT, y(nothing), { ...dashed, class: "nothing" }));
  }
  svg.append(curve(values, WARPED, name), cursor);
  if (now != null) svg.append(shape("circle", { cx: x(state.at), cy: y(now), r: 4, fill: WARPED }));
  const words = `${label}, validation${nothing == null ? "" : "; dashed: doing nothing"}`;
  return make("figure", {}, make("figcaption", {}, words), svg);
}

/** The canvas with the grid at x + ddf(x), over the moving image. */
function slice(state) {
  const canvas = make("canvas", { role: "img" }), words = make("figcaption");
  const figure = make("figure", {}, canvas, words);
  let image = null, fit = null; // pixels a unit of length: known, as the layout, with a field
  async function load() {
    const { layout } = state.data;
    if (fit || !layout.size) return;
    const [tall, wide] = layout.size.map((n, k) => n * layout.spacing[k]);
    fit = Math.min(640 / wide, 760 / tall);
    [canvas.width, canvas.height] = [Math.round(wide * fit), Math.round(tall * fit)];
    canvas.style.width = `${canvas.width / 2}px`;
    if (layout.image) image = picture(await unpack(layout.image), layout);
  }
  function draw() {
    const { layout, shown, values } = state.data;
    const n = shown.findLastIndex(([place]) => place <= state.at);
    figure.hidden = n < 0;
    if (n < 0 || !state.fields || !fit) return;
    const context = canvas.getContext("2d"), [, longest] = shown[n];
    context.setTransform(1, 0, 0, layout.upwards ? -1 : 1, 0, layout.upwards ? canvas.height : 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    if (image) context.drawImage(image, 0, 0, canvas.width, canvas.height);
    context.strokeStyle = layout.colour;
    context.lineWidth = 2;
    context.stroke(bent(layout, fit, state.fields, n, longest / 127));
    words.textContent = `Epoch ${values.epoch[shown[n][0]]}. ${layout.words} It moves at most ` +
      `${number(longest)} voxels along an axis, drawn to ± ${number(longest / 254)}.`;
    canvas.setAttribute("aria-label", words.textContent);
  }
  return { figure, load, draw };
}

/** Grey values as something to draw. */
function picture(values, { image: { low, high }, size: [rows, columns] }) {
  const canvas = make("canvas", { width: columns, height: rows });
  const pixels = new ImageData(columns, rows);
  values.forEach((value, n) => {
    const grey = (value - low) / (high - low) * 255;
    pixels.data.set([grey, grey, grey, 255], 4 * n);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

/** Lines through the nodes of field n, where they are read; bytes count steps of `step` voxels. */
function bent({ nodes: [rows, columns], every, spacing }, fit, bytes, n, step) {
  const path = new Path2D(), count = rows * columns, from = 2 * n * count;
  const place = (r, c) => [[c, 1, 0], [r, 0, 1]].map(([voxel, axis, part]) => fit * spacing[axis] *
    (voxel * every + 0.5 + step * (bytes[from + part * count + r * columns + c] - 128)));
  const draw = (r, c, start) => path[start ? "moveTo" : "lineTo"](...place(r, c));
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) draw(r, c, c === 0);
  for (let c = 0; c < columns; c++) for (let r = 0; r < rows; r++) draw(r, c, r === 0);
  return path;
}
