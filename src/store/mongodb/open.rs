//! The first contact: is it there, may we, is it ours? Everything that can go wrong here was set up by a person, so each
//! error is one sentence that tells that person what to do. None of them contains the password.

use super::{
    accounts::{COUNTERS, NAMES, USERS},
    database::{ANSWER_TIMEOUT, COMMITS, Database, PROJECTIONS, SELECTION_TIMEOUT, number},
    errors, indexes,
    readings::READINGS,
    snapshots::{PARTS, SNAPSHOTS},
};
use crate::store::documents::Collection;
use bson::{Bson, Document, doc};
use mongodb::{
    Client,
    error::{Error, ErrorKind},
    options::ClientOptions,
};
use std::{future::IntoFuture, time::Duration};
use tocsin_actors::records::RecordKind;

/// The database when the address names none.
const DEFAULT_DATABASE: &str = "tocsin";

/// The oldest server that we test with.
const OLDEST_SERVER: i64 = 6;

/// How documents are laid out. Counted up by a change that other versions of this program could not live with.
const SCHEMA: u64 = 1;

/// What we keep about ourselves.
pub(super) const META: &str = "meta";
/// The document in it that is there while the store is being filled.
pub(super) const IMPORT: &str = "import";

/// How long one address may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// Building an index over what is there can take longer than any other answer.
const INDEX_TIMEOUT: Duration = Duration::from_secs(300);

/// Why the store cannot be opened, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address is none.
    #[error("the store's address is no MongoDB address ({0}): write it like mongodb://user:password@host:27017/tocsin")]
    Address(String),
    /// Nobody answers.
    #[error("no MongoDB answers at {hosts}: start it or correct host and port in the store's address ({cause})")]
    Unreachable {
        /// Where we looked.
        hosts: String,
        /// What the driver says.
        cause: String,
    },
    /// It does not know us.
    #[error(
        "MongoDB at {hosts} does not accept the user or the password: correct them in the store's address, and name with \
         ?authSource=… the database that knows the user ({cause})"
    )]
    Credentials {
        /// Who refused.
        hosts: String,
        /// What it says.
        cause: String,
    },
    /// It knows us, but we may not.
    #[error("the MongoDB user lacks rights on database `{database}`: give it the role readWrite there ({cause})")]
    Rights {
        /// On which.
        database: String,
        /// What the server says.
        cause: String,
    },
    /// The server is too old.
    #[error("MongoDB {0} is too old: use version {OLDEST_SERVER}.0 or newer")]
    Old(String),
    /// The database was laid out by another version.
    #[error(
        "database `{database}` has schema {found}, this program knows {SCHEMA}: start the version that wrote it, or name \
         another database in the store's address; nothing was changed"
    )]
    Schema {
        /// Which.
        database: String,
        /// What it says of itself.
        found: String,
    },
    /// The database belongs to another program.
    #[error(
        "database `{database}` has a collection `{collection}` that is not ours: name another database in the store's \
         address; nothing was changed"
    )]
    Foreign {
        /// Which.
        database: String,
        /// What we would have to share.
        collection: String,
    },
    /// An import has begun and not ended.
    #[error(
        "database `{database}` is incomplete: an import into it is running, or did not end; wait for it, or drop the database \
         and import again"
    )]
    Incomplete {
        /// Which.
        database: String,
    },
    /// There is nothing of ours, and nothing shall be made.
    #[error("there is no Tocsin store in database `{database}`: correct the database in the store's address")]
    Missing {
        /// Where.
        database: String,
    },
    /// Anything else.
    #[error("MongoDB at {hosts} cannot be used: {cause}")]
    Other {
        /// Where.
        hosts: String,
        /// What was said.
        cause: String,
    },
}

/// Connects and makes the database fit for use. One in which there is nothing is taken only if it `may_be_new`.
pub(super) async fn open(uri: &str, may_be_new: bool) -> Result<Database, OpenError> {
    let (options, name) = parse(uri).await?;
    let hosts: Vec<_> = options.hosts.iter().map(ToString::to_string).collect();
    let contact = Contact { hosts: hosts.join(", "), database: name.clone(), secrets: secrets(uri, &options) };
    let client = Client::with_options(options).map_err(|error| OpenError::Address(contact.scrub(&errors::short(&error))))?;
    let database = Database { inner: client.database(&name) };
    contact.ask(database.inner.run_command(doc! { "ping": 1 })).await?;
    contact.check_version(&database).await?;
    contact.check_schema(&database, may_be_new).await?;
    match tokio::time::timeout(INDEX_TIMEOUT, indexes::create(&database)).await {
        Ok(made) => made.map_err(|error| contact.explain(&error))?,
        Err(_) => return Err(contact.other("making the indexes takes too long".into())),
    }
    Ok(database)
}

