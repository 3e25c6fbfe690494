// node in_pyodide.mjs FOLDER WHEEL SCRIPT [NAME=PATH ...]: run a Python script in Pyodide, with
// NumPy and tinyae. FOLDER has node_modules with pyodide and a NumPy wheel for it. The folder PATH
// of this computer is /NAME there.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, wheel, script, ...mounts] = process.argv.slice(2);
const { loadPyodide } = createRequire(join(folder, "package.json"))("pyodide");
const assets = join(folder, "node_modules/@bentopdf/pymupdf-wasm/assets");
const numpy = readdirSync(assets).find((name) => name.startsWith("numpy-"));
const pyodide = await loadPyodide({ stdout: console.log, stderr: console.error });
for (const path of [join(assets, numpy), wheel])
  pyodide.unpackArchive(new Uint8Array(readFileSync(path)), "wheel");
for (const mount of mounts) {
  const [name, path] = mount.split("=");
  pyodide.mountNodeFS(`/${name}`, path);
}
try {
  await pyodide.runPythonAsync(readFileSync(script, "utf8"));
} catch (error) {
  console.error(error.message.slice(-3000)); // without Pyodide's own source
  process.exit(1);
}
