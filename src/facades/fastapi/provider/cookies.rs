//! What a browser keeps for the login page: who is logged in, and a word by which a form is known as one of ours. Neither can
//! be read by a program, nor is sent along when another site asks for something in the background. Over HTTPS their names
//! begin with `__Host-`, so that no neighbour below the same domain can set them.

use super::Provider;
use crate::http::facade::{Answer, Asked};
use aws_lc_rs::{constant_time, rand};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

const SESSION: &str = "tocsin_session";
const SECURE_SESSION: &str = "__Host-tocsin_session";
const FORM: &str = "tocsin_form";
const SECURE_FORM: &str = "__Host-tocsin_form";
/// As long as a session lasts that is not used.
const SESSION_S: u32 = 30 * 24 * 3_600;

impl Provider {
    const fn name(secure: bool, names: [&'static str; 2]) -> &'static str {
        if secure { names[1] } else { names[0] }
    }

    /// What the browser has of a session.
    pub(super) fn session_cookie<'a>(&self, asked: &'a Asked) -> Option<&'a str> {
        asked.cookie(Self::name(self.is_secure(), [SESSION, SECURE_SESSION]))
    }

    /// Has the browser keep it; an empty one is thrown away.
    pub(super) fn keep_session(&self, answer: Answer, cookie: &str) -> Answer {
        let age = if cookie.is_empty() { 0 } else { SESSION_S };
        self.keep(answer, [SESSION, SECURE_SESSION], cookie, &format!("; Max-Age={age}"))
    }

    /// The word of this browser's forms: all that are open in it have the same.
    pub(super) fn form_word(&self, asked: &Asked) -> String {
        let known = asked.cookie(Self::name(self.is_secure(), [FORM, SECURE_FORM]));
        known.filter(|word| is_word(word)).map_or_else(new_word, str::to_owned)
    }

    /// Has the browser keep it until it is closed.
    pub(super) fn keep_form_word(&self, answer: Answer, word: &str) -> Answer {
        self.keep(answer, [FORM, SECURE_FORM], word, "")
    }

    /// Whether what was sent is from a form of ours: it has the word that only this browser and our page know, and browsers
    /// say that it comes from us.
    pub(super) fn is_our_form(&self, asked: &Asked, word: Option<&str>) -> bool {
        let kept = asked.cookie(Self::name(self.is_secure(), [FORM, SECURE_FORM])).filter(|word| is_word(word));
        let same = |kept: &str, sent: &str| constant_time::verify_slices_are_equal(kept.as_bytes(), sent.as_bytes()).is_ok();
        let is_ours = |origin: &str| self.issuers().iter().any(|issuer| issuer.trim_end_matches('/') == origin);
        kept.zip(word).is_some_and(|(kept, sent)| same(kept, sent))
            && asked.header("origin").is_none_or(is_ours)
            && asked.header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
    }

    fn keep(&self, answer: Answer, names: [&'static str; 2], value: &str, lasts: &str) -> Answer {
        let (name, secure) = (Self::name(self.is_secure(), names), if self.is_secure() { "; Secure" } else { "" });
        answer.saying("set-cookie", &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lasts}"))
    }
}

fn new_word() -> String {
    let mut chance = [0; 32];
    rand::fill(&mut chance).expect("a system without randomness cannot keep a secret");
    BASE64_URL_SAFE_NO_PAD.encode(chance)
}

fn is_word(word: &str) -> bool {
    word.len() == 43 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
