"""Tests of the stores of small facts."""
