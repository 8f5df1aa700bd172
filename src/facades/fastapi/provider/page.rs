//! What people see of the login page. Everything in it is ours, it is in nobody's frame, and it works without a program; only
//! what tells another window how it went needs one.

use super::{Provider, invitations::How, places::Place, wish::Wish};
use crate::http::facade::{Answer, Asked, Refused};
use askama::Template;
use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{collections::BTreeMap, sync::LazyLock};

const STYLE: &str = include_str!("templates/page.css");
const PROGRAM: &str = include_str!("templates/message.js");
/// By which browsers know that they are ours.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
static PROGRAM_HASH: LazyLock<String> = LazyLock::new(|| hash(PROGRAM));

#[derive(Template)]
#[template(path = "login.html", config = "src/facades/fastapi/provider/templates/askama.toml")]
struct LoginPage<'a> {
    style: &'static str,
    to: &'a str,
    action: String,
    word: String,
    email: &'a str,
    problem: Option<&'a str>,
    back: Option<String>,
}

#[derive(Template)]
#[template(path = "choice.html", config = "src/facades/fastapi/provider/templates/askama.toml")]
struct ChoicePage<'a> {
    style: &'static str,
    to: &'a str,
    action: String,
    word: String,
    email: &'a str,
    organizations: Vec<Choice>,
    other: String,
    back: Option<String>,
}

/// An organization that somebody may come for.
pub(super) struct Choice {
    pub(super) word: String,
    pub(super) name: String,
    pub(super) slug: String,
}

#[derive(Template)]
#[template(path = "nowhere.html", config = "src/facades/fastapi/provider/templates/askama.toml")]
struct NowherePage<'a> {
    style: &'static str,
    email: &'a str,
    other: String,
    back: Option<String>,
}

#[derive(Template)]
#[template(path = "told.html", config = "src/facades/fastapi/provider/templates/askama.toml")]
struct ToldPage<'a> {
    style: &'static str,
    title: &'a str,
    text: &'a str,
    link: Option<(&'a str, &'a str)>,
}

#[derive(Template)]
#[template(path = "message.html", config = "src/facades/fastapi/provider/templates/askama.toml")]
struct MessagePage<'a> {
    style: &'static str,
    program: &'static str,
    to: &'a str,
    name: &'a str,
    response: String,
}

#[derive(Template)]
#[template(path = "invitation.html", config = "src/facades/fastapi/provider/templates/askama.toml")]
struct InvitationPage<'a> {
    style: &'static str,
    action: String,
    word: String,
    organization: &'a str,
    email: &'a str,
    name: &'a str,
    how: How,
    problem: Option<&'a str>,
}

impl Provider {
    /// Where somebody says who they are.
    pub(super) fn login_page(&self, asked: &Asked, wish: &Wish, email: &str, problem: Option<(u16, &str)>) -> Answer {
        let word = self.form_word(asked);
        let page = LoginPage {
            style: STYLE,
            to: wish.to.name(),
            action: here(asked),
            word: word.clone(),
            email,
            problem: problem.map(|(_, text)| text),
            back: wish.given_up(),
        };
        let answer = shown(problem.map_or(200, |(status, _)| status), &page, Some(&wish.to));
        self.keep_form_word(answer, &word)
    }

    /// Where somebody says for which organization they come.
    pub(super) fn choice_page(&self, asked: &Asked, wish: &Wish, email: &str, organizations: Vec<Choice>) -> Answer {
        let word = self.form_word(asked);
        let page = ChoicePage {
            style: STYLE,
            to: wish.to.name(),
            action: here(asked),
            word: word.clone(),
            email,
            organizations,
            other: as_somebody_else(asked),
            back: wish.given_up(),
        };
        self.keep_form_word(shown(200, &page, Some(&wish.to)), &word)
    }

    /// What the invited see.
    pub(super) fn invitation_page(
        &self,
        asked: &Asked,
        (organization, email, how): (&str, &str, How),
        name: &str,
        problem: Option<(u16, &str)>,
    ) -> Answer {
        let word = self.form_word(asked);
        let page = InvitationPage {
            style: STYLE,
            action: here(asked),
            word: word.clone(),
            organization,
            email,
            name,
            how,
            problem: problem.map(|(_, text)| text),
        };
        self.keep_form_word(shown(problem.map_or(200, |(status, _)| status), &page, None), &word)
    }
}

/// Somebody who belongs to no organization is told so.
pub(super) fn nowhere(asked: &Asked, wish: &Wish, email: &str) -> Answer {
    shown(403, &NowherePage { style: STYLE, email, other: as_somebody_else(asked), back: wish.given_up() }, None)
}

/// A few words.
pub(super) fn told(status: u16, title: &str, text: &str) -> Answer {
    shown(status, &ToldPage { style: STYLE, title, text, link: None }, None)
}

/// A few words, and where to go on.
pub(super) fn told_with_link(status: u16, title: &str, text: &str, link: (&str, &str)) -> Answer {
    shown(status, &ToldPage { style: STYLE, title, text, link: Some(link) }, None)
}

/// What went wrong here, for people.
pub(super) fn trouble(refused: &Refused) -> Answer {
    let text = match refused.status {
        503 | 429 => "There is too much to do right now. Please try again in a moment.",
        _ => "Something went wrong here. Please try again in a moment.",
    };
    told(refused.status, "Not now", text)
}

/// Tells the window that opened this one, or the one around it, and no other.
pub(super) fn message(to: &str, what: &[(&str, &str)], in_a_frame: bool) -> Answer {
    let response: BTreeMap<_, _> = what.iter().copied().collect();
    let response = serde_json::to_string(&response).expect("a map of texts is JSON");
    let name = to.split("://").nth(1).unwrap_or_default();
    let page = MessagePage { style: STYLE, program: PROGRAM, to, name, response };
    let frames = if in_a_frame { to } else { "'none'" };
    let policy = format!("script-src {}; style-src {}; frame-ancestors {frames}", *PROGRAM_HASH, *STYLE_HASH);
    dressed(Answer::html(200, rendered(&page)), &policy, "no-referrer")
}

/// A page whose forms come back to us, and may lead on to the place from which somebody came.
fn shown(status: u16, page: &impl Template, leads_to: Option<&Place>) -> Answer {
    let on = leads_to.map(|place| format!(" {}", place.origin())).unwrap_or_default();
    let policy = format!("style-src {}; img-src data:; form-action 'self'{on}; frame-ancestors 'none'", *STYLE_HASH);
    // Browsers say where a form comes from only where they may say it to us.
    dressed(Answer::html(status, rendered(page)), &policy, "same-origin").saying("x-frame-options", "DENY")
}

fn rendered(page: &impl Template) -> String {
    page.render().expect("a page is written to a text, which cannot fail")
}

fn dressed(answer: Answer, policy: &str, referrer: &str) -> Answer {
    answer
        .saying("content-security-policy", &format!("default-src 'none'; base-uri 'none'; {policy}"))
        .saying("cache-control", "no-store")
        .saying("referrer-policy", referrer)
}

/// Where this page is, so that its form comes back with the same wish.
fn here(asked: &Asked) -> String {
    format!("{}?{}", asked.path(), asked.query_text())
}

/// The same wish, for who wants to be somebody else.
fn as_somebody_else(asked: &Asked) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(form_urlencoded::parse(asked.query_text().as_bytes()).filter(|(name, _)| name != "prompt"));
    query.append_pair("prompt", "login");
    format!("{}?{}", asked.path(), query.finish())
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}
