"""What several test files share: cases, small nets, numeric derivatives, a strict stand-in for a
GPU array."""
