"""Brings the shared fixtures of the upper floors into this folder."""

from tests.fixtures import at_once, learner_template, learners, team

__all__ = ["at_once", "learner_template", "learners", "team"]
