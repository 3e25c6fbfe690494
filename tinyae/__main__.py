"""``python -m tinyae`` is ``tinyae``."""

from tinyae.cli.main import main

raise SystemExit(main())
