"""The site: notebooks as they are stored, the library from its docstrings. Nothing is executed.

    sphinx-build -W docs site

What Sphinx does not do by itself stands in `weaving.py`; no page asks another machine for anything.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

project = "regtutor"
author = "The regtutor authors"
project_copyright = "The regtutor authors. Apache-2.0"

extensions = [
    "weaving",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "myst_nb",
    "sphinx_book_theme",
]
exclude_patterns = ["jupyter_execute"]

nb_execution_mode = "off"
nb_ipywidgets_js = {}  # the default loads them from elsewhere
nb_render_markdown_format = "gfm"  # of outputs: tables
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]
highlight_language = "none"  # of what is indented in a docstring: formulas, tables

mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would load what is not there

html_theme = "sphinx_book_theme"
html_title = "regtutor"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # a page that is opened as a file may not fetch another
html_context = {"default_mode": "auto"}
html_theme_options = {
    "repository_url": "https://github.com/regtutor/regtutor",
    "repository_branch": "main",
    "path_to_docs": "",  # notebooks/… is where the page is, and where its source is
    "use_repository_button": True,
    "use_download_button": False,
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
    "show_toc_level": 2,
    "navbar_persistent": [],  # the side has a search field
}
