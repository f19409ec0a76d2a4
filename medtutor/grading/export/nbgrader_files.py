"""The texts of the course tree that `nbgrader.py` writes: its configuration file and its README."""

OURS = "# Made by `medtutor export`"
CONFIG = (
    OURS
    + '''; `nbgrader autograde` takes the marks of marks.json and runs nothing that was handed in.
# To let nbgrader run it all the same, in your own account: delete the three lines that begin with c.Autograde.
import json
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import (
    AssignLatePenalties, CheckCellMetadata, DeduplicateIds, OverwriteCells, OverwriteKernelspec, SaveAutoGrades,
)

MARKS = json.loads((Path(__file__).parent / "marks.json").read_text(encoding="utf-8"))


class Marks(SaveAutoGrades):
    """Saves the marks that medtutor gave: those of tests by their outputs, as nbgrader reads them."""

    def preprocess(self, nb, resources):
        self.given = MARKS[resources["nbgrader"]["student"]]
        for cell in nb.cells:
            outputs = self.given["outputs"].get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if outputs is not None and cell.cell_type == "code":
                cell.outputs = [NotebookNode(output) for output in outputs]
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if id in self.given["by_hand"]:
            grade = self.gradebook.find_grade(id, self.notebook_id, self.assignment_id, self.student_id)
            grade.manual_score = self.given["by_hand"][id]
            grade.needs_manual_grade = False
            self.gradebook.db.commit()
        return cell, resources


class Lateness(AssignLatePenalties):
    """Saves what lateness cost."""

    def preprocess(self, nb, resources):
        nb, resources = super().preprocess(nb, resources)
        with Gradebook(self.db_url) as gradebook:
            notebook = gradebook.find_submission_notebook(self.notebook_id, self.assignment_id, self.student_id)
            notebook.late_submission_penalty = MARKS[self.student_id]["late"] or None
            gradebook.db.commit()
        return nb, resources


c = get_config()
c.CourseDirectory.course_id = {course!r}
c.Autograde.force = True
c.Autograde.sanitize_preprocessors = [DeduplicateIds, OverwriteKernelspec, OverwriteCells, CheckCellMetadata]
c.Autograde.autograde_preprocessors = [Marks, Lateness, CheckCellMetadata]
'''
)
README = """\
# {name} as an nbgrader course

In this folder, in this order:

    nbgrader generate_assignment {quoted} --force
    nbgrader autograde {quoted}
    nbgrader generate_feedback {quoted}
    nbgrader export

`autograde` fills the gradebook with the marks that medtutor gave; it runs nothing that was handed in (see
`nbgrader_config.py`). `nbgrader db student import students.csv` adds those who handed in nothing. Where the questions
have changed since an earlier export, delete `gradebook.db` first.
"""
