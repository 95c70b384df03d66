//! The binary: parses the command line, lets it run, prints the one error.

fn main() {}
