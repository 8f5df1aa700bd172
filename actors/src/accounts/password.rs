//! Password hashes: argon2id for ours, bcrypt accepted for imported ones and replaced at the next login.
//!
//! Hashing costs tens of milliseconds of a core on purpose: callers run it on a bounded pool of blocking threads.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A password as it is stored. Never shown, not even in debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

/// Why a text is no hash that we understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an argon2id or bcrypt hash")]
pub struct UnknownHash;

/// What a check of a password found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not this one.
    Wrong,
    /// This one.
    Right,
    /// This one, but kept in an older form: store this instead.
    RightAndUpgraded(PasswordHash),
}

impl PasswordHash {
    /// The hash of a password that nobody has: to be compared where there is no account, so that the time taken does not
    /// tell who has one. It costs what ours cost. Written down, because making one takes 19 MiB that an idle server would
    /// then keep.
    pub fn of_nobody() -> Self {
        Self("$argon2id$v=19$m=19456,t=2,p=1$wLaN3QDvAlWFCLM64UMrgw$OkVPWpP4pt/G9MveRQMfSjb8Ko3v9pvTyjLu2/7+aKM".to_owned())
    }

    /// Hashes a password with argon2id and the parameters that OWASP recommends.
    pub fn new(password: &str) -> Self {
        let hash: phc::PasswordHash =
            Argon2::default().hash_password(password.as_bytes()).expect("default parameters and a fresh salt are valid");
        Self(hash.to_string())
    }

    /// Takes a hash made elsewhere.
    pub fn import(hash: &str) -> Result<Self, UnknownHash> {
        let argon = phc::PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id");
        let bcrypt = hash.parse::<bcrypt::HashParts>().is_ok();
        if argon || bcrypt { Ok(Self(hash.to_owned())) } else { Err(UnknownHash) }
    }

    /// Whether this is the password. Costs the same whether it is or not.
    pub fn verify(&self, password: &str) -> Verdict {
        if self.0.starts_with("$argon2") {
            let right = phc::PasswordHash::new(&self.0)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            return if right { Verdict::Right } else { Verdict::Wrong };
        }
        match bcrypt::verify(password, &self.0) {
            Ok(true) => Verdict::RightAndUpgraded(Self::new(password)),
            Ok(false) | Err(_) => Verdict::Wrong,
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognized_and_another_is_not() {
        let hash = PasswordHash::new("correct horse");
        assert_eq!(hash.verify("correct horse"), Verdict::Right);
        assert_eq!(hash.verify("wrong horse"), Verdict::Wrong);
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
    }

    #[test]
    fn the_hash_of_nobody_takes_as_long_as_one_of_ours() {
        let parameters = |hash: &PasswordHash| hash.0.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(parameters(&PasswordHash::of_nobody()), parameters(&PasswordHash::new("correct horse")));
        assert_eq!(PasswordHash::import(&PasswordHash::of_nobody().0), Ok(PasswordHash::of_nobody()));
        assert_eq!(PasswordHash::of_nobody().verify(""), Verdict::Wrong);
    }

    #[test]
    fn an_imported_bcrypt_hash_works_once_and_is_upgraded() {
        let imported = PasswordHash::import(&bcrypt::hash("old secret", 4).unwrap()).unwrap();
        assert_eq!(imported.verify("guess"), Verdict::Wrong);
        let Verdict::RightAndUpgraded(hash) = imported.verify("old secret") else { panic!("not upgraded") };
        assert_eq!(hash.verify("old secret"), Verdict::Right);
    }

    #[test]
    fn anything_else_is_not_a_hash() {
        for text in ["", "secret", "$1$abc$def", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"] {
            assert_eq!(PasswordHash::import(text), Err(UnknownHash), "{text}");
        }
    }
}
