// Which input pixels does an output pixel of a convolution read? One dimension at a time: rows and
// columns follow the same rule. Used by the page and, in Node, by a test.

// Conv2d: floor((n + 2p - d(k - 1) - 1) / s) + 1
function convSize(n, { k, s, p, d }) {
  return Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1;
}

// ConvTranspose2d: (n - 1)s - 2p + d(k - 1) + output_padding + 1
function transposedSize(n, { k, s, p, d, extra }) {
  return (n - 1) * s - 2 * p + d * (k - 1) + extra + 1;
}

// The positions that output i of a convolution reads, as [position, tap]; those outside are zeros.
function reads(i, { k, s, p, d }) {
  return Array.from({ length: k }, (_, tap) => [i * s + tap * d - p, tap]);
}

// The outputs of a convolution that read position j: the rows of the transposed matrix.
function readBy(j, n, settings) {
  const found = [];
  for (let i = 0; i < convSize(n, settings); i++)
    for (const [position, tap] of reads(i, settings)) if (position === j) found.push([i, tap]);
  return found;
}

// --- the page ------------------------------------------------------------------------------------

function convolutionPage(root) {
  const settings = { n: 5, k: 3, s: 2, p: 1, d: 1, extra: 0, transposed: false };
  const ranges = { n: [2, 9], k: [1, 5], s: [1, 4], p: [0, 3], d: [1, 3], extra: [0, 3] };
  const names = { n: "input size", k: "kernel", s: "stride", p: "padding", d: "dilation",
                  extra: "output_padding" };
  const controls = document.createElement("div");
  controls.className = "controls";
  const kind = document.createElement("label");
  kind.innerHTML = '<select><option>Conv2d</option><option>ConvTranspose2d</option></select>';
  kind.firstChild.onchange = (event) => {
    settings.transposed = event.target.value !== "Conv2d";
    draw();
  };
  controls.append(kind);
  for (const [key, [low, high]] of Object.entries(ranges)) {
    const label = document.createElement("label");
    label.innerHTML = `${names[key]} <input type="range" min="${low}" max="${high}"
      value="${settings[key]}" data-key="${key}"> <output>${settings[key]}</output>`;
    label.querySelector("input").oninput = (event) => {
      settings[key] = Number(event.target.value);
      label.querySelector("output").value = settings[key];
      draw();
    };
    controls.append(label);
  }
  const formula = document.createElement("p");
  const board = document.createElement("div");
  const remark = document.createElement("p");
  root.append(controls, formula, board, remark);

  function draw() {
    const { n, k, s, p, d, extra, transposed } = settings;
    const out = transposed ? transposedSize(n, settings) : convSize(n, settings);
    formula.dataset.size = out;
    formula.textContent = transposed
      ? `size of the output = (n − 1)s − 2p + d(k − 1) + output_padding + 1 = ` +
        `(${n} − 1)·${s} − 2·${p} + ${d}·(${k} − 1) + ${extra} + 1 = ${out}`
      : `size of the output = ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1 = ` +
        `⌊(${n} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}⌋ + 1 = ${out}`;
    board.replaceChildren();
    if (out < 1) {
      remark.textContent = "The kernel does not fit: the output would be empty.";
      return;
    }
    if (transposed && extra >= Math.max(s, d)) {
      remark.textContent = "output_padding must be smaller than the stride or the dilation.";
      return;
    }
    remark.textContent = transposed
      ? "ConvTranspose2d is the adjoint of Conv2d: it sends each input pixel to the outputs that " +
        "a Conv2d of the same settings would read."
      : "Point at a pixel. On the right: which pixels it reads. On the left: which outputs read it.";
    const [wide, small] = transposed ? [out, n] : [n, out];
    const pad = transposed ? 0 : p;
    const left = grid(transposed ? small : wide, pad, transposed ? "input" : "input with padding");
    const right = grid(transposed ? wide : small, 0, "output");
    board.append(left.svg, right.svg);
    const [image, map] = transposed ? [right, left] : [left, right];
    const whole = { ...settings };
    map.onPoint((row, column) => {
      for (const [i, a] of reads(row, whole))
        for (const [j, b] of reads(column, whole)) image.mark(i, j, `${a},${b}`);
    });
    image.onPoint((row, column) => {
      for (const [i, a] of readBy(row, wide, whole))
        for (const [j, b] of readBy(column, wide, whole)) map.mark(i, j, `${a},${b}`);
    });
    map.point(Math.min(1, small - 1), Math.min(1, small - 1));
  }
  draw();
}

function grid(size, pad, title) {
  const cell = 30, total = size + 2 * pad, space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${total * cell + 2} ${total * cell + 24}`);
  svg.setAttribute("width", Math.min(total * cell + 2, 340));
  const caption = document.createElementNS(space, "text");
  caption.setAttribute("x", 2);
  caption.setAttribute("y", 14);
  caption.textContent = `${title}, ${size} × ${size}`;
  svg.append(caption);
  const cells = new Map();
  let pointed = () => {};
  for (let i = -pad; i < size + pad; i++)
    for (let j = -pad; j < size + pad; j++) {
      const rect = document.createElementNS(space, "rect"), text = document.createElementNS(space, "text");
      const x = 1 + (j + pad) * cell, y = 23 + (i + pad) * cell;
      for (const [name, value] of Object.entries({ x, y, width: cell, height: cell })) rect.setAttribute(name, value);
      text.setAttribute("x", x + cell / 2);
      text.setAttribute("y", y + cell / 2 + 4);
      text.setAttribute("class", "tap");
      const outside = i < 0 || j < 0 || i >= size || j >= size;
      rect.setAttribute("class", outside ? "zero" : "pixel");
      rect.addEventListener("pointerenter", () => outside || pointed(i, j));
      svg.append(rect, text);
      cells.set(`${i},${j}`, { rect, text });
    }
  const clear = () => svg.parentNode.querySelectorAll("rect, .tap").forEach((element) => {
    element.classList.remove("marked", "pointed");
    if (element.classList.contains("tap")) element.textContent = "";
  });
  return {
    svg,
    mark(i, j, tap) {
      const found = cells.get(`${i},${j}`);
      if (!found) return;
      found.rect.classList.add("marked");
      found.text.textContent = tap;
    },
    onPoint(action) {
      pointed = (i, j) => {
        clear();
        cells.get(`${i},${j}`).rect.classList.add("pointed");
        action(i, j);
      };
    },
    point: (i, j) => pointed(i, j),
  };
}

if (typeof module !== "undefined") module.exports = { convSize, transposedSize, reads, readBy };
else document.querySelectorAll("#convolution").forEach(convolutionPage);
