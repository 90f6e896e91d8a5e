"""The web UI and its REST API: a process that reads records, and follows, starts and stops sessions."""
