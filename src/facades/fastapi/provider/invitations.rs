//! `/invitations/{token}`: where the invited join. Whoever has the link may, and nobody else: that an address was invited
//! makes nobody a member who can only say that it is theirs.
//!
//! There is nobody here who sends mail. The link is told to who invites, in a header of the answer (see `organizations`), and
//! links that the API makes lead here as well: what is behind the last slash is the same.

use super::{
    super::Fastapi,
    Provider,
    authorize::{NOT_OURS, not_logged_in},
    form::Form,
    page,
};
use crate::{
    http::facade::{Answer, Asked, Refused},
    identity::{AcceptError, BrowserSession, InviteError, InviteInfo},
};
use std::sync::Arc;
use tocsin_actors::{
    accounts::{User, folded},
    domain::{Command, MemberId, UserId},
    store::UserKey,
};
use tracing::info;
use uuid::Uuid;

/// What is left to do for somebody who was invited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// They are logged in as who was invited.
    Join,
    /// They have an account.
    Login,
    /// They have none.
    Register,
}

/// An invitation, and who looks at it.
struct Invited {
    invite: InviteInfo,
    organization: String,
    session: Option<BrowserSession>,
    how: How,
}

/// `GET`
pub(super) async fn ask(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    let provider = &fastapi.provider;
    let answer = look(provider, &asked).await.map(|looked| match looked {
        Ok(invited) => invited.page(provider, &asked, "", None),
        Err(answer) => answer,
    });
    Ok(answer.unwrap_or_else(|refused| page::trouble(&refused)))
}

/// `POST`
pub(super) async fn submit(fastapi: Arc<Fastapi>, asked: Asked) -> Result<Answer, Refused> {
    Ok(accept(&fastapi.provider, &asked).await.unwrap_or_else(|refused| page::trouble(&refused)))
}

/// The invitation behind the link, or what there is instead.
async fn look(provider: &Provider, asked: &Asked) -> Result<Result<Invited, Answer>, Refused> {
    let invite = match asked.engine.identity().find_invite(asked.word(0)).await {
        Ok(invite) => invite,
        Err(error) => return leads_nowhere(error).map(Err),
    };
    let org = asked.engine.org(invite.org).await?;
    let Some(organization) = org.organization() else { return leads_nowhere(InviteError::Unknown).map(Err) };
    let session = provider.session(asked).await?;
    let is_invited = |session: &BrowserSession| folded(&session.user.email) == folded(&invite.email);
    let how = match &session {
        Some(session) if is_invited(session) => How::Join,
        _ if asked.engine.find_user(UserKey::Email(invite.email.clone())).await?.is_some() => How::Login,
        _ => How::Register,
    };
    let organization = organization.name.clone();
    Ok(Ok(Invited { invite, organization, session, how }))
}

fn leads_nowhere(error: InviteError) -> Result<Answer, Refused> {
    let told = |why| page::told(404, "This invitation is not good any more", why);
    match error {
        InviteError::Unknown => Ok(told("It was used, or taken back, or the address is mistyped. Ask for another one.")),
        InviteError::Expired => Ok(told("It has expired. Ask for another one.")),
        InviteError::Taken => Ok(told("Somebody else has accepted it. Ask for another one.")),
        InviteError::Store(error) => Err(error.into()),
    }
}

async fn accept(provider: &Provider, asked: &Asked) -> Result<Answer, Refused> {
    let invited = match look(provider, asked).await? {
        Ok(invited) => invited,
        Err(answer) => return Ok(answer),
    };
    let form = Form::of(asked);
    let name = form.said("name").trim();
    if !provider.is_our_form(asked, form.get("form")) {
        return Ok(invited.page(provider, asked, name, Some(NOT_OURS)));
    }
    // What the form was for when it was made may be over: who had no account then may have one now.
    let (user, session) = match (invited.how, form.said("step"), &invited.session) {
        (How::Join, "join", Some(session)) => (session.user.clone(), None),
        (How::Login, "login", _) => match asked.engine.login(&invited.invite.email, form.said("password"), asked.hint()).await {
            Ok(session) => (session.user, Some(session.tokens.session)),
            Err(refused) => {
                let (status, text) = not_logged_in(refused)?;
                return Ok(invited.page(provider, asked, name, Some((status, &text))));
            }
        },
        (How::Register, "register", _) => {
            let user = User {
                display_name: Some(name.to_owned()).filter(|name| !name.is_empty()),
                ..User::new(UserId::new(Uuid::now_v7()), invited.invite.email.clone(), asked.now)
            };
            match asked.engine.new_user(user, Some(form.said("password").to_owned())).await {
                Ok(user) => {
                    let session = asked.engine.identity().open_session(&user, asked.hint()).await?.session;
                    (Arc::new(user), Some(session))
                }
                Err(refused) if refused.status < 500 => {
                    return Ok(invited.page(provider, asked, name, Some((refused.status, &refused.text))));
                }
                Err(refused) => return Err(refused),
            }
        }
        _ => return Ok(invited.page(provider, asked, name, Some((409, "Something has changed meanwhile. Please try again.")))),
    };
    let (session, cookie) = match (session, &invited.session) {
        (Some(session), _) => {
            let (session, cookie) = provider.replace_session(asked, user.clone(), session).await?;
            (session, Some(cookie))
        }
        (None, Some(session)) => (session.clone(), None),
        (None, None) => return Ok(page::told(401, "You are signed out", "Open the link again.")),
    };
    let answer = join(provider, asked, &invited, &user, &session).await?;
    Ok(match cookie {
        Some(cookie) => provider.keep_session(answer, &cookie),
        None => answer,
    })
}

async fn join(
    provider: &Provider,
    asked: &Asked,
    invited: &Invited,
    user: &User,
    session: &BrowserSession,
) -> Result<Answer, Refused> {
    let (identity, engine, id, now) = (asked.engine.identity(), &asked.engine, user.id, asked.now);
    let enter = |invite: InviteInfo| async move {
        if engine.org(invite.org).await?.role(id).is_some() {
            return Ok(()); // at the second try, or invited twice
        }
        let member = MemberId::new(Uuid::new_v5(&invite.id, id.uuid().as_bytes()));
        let command = Command::AddMember { id: member, user: id, role: invite.role, metadata: Default::default() };
        engine.execute(invite.org, invite.created_by, now, command).await.map(|_| ())
    };
    match identity.accept_invite(asked.word(0), id, enter).await {
        Ok(()) => {}
        Err(AcceptError::Invite(error)) => return leads_nowhere(error),
        Err(AcceptError::Join(refused)) => return Err(refused),
    }
    asked.engine.settle().await?;
    identity.choose_organization(session.id, invited.invite.org).await?;
    info!(org = %invited.invite.org, user = %id, "somebody joined by an invitation");
    let (title, text) = (format!("Welcome to {}", invited.organization), "You belong to it now, and are signed in.");
    Ok(match asked.query("returnTo").and_then(|text| provider.places.find(&text)) {
        Some(place) => {
            let words = format!("Continue to {}", place.name());
            page::told_with_link(200, &title, text, (place.as_str(), &words))
        }
        None => page::told(200, &title, text),
    })
}

impl Invited {
    fn page(&self, provider: &Provider, asked: &Asked, name: &str, problem: Option<(u16, &str)>) -> Answer {
        provider.invitation_page(asked, (&self.organization, &self.invite.email, self.how), name, problem)
    }
}
