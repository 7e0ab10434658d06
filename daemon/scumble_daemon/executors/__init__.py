"""Where a job runs: one small interface, `Executor`, and its implementations."""
