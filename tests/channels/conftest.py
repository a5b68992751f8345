"""Brings the shared fixtures of the upper floors into this folder."""

from tests.fixtures import learner_template, learners, team

__all__ = ["learner_template", "learners", "team"]