async fn parse(uri: &str) -> Result<(ClientOptions, String), OpenError> {
    if uri.starts_with("mongodb+srv://") {
        return Err(OpenError::Address("mongodb+srv:// is not supported, name the hosts instead".into()));
    }
    let mut options = ClientOptions::parse(uri).await.map_err(|error| {
        // The driver quotes what it does not understand; a password with an unescaped `@` or `/` could be in it.
        let plain = !uri.contains('@');
        OpenError::Address(if plain { errors::short(&error) } else { "user and password must be percent-encoded".into() })
    })?;
    options.app_name.get_or_insert_with(|| "tocsin".to_owned());
    options.server_selection_timeout = Some(SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    let name = options.default_database.clone().unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
    Ok((options, name))
}

/// The password, as it is and as it stands in the address.
fn secrets(uri: &str, options: &ClientOptions) -> Vec<String> {
    let decoded = options.credential.as_ref().and_then(|credential| credential.password.clone());
    let user_info = uri.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user_info, _)| user_info);
    let encoded = user_info.and_then(|user_info| user_info.split_once(':')).map(|(_, password)| password.to_owned());
    decoded.into_iter().chain(encoded).filter(|secret| !secret.is_empty()).collect()
}

/// Where we knock, for explanations.
struct Contact {
    hosts: String,
    database: String,
    secrets: Vec<String>,
}

impl Contact {
    async fn ask<T>(&self, question: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, OpenError> {
        match tokio::time::timeout(ANSWER_TIMEOUT, question.into_future()).await {
            Ok(answer) => answer.map_err(|error| self.explain(&error)),
            Err(_) => Err(OpenError::Unreachable { hosts: self.hosts.clone(), cause: errors::no_answer() }),
        }
    }

    async fn check_version(&self, database: &Database) -> Result<(), OpenError> {
        let build = self.ask(database.inner.run_command(doc! { "buildInfo": 1 })).await?;
        let version = build.get_str("version").unwrap_or("of an unknown version");
        let major = version.split('.').next().and_then(|major| major.parse::<i64>().ok());
        if major.is_some_and(|major| major >= OLDEST_SERVER) { Ok(()) } else { Err(OpenError::Old(version.to_owned())) }
    }

    /// Takes an empty database, refuses what is not ours or not of our version.
    async fn check_schema(&self, database: &Database, may_be_new: bool) -> Result<(), OpenError> {
        let meta = database.collection(META).clone_with_type::<Document>();
        let this = doc! { "_id": "schema" };
        let found = match self.ask(meta.find_one(this.clone())).await? {
            Some(found) => found,
            None => {
                self.check_empty(database).await?;
                if !may_be_new {
                    return Err(OpenError::Missing { database: self.database.clone() });
                }
                let first = meta.update_one(this.clone(), doc! { "$setOnInsert": { "version": number(SCHEMA) } }).upsert(true);
                match self.ask(first).await {
                    // Somebody else who starts at the same time may have been faster.
                    Ok(_) | Err(OpenError::Other { .. }) => self.ask(meta.find_one(this)).await?.unwrap_or_default(),
                    Err(error) => return Err(error),
                }
            }
        };
        let version = match found.get("version") {
            Some(Bson::Int32(version)) => Some(i64::from(*version)),
            Some(Bson::Int64(version)) => Some(*version),
            // A person with an old shell writes numbers like this.
            Some(Bson::Double(version)) if version.fract() == 0.0 => Some(*version as i64),
            _ => None,
        };
        if version == Some(number(SCHEMA)) {
            return match self.ask(meta.find_one(doc! { "_id": IMPORT })).await? {
                None => Ok(()),
                Some(_) => Err(OpenError::Incomplete { database: self.database.clone() }),
            };
        }
        let found = found.get("version").map_or_else(|| "of no version".to_owned(), ToString::to_string);
        Err(OpenError::Schema { database: self.database.clone(), found })
    }

    /// A database in which another program keeps collections under our names is not to be touched.
    async fn check_empty(&self, database: &Database) -> Result<(), OpenError> {
        let ours = [COMMITS, PROJECTIONS, SNAPSHOTS, PARTS, USERS, NAMES, COUNTERS, READINGS];
        let there = self.ask(database.inner.list_collection_names()).await?;
        let readable = Collection::ALL.map(Collection::name);
        let records = RecordKind::ALL.map(RecordKind::name);
        let is_ours = |name: &str| ours.contains(&name) || readable.contains(&name) || records.contains(&name);
        match there.into_iter().find(|name| is_ours(name)) {
            Some(collection) => Err(OpenError::Foreign { database: self.database.clone(), collection }),
            None => Ok(()),
        }
    }

    fn explain(&self, error: &Error) -> OpenError {
        let cause = self.scrub(&errors::short(error));
        let hosts = self.hosts.clone();
        if errors::is_authentication(error) {
            return OpenError::Credentials { hosts, cause };
        }
        if errors::is_unauthorized(error) {
            return OpenError::Rights { database: self.database.clone(), cause };
        }
        match error.kind.as_ref() {
            ErrorKind::ServerSelection { .. } | ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => {
                OpenError::Unreachable { hosts, cause }
            }
            _ => self.other(cause),
        }
    }

    fn other(&self, cause: String) -> OpenError {
        OpenError::Other { hosts: self.hosts.clone(), cause }
    }

    fn scrub(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}
