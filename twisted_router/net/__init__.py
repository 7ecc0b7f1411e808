"""What Twisted lacks for this job: lean reactor, direct transports, deadlines."""
