// The decoder of a small trained model: linear layers with ReLU between them and a sigmoid at the
// end. Used by the page and, in Node, by a test that compares it with NumPy.

// layers: [{weight: [out][in], bias: [out]}]; code: [in] -> pixels in [0, 1]
function decode(layers, code) {
  let h = code;
  layers.forEach(({ weight, bias }, n) => {
    const last = n === layers.length - 1;
    h = weight.map((row, i) => {
      const a = row.reduce((sum, w, j) => sum + w * h[j], bias[i]);
      return last ? 1 / (1 + Math.exp(-a)) : Math.max(a, 0);
    });
  });
  return h;
}

// --- the page ------------------------------------------------------------------------------------

function latentPlanePage(root) {
  const { layers, codes, labels, low, high } = latentPlane;
  const size = 340;
  root.innerHTML = `<canvas width="${size}" height="${size}" style="touch-action: none"></canvas>
    <canvas width="28" height="28" style="width: 196px; image-rendering: pixelated"></canvas>
    <p></p>`;
  const [plane, image] = root.querySelectorAll("canvas");
  const note = root.querySelector("p");
  const toPixel = (v, axis) => ((v - low[axis]) / (high[axis] - low[axis])) * size;
  const paper = plane.getContext("2d");
  codes.forEach(([a, b], i) => {
    paper.fillStyle = `hsl(${labels[i] * 36}, 65%, 45%)`;
    paper.fillRect(toPixel(a, 0) - 1.5, size - toPixel(b, 1) - 1.5, 3, 3);
  });
  function show(a, b) {
    const pixels = decode(layers, [a, b]);
    const data = new ImageData(28, 28);
    pixels.forEach((value, i) => data.data.set([255 * (1 - value), 255 * (1 - value), 255 * (1 - value), 255], 4 * i));
    image.getContext("2d").putImageData(data, 0, 0);
    note.textContent = `z = (${a.toFixed(2)}, ${b.toFixed(2)})`;
    root.dataset.sum = pixels.reduce((sum, value) => sum + value, 0);
  }
  plane.addEventListener("pointermove", (event) => {
    const box = plane.getBoundingClientRect();
    const u = (event.clientX - box.left) / box.width, v = 1 - (event.clientY - box.top) / box.height;
    show(low[0] + u * (high[0] - low[0]), low[1] + v * (high[1] - low[1]));
  });
  show((low[0] + high[0]) / 2, (low[1] + high[1]) / 2);
}

if (typeof module !== "undefined") module.exports = { decode };
else document.querySelectorAll("#latent-plane").forEach(latentPlanePage);
