"""The course room: lessons, their notebooks, and what a notebook calls: `start` and `record`.

What builds and runs notebooks (`build`, `run`) needs the extra `lab` and is imported by its module's name.
"""

from medtutor.course.frontmatter import Lesson, lesson, lessons
from medtutor.course.record import record
from medtutor.course.start import Budget, start

__all__ = ["Budget", "Lesson", "lesson", "lessons", "record", "start"]
