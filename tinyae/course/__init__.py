"""The course kit: exercises, and the isolation of students' code."""
