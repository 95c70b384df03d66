//! The flags, as the command line knows them.

/// What helps have over the flags that mean the same to every command: below those of the command itself.
pub(crate) const COMMON: &str = "Common options";

/// Flags that mean the same to every command.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct CommonFlags {
    /// Where the database is.
    #[arg(
        long,
        help = "Where the database is: sqlite://FILE or postgres://… [default: sqlite://doorkey.db] [env: DOORKEY_DATABASE]",
        global = true,
        help_heading = COMMON,
        value_name = "URL"
    )]
    pub database: Option<String>,
    /// What the certificate of a PostgreSQL server must rest on.
    #[arg(
        long,
        help = "A PEM file with what a PostgreSQL server's certificate must rest on [env: DOORKEY_DATABASE_ROOT_CERTIFICATE]",
        global = true,
        help_heading = COMMON,
        value_name = "FILE"
    )]
    pub database_root_certificate: Option<String>,
    /// The file of the secret keys.
    #[arg(
        long,
        help = "The file of the secret keys [default: doorkey.key] [env: DOORKEY_SECRET_KEY_FILE]",
        global = true,
        help_heading = COMMON,
        value_name = "FILE"
    )]
    pub secret_key_file: Option<String>,
    /// A TOML file with settings.
    #[arg(
        long,
        help = "A TOML file with settings, named as the flags are [env: DOORKEY_CONFIG]",
        global = true,
        help_heading = COMMON,
        value_name = "FILE"
    )]
    pub config: Option<String>,
    /// Print one JSON document instead of text for people
    #[arg(long, global = true, help_heading = COMMON)]
    pub json: bool,
}

/// Flags of the commands that serve.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeFlags {
    /// Where people and back offices connect.
    #[arg(
        long,
        help = "Where people and back offices connect [default: 127.0.0.1:8080] [env: DOORKEY_LISTEN]",
        value_name = "ADDRESS"
    )]
    pub listen: Option<String>,
    /// Where operators ask for health and metrics.
    #[arg(
        long,
        help = "Where operators ask for health and metrics [default: 127.0.0.1:9191] [env: DOORKEY_OPS_LISTEN]",
        value_name = "ADDRESS"
    )]
    pub ops_listen: Option<String>,
    /// A proxy whose X-Forwarded headers count.
    #[arg(
        long,
        help = "A proxy whose X-Forwarded headers count; may be given again [env, by comma: DOORKEY_TRUSTED_PROXY]",
        value_name = "CIDR"
    )]
    pub trusted_proxy: Vec<String>,
    /// How log lines are written.
    #[arg(
        long,
        help = "How log lines are written: text or json [default: text] [env: DOORKEY_LOG]",
        value_name = "FORMAT"
    )]
    pub log: Option<String>,
    /// Leave out the console at /docs.
    #[arg(long, help = "Leave out the console at /docs [env, true or false: DOORKEY_NO_DOCS]")]
    pub no_docs: bool,
    /// Dead tokens from one address.
    #[arg(
        long,
        help = "Dead login tokens that one address may show in a minute, or off [default: 600] [env: DOORKEY_LOGIN_MISSES_PER_MINUTE]",
        value_name = "NUMBER"
    )]
    pub login_misses_per_minute: Option<String>,
    /// Failed keys from one address.
    #[arg(
        long,
        help = "Requests without a valid API key that one address may make in a minute, or off [default: 600] [env: DOORKEY_AUTH_FAILURES_PER_MINUTE]",
        value_name = "NUMBER"
    )]
    pub auth_failures_per_minute: Option<String>,
    /// Requests of one API key.
    #[arg(
        long,
        help = "Requests that one API key may make in a second [default: off] [env: DOORKEY_KEY_REQUESTS_PER_SECOND]",
        value_name = "NUMBER"
    )]
    pub key_requests_per_second: Option<String>,
    /// How long the audit log is kept.
    #[arg(
        long,
        help = "How long the audit log is kept [default: 365d] [env: DOORKEY_AUDIT_RETENTION]",
        value_name = "DURATION"
    )]
    pub audit_retention: Option<String>,
}
