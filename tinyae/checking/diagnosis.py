def diagnose(problem, seen, report):
    return []
