//! `/authorize`: somebody comes from a front end, says who they are if it is not known, and goes back with a code.

use super::{
    super::Fastapi,
    Provider,
    form::Form,
    page::{self, Choice},
    wish::Wish,
};
use crate::{
    http::facade::{Answer, Asked, Refused},
    identity::{BrowserSession, Grant, LoginRefused, organization_word},
};
use std::sync::Arc;
use tocsin_actors::domain::Org;
use tracing::info;

/// `GET`: the beginning.
pub(super) async fn ask(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    Ok(begin(&fastapi.provider, &asked).await.unwrap_or_else(|refused| page::trouble(&refused)))
}

/// `POST`: a form of ours.
pub(super) async fn submit(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    Ok(answer_form(&fastapi.provider, &asked).await.unwrap_or_else(|refused| page::trouble(&refused)))
}

async fn begin(provider: &Provider, asked: &Asked) -> Result<Answer, Refused> {
    let wish = match provider.wish(asked) {
        Ok(wish) => wish,
        Err(unfit) => return Ok(unfit.answer()),
    };
    match provider.session(asked).await? {
        Some(session) if !wish.again => go_on(provider, asked, &wish, &session).await,
        _ if wish.silently => Ok(wish.refused("login_required", "Nobody is logged in.")),
        _ => Ok(provider.login_page(asked, &wish, &wish.email, None)),
    }
}

async fn answer_form(provider: &Provider, asked: &Asked) -> Result<Answer, Refused> {
    let wish = match provider.wish(asked) {
        Ok(wish) => wish,
        Err(unfit) => return Ok(unfit.answer()),
    };
    if wish.silently {
        return Ok(page::told(400, "This link does not work", "Nobody can be asked anything here."));
    }
    let form = Form::of(asked);
    if !provider.is_our_form(asked, form.get("form")) {
        return Ok(provider.login_page(asked, &wish, form.said("email"), Some(NOT_OURS)));
    }
    match form.said("step") {
        "organization" => choose(provider, asked, &wish, form.said("organization")).await,
        _ => log_in(provider, asked, &wish, &form).await,
    }
}

/// What somebody is told whose browser does not say what ours would.
pub(super) const NOT_OURS: (u16, &str) = (
    403,
    "Your browser did not send what belongs to this page. Allow cookies for it, open it at the address that it has for \
     everybody, and try again.",
);

async fn log_in(provider: &Provider, asked: &Asked, wish: &Wish, form: &Form) -> Result<Answer, Refused> {
    let email = form.said("email").trim();
    let session = match asked.engine.login(email, form.said("password"), asked.hint()).await {
        Ok(session) => session,
        Err(refused) => {
            let (status, text) = not_logged_in(refused)?;
            return Ok(provider.login_page(asked, wish, email, Some((status, &text))));
        }
    };
    let (session, cookie) = provider.replace_session(asked, session.user, session.tokens.session).await?;
    info!(session = %session.id, user = %session.user.id, "somebody logged in at the login page");
    let answer = go_on(provider, asked, wish, &session).await?;
    Ok(provider.keep_session(answer, &cookie))
}

/// Why somebody is not logged in, for them; what is no business of theirs is everybody's trouble.
pub(super) fn not_logged_in(refused: LoginRefused) -> Result<(u16, String), Refused> {
    match refused {
        LoginRefused::Wrong => Ok((401, "The e-mail address or the password is wrong.".to_owned())),
        LoginRefused::Inactive => Ok((403, "This account was switched off. Ask an admin of your organization.".to_owned())),
        LoginRefused::Throttled { retry_after } => {
            let seconds = retry_after.as_secs().max(1);
            Ok((429, format!("That was tried too often. Try again in {seconds} seconds.")))
        }
        LoginRefused::Busy(_) => Ok((503, "Too many people are signing in right now. Try again in a moment.".to_owned())),
        LoginRefused::Store(error) => Err(error.into()),
    }
}

