"""Check the built site: ``python docs/check.py``, after ``python docs/build.py``.

- Every link inside of the site leads to a page, and every ``#anchor`` to a place in it.
- No page loads anything from another host.
- If Chromium is installed: with the network switched off, every formula is typeset, and the
  notebooks in the browser work (if ``--lite local`` built them).
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote

from in_chromium import find_chromium, report_of

HTML = Path(__file__).resolve().parent / "_build" / "html"
# Pages that are opened in a browser, besides those of the reference
PAGES = ["index.html", "chapters/01b_when_it_does_not_learn.html",
         "chapters/02_convolution.html", "chapters/05_contractive.html",
         "hints.html", "glossary.html"]  # fmt: skip


# Install tinyae in JupyterLite, as a notebook does, and run the notebook of an exercise
IN_LITE = """
%pip install -q tinyae
import json, pyodide.http, tinyae
try:
    book = await (await pyodide.http.pyfetch("/lite/files/exercises/02_linear.ipynb")).json()
    for cell in book["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "gradcheck(" not in source and "%pip" not in source:
            exec(source, globals())
    score = grade_names(globals(), "linear").score
    found = [bool(tinyae.gradcheck(tinyae.Linear(4, 3, rng=0), np.eye(4))), score]
except Exception as error:
    found = repr(error)
await pyodide.http.pyfetch("/report", method="POST", body=json.dumps(found))
"""


def main() -> int:
    """Print what is wrong; returns the exit code."""
    pages = [p for p in sorted(HTML.rglob("*.html")) if p.relative_to(HTML).parts[0] != "lite"]
    if not pages:
        print(f"no site in {HTML}: run python docs/build.py first")
        return 2
    texts = {page: page.read_text("utf-8") for page in pages}
    wrong = [problem for page, text in texts.items() for problem in links(page, text, texts)]
    wrong += [problem for page, text in texts.items() for problem in other_hosts(page, text)]
    browser = find_chromium()
    if browser:
        for page in [HTML / name for name in PAGES] + sorted((HTML / "reference").glob("*.html")):
            wrong += in_browser(browser, page)
        wrong += in_lite()
    else:
        print("skipped: no Chromium, so the formulas were not looked at")
    print("\n".join(wrong) or f"{len(pages)} pages are right")
    return 1 if wrong else 0


def links(page: Path, text: str, texts: dict[Path, str]) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in re.findall(r'<(?:a|img|link|script)[^>]*? (?:href|src)="([^"]*)"', text):
        link = html.unescape(link)
        if re.match(r"[a-z]+:|//", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path).partition("?")[0]).resolve() if path else page
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            wrong.append(f"{page.relative_to(HTML)}: {link} leads nowhere")
        elif anchor and target in texts and f'id="{unquote(anchor)}"' not in texts[target]:
            wrong.append(f"{page.relative_to(HTML)}: there is no {link}")
    return wrong


def other_hosts(page: Path, text: str) -> list[str]:
    """What a page loads from elsewhere."""
    found = re.findall(r'<(?:script|img|iframe|source)[^>]*? src="(?:https?:)?//([^"/]+)', text)
    found += re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="(?:https?:)?//([^"/]+)', text)
    return [f"{page.relative_to(HTML)}: loads something from {host}" for host in found]


def in_browser(browser: str, page: Path) -> list[str]:
    """Open a page without a network, and count its formulas and what is too wide."""
    text = page.read_text("utf-8")
    with tempfile.TemporaryDirectory() as profile:
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=60000",
            "--allow-file-access-from-files", f"--user-data-dir={profile}", "--dump-dom",
        ]  # fmt: skip
        run = subprocess.run(
            [browser, *options, page.as_uri()], capture_output=True, text=True, timeout=300
        )
    wanted = len(re.findall(r'class="math notranslate', text))
    typeset = len(re.findall(r"<mjx-container", run.stdout))
    error = r'<mjx-merror|data-mjx-error|Math Processing Error|mathcolor="red"'  # red: unknown
    errors = len(re.findall(error, run.stdout))
    name = page.relative_to(HTML)
    wrong = [f"{name}: {typeset} of {wanted} formulas are typeset"] if typeset < wanted else []
    return wrong + ([f"{name}: {errors} formulas have errors"] if errors else [])


def in_lite() -> list[str]:
    """Whether JupyterLite, with a Pyodide of its own, installs and runs tinyae."""
    settings = HTML / "lite" / "jupyter-lite.json"
    if not settings.is_file() or '"./static/pyodide/' not in settings.read_text("utf-8"):
        print("skipped: the site was not built with --lite local, so no notebook was run")
        return []
    page = "lite/repl/index.html?kernel=python&execute=1&code=" + quote(IN_LITE)
    try:
        found = json.loads(report_of(HTML, page, seconds=180))
    except TimeoutError:
        return ["lite: a notebook's code reported nothing within 180 s"]
    return [] if found == [True, 0] else [f"lite: gradcheck and the stub's points are {found}"]


if __name__ == "__main__":
    sys.exit(main())
