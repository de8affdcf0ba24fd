"""The command line: parse, call, print.  Only here: click."""
