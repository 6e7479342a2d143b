"""The pipeline: pure steps from a melody to sound. Knows nothing of jobs, interfaces or settings."""
