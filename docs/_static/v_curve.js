// The error of a finite difference for each step size. Used by the page and, in Node, by a test.
// f(x) = exp(x) sin(x) at x = 1, whose derivative is exp(x) (sin(x) + cos(x)).

const AT = 1;
const f = (x) => Math.exp(x) * Math.sin(x);
const exact = Math.exp(AT) * (Math.sin(AT) + Math.cos(AT));

// Im f(x + ih) / h, with exp(x + ih) = exp(x)(cos h + i sin h) and
// sin(x + ih) = sin x cosh h + i cos x sinh h
function complexStep(h) {
  const real = Math.exp(AT) * Math.cos(h), imaginary = Math.exp(AT) * Math.sin(h);
  const a = Math.sin(AT) * Math.cosh(h), b = Math.cos(AT) * Math.sinh(h);
  return (real * b + imaginary * a) / h;
}

const METHODS = {
  forward: (h) => (f(AT + h) - f(AT)) / h,
  central: (h) => (f(AT + h) - f(AT - h)) / (2 * h),
  complex: complexStep,
};

// The relative error of a method at step 10^exponent
function error(method, exponent) {
  return Math.abs(METHODS[method](10 ** exponent) / exact - 1);
}

// --- the page ------------------------------------------------------------------------------------

function vCurvePage(root) {
  const space = "http://www.w3.org/2000/svg", width = 560, height = 330;
  const colors = { forward: "#b7791f", central: "#2b6cb0", complex: "#c53030" };
  root.innerHTML = `<label>step h = 10<sup id="exponent">−5</sup>
    <input type="range" min="-16" max="0" step="0.25" value="-5" style="width: 60%"></label>`;
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const table = document.createElement("p");
  root.append(svg, table);
  const x = (exponent) => 50 + ((exponent + 16) / 16) * (width - 70);
  const y = (value) => 20 + (-Math.log10(Math.max(value, 1e-17)) / 17) * (height - 60);
  const add = (name, attributes, text = "") => {
    const element = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    svg.append(element);
    return element;
  };
  for (let e = -16; e <= 0; e += 4) add("text", { x: x(e) - 12, y: height - 16 }, `1e${e}`);
  for (let e = -16; e <= 0; e += 4) add("text", { x: 4, y: y(10 ** e) + 4 }, `1e${e}`);
  add("text", { x: width / 2 - 20, y: height - 2 }, "step h");
  for (const method of Object.keys(METHODS)) {
    const points = [];
    for (let e = -16; e <= 0.001; e += 0.1) points.push(`${x(e)},${y(error(method, e))}`);
    add("polyline", { points: points.join(" "), fill: "none", stroke: colors[method] });
  }
  const marks = Object.keys(METHODS).map((method) => add("circle", { r: 5, fill: colors[method] }));
  const input = root.querySelector("input");
  function draw() {
    const e = Number(input.value);
    root.querySelector("#exponent").textContent = String(e).replace("-", "−");
    const parts = Object.keys(METHODS).map((method, i) => {
      const value = error(method, e);
      marks[i].setAttribute("cx", x(e));
      marks[i].setAttribute("cy", y(value));
      return `<span style="color: ${colors[method]}">${method}: <b data-method="${method}">` +
        `${value.toExponential(1)}</b></span>`;
    });
    table.innerHTML = `relative error: ${parts.join(" · ")}`;
  }
  input.oninput = draw;
  draw();
}

if (typeof module !== "undefined") module.exports = { error };
else document.querySelectorAll("#v-curve").forEach(vCurvePage);
