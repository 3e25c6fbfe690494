"""The command line of tinyae. ``main`` defines the arguments; each command is in another module.

    train       ``tinyae train``, with ``presets`` and ``preset_objectives``: what can be trained
    generate    ``tinyae reconstruct``, ``denoise`` and ``sample``
    analyze     ``tinyae anomalies``, ``map`` and ``probe``
    check       ``tinyae check``
    info        ``tinyae list`` and ``tinyae info``

``inputs`` loads the weights and images that several commands read.
"""
