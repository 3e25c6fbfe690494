"""What each command of ``tinyae`` does. The words it takes stand in ``tinyae.cli.main``."""
