"""Grade a class: release, a batch grader that trusts nothing of what was handed in, exports. See docs/grading.md."""
