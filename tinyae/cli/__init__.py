"""The command line of tinyae. ``main`` defines the arguments; each command is in another module.

    train       ``tinyae train``, with ``train_arguments``; ``presets``, ``preset_models`` and
                ``preset_objectives``: what can be trained; ``training_data``: on what
    generate    ``tinyae reconstruct``, ``denoise`` and ``sample``
    anomalies   ``tinyae anomalies``
    analyze     ``tinyae map`` and ``probe``
    check       ``tinyae check``
    exercise    ``tinyae exercise``, with ``course_arguments``
    grade       ``tinyae grade``
    info        ``tinyae list`` and ``tinyae info``

``inputs`` loads the weights and images that several commands read, ``preprocessing`` has what
happens to images before a model sees them, ``csv_files`` writes tables, and ``terminal`` prints on
any terminal.
"""
