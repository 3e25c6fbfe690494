"""``python -m tinyae`` is ``tinyae``."""

from tinyae.cli import main

raise SystemExit(main())
