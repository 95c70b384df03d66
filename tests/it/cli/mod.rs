//! The command line, run as the operator runs it: the real binary in a folder of its own.

mod fields;
mod import;
mod import_beside;
mod key_file;
mod lost;
mod passwords;
mod people;
mod serving;
mod starting;
mod tenants;
