//! What an error of the driver means for us. The question is always the same: may it have been written?

use super::database::ANSWER_TIMEOUT;
use mongodb::error::{Error, ErrorKind, WriteFailure};
use tocsin_actors::store::StoreError;

/// The server's word for "an index already has this key".
pub(super) const DUPLICATE_KEY: i32 = 11000;
/// The server's word for "you may not".
pub(super) const UNAUTHORIZED: i32 = 13;
/// The server's word for "I do not know you".
pub(super) const AUTHENTICATION_FAILED: i32 = 18;

/// What a failed question means. Asking changes nothing, so every failure is "not now".
pub(super) fn reading(error: &Error) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::Bson(_) | ErrorKind::BsonDeserialization(_) | ErrorKind::InvalidResponse { .. } => {
            StoreError::Corrupt(short(error))
        }
        _ => StoreError::Unavailable(short(error)),
    }
}

/// What a failed write means, as far as no single document is to blame.
///
/// A driver that found no server has sent nothing: when it had sent something before and looks for a server to try
/// again, it tells of the first failure instead. Everything that was refused before it was sent, and everything for
/// lack of rights, was not written either. All else may have been.
pub(super) fn writing(error: &Error) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::ServerSelection { .. } | ErrorKind::InvalidArgument { .. } | ErrorKind::Shutdown => {
            StoreError::Unavailable(short(error))
        }
        ErrorKind::Command(command) if command.code == UNAUTHORIZED => StoreError::Unavailable(short(error)),
        // One statement that was refused by itself.
        ErrorKind::Write(WriteFailure::WriteError(_)) => StoreError::Unavailable(short(error)),
        _ => StoreError::Unknown(short(error)),
    }
}

/// The index that a single write ran into, by its name.
pub(super) fn duplicate_of(error: &Error) -> Option<&str> {
    let ErrorKind::Write(WriteFailure::WriteError(refused)) = error.kind.as_ref() else { return None };
    if refused.code != DUPLICATE_KEY {
        return None;
    }
    // `E11000 duplicate key error collection: tocsin.users index: email dup key: { … }`
    let (_, rest) = refused.message.split_once(" index: ").unwrap_or_default();
    Some(rest.split(' ').next().unwrap_or_default())
}

/// Whether the server says with this error that our user lacks a right.
pub(super) fn is_unauthorized(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(command) if command.code == UNAUTHORIZED)
}

/// Whether the server did not accept who we say we are.
pub(super) fn is_authentication(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => true,
        ErrorKind::Command(command) => command.code == AUTHENTICATION_FAILED,
        _ => false,
    }
}

/// What to say when a time limit of ours ran out.
pub(super) fn no_answer() -> String {
    format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())
}

/// The sentence in an error, without the driver's inner life. Never a document: the server quotes keys of ours, which
/// may be somebody's e-mail address, in messages about duplicates.
pub(super) fn short(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => format!("{} ({})", command.message, command.code_name),
        ErrorKind::Write(WriteFailure::WriteError(error)) => refused(error.code, &error.message),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => format!("{} ({})", error.message, error.code_name),
        ErrorKind::InsertMany(_) => "some documents were not written".to_owned(),
        kind => kind.to_string(),
    }
}

/// Why the server refused one document.
pub(super) fn refused(code: i32, message: &str) -> String {
    if code == DUPLICATE_KEY { "another document has its key".to_owned() } else { format!("{message} ({code})") }
}
