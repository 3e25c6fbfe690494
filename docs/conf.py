"""Sphinx's settings. ``build.py`` prepares the folder of sources that they are used with."""

import tinyae

project = "tinyae"
author = "the tinyae developers"
copyright = author  # noqa: A001
version = release = tinyae.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]

nb_execution_mode = "off"  # build.py runs the chapters and keeps their outputs
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]

# MathJax 2 from a Python package, copied to the site: no page asks another host for anything
mathjax_path = "mathjax/MathJax.js?config=TeX-AMS_SVG-full"
mathjax2_config = {
    "tex2jax": {
        "inlineMath": [["\\(", "\\)"]],
        "displayMath": [["\\[", "\\]"]],
        "processEscapes": True,
    },
    "messageStyle": "none",
    "menuSettings": {"zoom": "None"},
}

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say shapes, which types cannot
autodoc_default_options = {"members": True, "show-inheritance": False}
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
