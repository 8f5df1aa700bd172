//! Many updates or deletions in few messages, by raw commands: `Client::bulk_write` needs a server of version 8.
//!
//! A raw command takes no write concern from the client and answers "ok" with its errors inside: both are seen to here.

use super::{
    database::{ANSWER_TIMEOUT, Database, write_concern_document},
    errors,
};
use bson::{Bson, Document, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, doc, raw::CStr};
use tocsin_actors::store::StoreError;

/// How many statements go into one message. With more, the server is busy long enough for a commit to feel it.
const MAX_STATEMENTS: usize = 200;

/// How many bytes do. A raw command is one document, so MongoDB's 16 MiB hold for all of it.
const MAX_BYTES: usize = 12_000_000;

/// The largest body that can be written: a command around it must still be a document.
pub(super) const MAX_BODY: usize = 16 * 1024 * 1024 - 16 * 1024;

/// Which command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
}

impl Verb {
    const fn words(self) -> (&'static CStr, &'static CStr) {
        match self {
            Self::Insert => (cstr!("insert"), cstr!("documents")),
            Self::Update => (cstr!("update"), cstr!("updates")),
            Self::Delete => (cstr!("delete"), cstr!("deletes")),
        }
    }
}

/// When a message counts as done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern {
    /// The primary has done it. Something durable must follow on it: whoever loses this loses that too, because a server
    /// keeps and gives up its writes in their order. It saves the disk a flush, for which commits would have to wait.
    Accepted,
    /// A majority has it in its journals.
    Durable,
}

/// What the server said of single statements, by their place.
#[derive(Default)]
pub(super) struct Answers {
    /// Found a key taken. For a guarded upsert: something newer is there. For an insert: it is there already.
    pub(super) overtaken: Vec<usize>,
    /// Were refused, and why.
    pub(super) refused: Vec<(usize, String)>,
    /// Wrote a document where there was none.
    pub(super) inserted: Vec<usize>,
}

/// Runs all statements (an insert's are documents), in no order. Fails as a whole when it is not known of some whether they are durable.
pub(super) async fn run(
    database: &Database,
    verb: Verb,
    collection: &str,
    statements: &[impl AsRef<RawDocument>],
    concern: Concern,
) -> Result<Answers, StoreError> {
    let mut answers = Answers::default();
    let mut start = 0;
    while start < statements.len() {
        let mut bytes = 0;
        let fitting = statements[start..].iter().take(MAX_STATEMENTS).take_while(|statement| {
            bytes += statement.as_ref().as_bytes().len();
            bytes <= MAX_BYTES
        });
        let end = start + fitting.count().max(1);
        message(database, verb, collection, &statements[start..end], start, concern, &mut answers).await?;
        start = end;
    }
    Ok(answers)
}

async fn message(
    database: &Database,
    verb: Verb,
    collection: &str,
    statements: &[impl AsRef<RawDocument>],
    offset: usize,
    concern: Concern,
    answers: &mut Answers,
) -> Result<(), StoreError> {
    let (verb, plural) = verb.words();
    let mut array = RawArrayBuf::new();
    statements.iter().for_each(|statement| array.push(statement.as_ref()));
    let mut command = RawDocumentBuf::new();
    command.append(verb, collection);
    command.append(plural, array);
    command.append(cstr!("ordered"), false);
    let concern = match concern {
        Concern::Accepted => doc! { "w": 1 },
        Concern::Durable => write_concern_document(),
    };
    let concern = RawDocumentBuf::try_from(&concern).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    command.append(cstr!("writeConcern"), concern);
    let sent = tokio::time::timeout(ANSWER_TIMEOUT, database.inner.run_raw_command(command).into_future()).await;
    let answer = sent.map_err(|_| StoreError::Unknown(errors::no_answer()))?.map_err(|error| errors::writing(&error))?;
    if let Ok(error) = answer.get_document("writeConcernError") {
        return Err(StoreError::Unknown(error.get_str("errmsg").unwrap_or("the write was not confirmed").to_owned()));
    }
    for refused in list(&answer, "writeErrors") {
        let index = offset + index_of(refused);
        match refused.get_i32("code") {
            Ok(errors::DUPLICATE_KEY) => answers.overtaken.push(index),
            code => {
                answers.refused.push((index, errors::refused(code.unwrap_or(0), refused.get_str("errmsg").unwrap_or("refused"))))
            }
        }
    }
    answers.inserted.extend(list(&answer, "upserted").map(|inserted| offset + index_of(inserted)));
    Ok(())
}

fn list<'a>(answer: &'a Document, field: &str) -> impl Iterator<Item = &'a Document> {
    answer.get_array(field).into_iter().flatten().filter_map(Bson::as_document)
}

fn index_of(one: &Document) -> usize {
    let index = match one.get("index") {
        Some(Bson::Int32(index)) => usize::try_from(*index).ok(),
        Some(Bson::Int64(index)) => usize::try_from(*index).ok(),
        _ => None,
    };
    index.unwrap_or(0)
}
