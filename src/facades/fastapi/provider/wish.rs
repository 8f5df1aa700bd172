//! What a front end wishes when it sends somebody to the login page, and how it is told how that went.

use super::{Provider, page, places::Place};
use crate::http::facade::{Answer, Asked};
use std::collections::BTreeMap;

/// The longest value that is kept: states of existing clients have some hundred bytes.
const LONGEST: usize = 4_000;
/// What may be asked for; anything else is left out of what is given.
const SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// A wish that can be granted.
pub(super) struct Wish {
    pub(super) to: Place,
    mode: Mode,
    state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) scope: String,
    pub(super) organization: Option<String>,
    /// The address that somebody has probably.
    pub(super) email: String,
    /// Nobody may be asked anything: a frame that nobody sees wants to know whether somebody is logged in.
    pub(super) silently: bool,
    /// Somebody shall log in, whether they are already or not.
    pub(super) again: bool,
    /// Somebody shall choose, whether they did already or not.
    pub(super) anew: bool,
}

/// How a front end is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// By being gone to, with the answer in the query.
    Query,
    /// By a message, from a window that it opened or a frame.
    Message,
}

/// Why a wish is none.
pub(super) enum Unfit {
    /// It is not known whom to tell, or it is nobody of ours: whoever looks at the page is told.
    Nowhere(&'static str),
    /// The front end is told, in the words of RFC 6749.
    Told(Box<Wish>, &'static str, &'static str),
}

impl Provider {
    /// Reads a wish.
    pub(super) fn wish(&self, asked: &Asked) -> Result<Wish, Unfit> {
        let mut said = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(asked.query_text().as_bytes()).into_owned() {
            if value.len() > LONGEST {
                return Err(Unfit::Nowhere("Something in the address is too long."));
            }
            if said.insert(name, value).is_some() {
                return Err(Unfit::Nowhere("The address says something twice."));
            }
        }
        let mut take = |name: &str| said.remove(name).filter(|value| !value.is_empty());
        if take("client_id").as_deref() != Some(self.client()) {
            return Err(Unfit::Nowhere("The application that sent you here is not known. Its client id must be “tocsin”."));
        }
        let to = take("redirect_uri").and_then(|text| self.places.find(&text));
        let to = to.ok_or(Unfit::Nowhere(
            "The application that sent you here is at an address that is not allowed. Allow it with --cors-origin.",
        ))?;
        let (mode, is_known_mode) = match take("response_mode").as_deref() {
            None | Some("query") => (Mode::Query, true),
            Some("web_message") => (Mode::Message, true),
            Some(_) => (Mode::Query, false),
        };
        let prompt = take("prompt").unwrap_or_default();
        let prompts = |word: &str| prompt.split(' ').any(|one| one == word);
        let scope = take("scope").unwrap_or_default();
        let asks_for = |scope_: &&str| scope.split(' ').any(|one| one == *scope_);
        let (kind, method) = (take("response_type"), take("code_challenge_method"));
        let wish = Wish {
            to,
            mode,
            state: take("state"),
            nonce: take("nonce"),
            challenge: take("code_challenge").unwrap_or_default(),
            scope: SCOPES.into_iter().filter(asks_for).collect::<Vec<_>>().join(" "),
            organization: take("organization"),
            email: take("login_hint").unwrap_or_default(),
            silently: prompts("none"),
            again: prompts("login"),
            anew: prompts("select_account"),
        };
        let unfit = match kind.as_deref() {
            _ if !is_known_mode => ("invalid_request", "response_mode must be query or web_message"),
            None => ("invalid_request", "response_type is missing"),
            Some(kind) if kind != "code" => ("unsupported_response_type", "response_type must be code"),
            _ if method.as_deref() != Some("S256") || !is_challenge(&wish.challenge) => {
                ("invalid_request", "a code_challenge is needed, with code_challenge_method S256")
            }
            _ if !asks_for(&"openid") => ("invalid_scope", "scope must have openid in it"),
            _ if wish.silently && (wish.again || wish.anew) => {
                ("invalid_request", "prompt must be none or something else, not both")
            }
            _ => return Ok(wish),
        };
        Err(Unfit::Told(Box::new(wish), unfit.0, unfit.1))
    }
}

/// A SHA-256 in base64 for addresses.
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Wish {
    /// Tells the front end.
    fn tell<'a>(&'a self, mut what: Vec<(&'a str, &'a str)>) -> Answer {
        what.extend(self.state.as_deref().map(|state| ("state", state)));
        match self.mode {
            Mode::Query => Answer::empty(303)
                .saying("location", &self.to.saying(&what))
                .saying("cache-control", "no-store")
                .saying("referrer-policy", "no-referrer"),
            // In a frame only where nobody was to see it.
            Mode::Message => page::message(self.to.origin(), &what, self.silently),
        }
    }

    /// Somebody is logged in.
    pub(super) fn granted(&self, code: &str) -> Answer {
        self.tell(vec![("code", code)])
    }

    /// It is not to be.
    pub(super) fn refused(&self, error: &str, why: &str) -> Answer {
        self.tell(vec![("error", error), ("error_description", why)])
    }

    /// Where somebody gets who does not want to go on, if that is anywhere.
    pub(super) fn given_up(&self) -> Option<String> {
        let mut what = vec![("error", "access_denied"), ("error_description", "Nobody logged in.")];
        what.extend(self.state.as_deref().map(|state| ("state", state)));
        (self.mode == Mode::Query).then(|| self.to.saying(&what))
    }
}

impl Unfit {
    pub(super) fn answer(self) -> Answer {
        match self {
            Self::Nowhere(why) => page::told(400, "This link does not work", why),
            Self::Told(wish, error, why) => wish.refused(error, why),
        }
    }
}
