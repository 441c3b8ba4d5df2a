// The switchboard: a picture to be explained, and the one that the switches make.
// Of the n switches the first counts for most: their states, read as a binary number, are the
// place of their picture among all 2 ** n.

const BOARD_STYLE = `
.rt-board fieldset { border: 1px solid #8888; border-radius: 6px; margin: .4em 0;
  padding: .2em .8em; }
.rt-board legend { font-size: 1em; }
.rt-board fieldset label { display: flex; min-height: 1.9em; }
.rt-board .board { display: flex; flex-wrap: wrap; gap: .3em .8em; align-items: flex-start; }
.rt-board .board > * { flex: 1 1 130px; min-width: 0; max-width: 290px; margin: 0; }
.rt-board .board canvas { width: 100%; height: auto; box-shadow: 0 0 0 1px #8888; }
.rt-board figcaption { font-size: .85em; line-height: 1.3; margin: .2em 0; }
.rt-board .said { min-height: 2.8em; margin: .3em 0; max-width: 60em; font-weight: 600; }`;

function mount(root, data) {
  return framed(root, data.alt, unpack(data.looks), (box, looks) => start(box, looks, data));
}

function start(box, looks, { title, spacing, switches, pictures, looks: { shape, low, high } }) {
  const [, rows, columns] = shape, n = rows * columns, names = pictures.map(([name]) => name);
  const look = (place) => looks.subarray(place * n, (place + 1) * n);
  const rim = contour(look(0), rows, columns, (low + high) / 2), explained = new Set();
  const plane = { rows, columns, spacing };
  const wanted = drawn(plane), made = drawn(plane), apart = drawn(plane);
  let goal = names[0];

  const top = make("div", { class: "row" });
  const bank = make("fieldset", {}, make("legend", {}, "Which bugs are in the code?"));
  const said = make("p", { class: "said", role: "status" });
  const done = make("output", {});
  choice(top, "Picture to explain", names, goal, (name) => { goal = name; show(); });
  top.append(done);
  const boxes = switches.map((words) => tick(bank, words, false, show));
  box.classList.add("rt-board");
  box.append(make("style", {}, BOARD_STYLE), make("strong", {}, title), top, bank,
    make("div", { class: "board" }, wanted.figure, made.figure, apart.figure), said);

  function show() {
    const place = boxes.reduce((sum, { checked }) => 2 * sum + Number(checked), 0);
    const cause = pictures.find(([name]) => name === goal)[1], found = place === cause;
    const mine = look(place), theirs = look(cause), on = switches.filter((_, k) => boxes[k].checked);
    const minus = mine.map((value, at) => value - theirs[at]);
    const off = minus.reduce((sum, value) => sum + Math.abs(value), 0) / n / (high - low);
    if (found) explained.add(goal);
    wanted.draw(theirs, low, high, rim, `${goal}, to be explained (orange: where it belongs)`);
    made.draw(mine, low, high, rim, on.length ? "with your switches" : "no switch on: right");
    apart.draw(minus, low - high, high - low, [], "yours minus it: grey where they agree");
    said.textContent = found ? `That is it. ${goal} is made by: ${on.join("; ") || "nothing"}.`
      : `Not yet: the two differ by ${number(100 * off)} % of black to white, on average.`;
    done.textContent = `explained: ${explained.size} of ${names.length}`;
  }
  show();
}

/** A canvas under its words; `draw(values, black, white, lines, words)`. */
function drawn(plane) {
  const { canvas, paint, lines } = plate(plane, 280, { role: "img" });
  const caption = make("figcaption", {}), figure = make("figure", {}, canvas, caption);
  return { figure, draw(values, black, white, rim, words) {
    paint((at) => {
      const grey = 255 * (values[at] - black) / (white - black);
      return [grey, grey, grey];
    });
    lines(rim, ORANGE, 1.5);
    caption.textContent = words;
    canvas.setAttribute("aria-label", words);
  } };
}
