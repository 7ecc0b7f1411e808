"""Load generators. Each is a program: arguments in, one line of JSON out."""
