//! Why the store did not do what it was asked, and why it cannot be opened.

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or cannot commit; the same request may go through later.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// Others kept changing the same rows; the same request may go through later.
    #[error("the store cannot be used now: {0}")]
    Contended(&'static str),
    /// A row does not hold what it should.
    #[error("the store holds something unexpected: {0}")]
    Unexpected(&'static str),
    /// It refused a statement of ours.
    #[error("the store refused a statement: {0}")]
    Refused(String),
}

/// Why a store cannot be opened. A database is named by its path, or by its URL without the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database is none that this version knows. The error names only its scheme, if that is known.
    #[error(
        "--database {}is not understood: give sqlite://FILE, such as sqlite://doorkey.db or \
         sqlite:///var/lib/doorkey.db, or postgres://USER:PASSWORD@HOST:PORT/NAME, with ?sslmode=disable, prefer, \
         require, verify-ca or verify-full, and what has a meaning in a URL percent-encoded in the password: \
         %40 for @, %2F for /, %3F for ?",
        if .0.is_empty() { String::new() } else { format!("{}… ", .0) }
    )]
    UnknownUrl(&'static str),
    /// It names a file in a way that SQLite understands otherwise. The error says how the name begins.
    #[error(
        "sqlite://{0}… is no file to SQLite: give the path of one, such as sqlite://doorkey.db, or sqlite://./{0}… for one \
         of that very name"
    )]
    NotAFile(&'static str),
    /// There is no database.
    #[error(
        "there is no database at {0}: `doorkey workspace create` or `doorkey serve` makes one, or check --database"
    )]
    Missing(String),
    /// A server has it, but there is nothing in it.
    #[error(
        "the database at {0} is empty: `doorkey workspace create` or `doorkey serve` makes the tables; if something should \
         be in it, check --database"
    )]
    Empty(String),
    /// It is there, but is no database of doorkey's.
    #[error("{0} is not a doorkey database: it is left as it is; check --database")]
    Foreign(String),
    /// It is a copy of a file that was in use, and lacks a part.
    #[error(
        "the database at {0} is a copy of a file that a server had open, without the -wal that belongs to it, and may be \
         of two moments: `doorkey restore` takes it in if it is whole; copies are made with `doorkey backup`"
    )]
    BareCopy(String),
    /// The database was made by a newer version.
    #[error(
        "the database at {database} is of schema {found}, newer than this version's {known}: use a newer doorkey"
    )]
    Newer {
        /// Where it is.
        database: String,
        /// Its newest migration.
        found: i64,
        /// This binary's newest migration.
        known: i64,
    },
    /// What it held is elsewhere.
    #[error("the database {database} was moved to {to}: give that with --database, and the same key file")]
    Moved {
        /// Where it is.
        database: String,
        /// Where its rows are.
        to: String,
    },
    /// A move to it has begun, and has not come to its end.
    #[error(
        "the database at {database} is being filled from {from}, and that has not come to its end: wait for it, or \
         run `doorkey migrate` again if it was broken off"
    )]
    HalfMoved {
        /// Where it is.
        database: String,
        /// What is copied into it.
        from: String,
    },
    /// The server's certificate cannot be proven with what was given.
    #[error(
        "{0}: check --database-root-certificate, a file with the certificate(s) that the server's rests on"
    )]
    RootCertificate(String),
    /// What answers is no server, but hands each transaction to whichever one is free.
    #[error(
        "the database at {0} is behind a pooler that hands out servers by transaction, which doorkey cannot work with: \
         set pool_mode = session for it (pgbouncer), or give the server's own address with --database"
    )]
    Pooled(String),
    /// It cannot hold every letter.
    #[error(
        "the database at {database} has the encoding {encoding}, in which many names cannot be written: doorkey needs \
         one in UTF8, such as `CREATE DATABASE doorkey OWNER doorkey ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0` makes"
    )]
    Encoding {
        /// Where it is.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// Its server cannot be reached, or does not let us in.
    #[error(
        "the database at {database} cannot be reached: {source}: check --database, and that the server runs, takes \
         writes and lets doorkey in"
    )]
    Unreachable {
        /// Where it is.
        database: String,
        /// What went wrong.
        source: StoreError,
    },
    /// Its file, or the folder of that, is not for this process.
    #[error("the database at {database} cannot be opened: {why}")]
    Inaccessible {
        /// Where it is.
        database: String,
        /// What stands in the way, and what to do.
        why: String,
    },
    /// It cannot be opened or brought up to date.
    #[error("the database at {database} cannot be opened: {source}")]
    Failed {
        /// Where it is.
        database: String,
        /// What went wrong.
        source: StoreError,
    },
}
