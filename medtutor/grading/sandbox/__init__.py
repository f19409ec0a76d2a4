"""Isolation: what keeps a student's code from the network, from files and memory that are not its own.

A clean process forks a worker, which calls `enter` once; the worker forks a process for each question, which calls
`confine`. `probe` tries what this host allows, and `plan` says what will be done and what not.
"""

from __future__ import annotations

from medtutor.grading.sandbox.entry import confine, enter, kill_all
from medtutor.grading.sandbox.host import Host, probe
from medtutor.grading.sandbox.levels import LEVELS, IsolationError, Plan, plan
from medtutor.grading.sandbox.limits import Limits
from medtutor.grading.sandbox.paths import hidden_paths, readable_paths
from medtutor.grading.sandbox.scratch import wipe

__all__ = [
    "LEVELS",
    "Host",
    "IsolationError",
    "Limits",
    "Plan",
    "confine",
    "enter",
    "hidden_paths",
    "kill_all",
    "plan",
    "probe",
    "readable_paths",
    "wipe",
]
