"""When and where the work runs: settings, HTTP, the queue, the processes and the command line."""
