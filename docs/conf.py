"""Sphinx's settings. ``build.py`` prepares the folder of sources that they are used with."""

import hashlib
import sys
from pathlib import Path

import tinyae

sys.path.insert(0, str(Path(__file__).parent))
import docstrings

project = "tinyae"
author = "the tinyae developers"
copyright = author
version = release = tinyae.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]

nb_execution_mode = "off"  # build.py runs the chapters and keeps their outputs
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]

# One file that has all of MathJax and its fonts; build.py copies it. No page asks another host
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"svg": {"fontCache": "global"}}

autodoc_member_order = "bysource"
autodoc_docstring_signature = False  # "Convolution (...), (N, C, H, W) -> ..." is a sentence
autodoc_typehints = "none"  # the docstrings say shapes, which types cannot
autodoc_default_options = {"members": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
add_module_names = False

html_theme = "furo"
html_title = "tinyae"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "source_repository": "https://github.com/tinyae/tinyae/",
    "source_branch": "main",
    "source_directory": "docs/",
    "top_of_page_buttons": [],
}


def setup(app):
    # Changes of these files change every page of the reference
    made_by = [Path(__file__).with_name(n) for n in ("docstrings.py", "formulas.py")]
    key = "".join(file.read_text("utf-8") for file in [*made_by, docstrings.BIBLIOGRAPHY])
    app.add_config_value("docstrings_key", hashlib.sha256(key.encode()).hexdigest(), "env")
    app.connect("autodoc-process-docstring", docstrings.process, priority=400)  # before napoleon
