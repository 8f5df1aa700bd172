//! Who made what, as the provider calls them.

use crate::http::facade::{self, Engine, Refused};
use std::borrow::Cow;
use tocsin_actors::{
    accounts::User,
    domain::{Author, incident::Incident},
};

/// Those of whom it is to be said.
pub(super) struct People(facade::People);

impl People {
    /// Looks them up, each once.
    pub(super) async fn of(engine: &Engine, authors: impl Iterator<Item = Author>) -> Result<Self, Refused> {
        Ok(Self(engine.people(authors.filter_map(Author::user)).await?))
    }

    /// What somebody is called; by our own id where no provider knows them.
    pub(super) fn name(&self, author: Author) -> Cow<'_, str> {
        match author {
            Author::System => "system".into(),
            Author::Key(key) => key.to_string().into(),
            Author::User(user) => self.0.get(&user).map_or_else(|| user.to_string().into(), |user| name_of(user).into()),
        }
    }
}

/// What the provider calls somebody.
pub(super) fn name_of(user: &User) -> String {
    user.external.first().map_or_else(|| user.id.to_string(), |known| known.subject.clone())
}

/// Who had a part in an incident.
pub(super) fn authors(incident: &Incident) -> impl Iterator<Item = Author> {
    incident.updates.iter().map(|update| update.author).chain([incident.created_by])
}