async fn choose(provider: &Provider, asked: &Asked, wish: &Wish, word: &str) -> Result<Answer, Refused> {
    let Some(session) = provider.session(asked).await? else {
        return Ok(provider.login_page(asked, wish, "", Some((401, "You are not signed in any more."))));
    };
    let orgs = asked.engine.memberships_of(session.user.id).await?;
    match orgs.iter().find(|org| organization_word(org.id()) == word) {
        Some(org) => {
            asked.engine.identity().choose_organization(session.id, org.id()).await?;
            grant(provider, asked, wish, &session, org).await
        }
        None => Ok(ask_for_choice(provider, asked, wish, &session, &orgs)),
    }
}

/// Somebody is known; for which organization they come may not be.
async fn go_on(provider: &Provider, asked: &Asked, wish: &Wish, session: &BrowserSession) -> Result<Answer, Refused> {
    let orgs = asked.engine.memberships_of(session.user.id).await?;
    if let Some(wanted) = &wish.organization {
        let is_wanted = |org: &&Arc<Org>| {
            organization_word(org.id()) == *wanted || org.organization().is_some_and(|one| one.slug.as_str() == wanted)
        };
        return match orgs.iter().find(is_wanted) {
            Some(org) => grant(provider, asked, wish, session, org).await,
            None => Ok(wish.refused("access_denied", "They do not belong to this organization.")),
        };
    }
    let chosen = orgs.iter().find(|org| Some(org.id()) == session.org && !wish.anew);
    match (orgs.as_slice(), chosen) {
        ([only], _) | (_, Some(only)) => grant(provider, asked, wish, session, only).await,
        _ if wish.silently => Ok(wish.refused("interaction_required", "They belong to none or several organizations.")),
        ([], _) => Ok(page::nowhere(asked, wish, &session.user.email)),
        _ => Ok(ask_for_choice(provider, asked, wish, session, &orgs)),
    }
}

fn ask_for_choice(provider: &Provider, asked: &Asked, wish: &Wish, session: &BrowserSession, orgs: &[Arc<Org>]) -> Answer {
    if orgs.is_empty() {
        return page::nowhere(asked, wish, &session.user.email);
    }
    let choice = |org: &Arc<Org>| {
        let organization = org.organization()?;
        let (name, slug) = (organization.name.clone(), organization.slug.to_string());
        Some(Choice { word: organization_word(org.id()), name, slug })
    };
    provider.choice_page(asked, wish, &session.user.email, orgs.iter().filter_map(choice).collect())
}

async fn grant(provider: &Provider, asked: &Asked, wish: &Wish, session: &BrowserSession, org: &Org) -> Result<Answer, Refused> {
    let grant = Grant {
        issuer: provider.issuer(asked).to_owned(),
        client: provider.client().to_owned(),
        redirect_uri: wish.to.as_str().to_owned(),
        challenge: wish.challenge.clone(),
        nonce: wish.nonce.clone(),
        scope: wish.scope.clone(),
        session: session.id,
        user: session.user.id,
        org: org.id(),
    };
    let code = asked.engine.identity().login_code(grant).await?;
    Ok(wish.granted(code.expose()))
}

impl Provider {
    /// Who is logged in here.
    pub(super) async fn session(&self, asked: &Asked) -> Result<Option<BrowserSession>, Refused> {
        match self.session_cookie(asked) {
            Some(cookie) => Ok(asked.engine.identity().browser_session(cookie).await?),
            None => Ok(None),
        }
    }

    /// Lets the browser keep a session that was just opened, and ends the one that it had: the same browser is one person.
    pub(super) async fn replace_session(
        &self,
        asked: &Asked,
        user: Arc<tocsin_actors::accounts::User>,
        session: uuid::Uuid,
    ) -> Result<(BrowserSession, String), Refused> {
        let identity = asked.engine.identity();
        if let Some(before) = self.session(asked).await? {
            identity.logout(before.id).await?;
        }
        let cookie = identity.keep_in_browser(session).await?;
        Ok((BrowserSession { id: session, user, org: None }, cookie.expose().to_owned()))
    }
}
