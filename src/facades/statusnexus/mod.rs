//! `statusnexus`: a Node backend for people who log in at Clerk. Its facade takes their tokens (`--identity-providers`) and,
//! like the original, takes the organization from them; there is nothing live about it.
//!
//! It has no words for what a service's status comes from: an incident here leaves services alone. Its four headings are our
//! groups, made when a service is first put under one.

mod affected;
mod body;
mod ids;
mod incidents;
mod maintenance;
mod people;
mod services;
mod shapes;
mod tenant;
mod values;
mod websites;
mod words;

use crate::http::facade::{Answer, Asked, Facade, Line, Refused};
use serde_json::json;
use std::sync::Arc;
use tenant::Person;

/// Whose pages may use it from a browser: all, because who asks is in a header that no page sends by itself.
pub(super) const ORIGINS: &[&str] = &["*"];

/// What is refused before a route looks at it is said in another shape.
const EARLY: &str = "early";
const UNAUTHORIZED: &str = "unauthorized";
const NO_ORGANIZATION: &str = "no_organization";
const NOTHING_HERE: &str = "nothing_here";

/// The facade.
pub(super) struct Statusnexus;

impl Facade for Statusnexus {
    fn lines() -> Vec<Line<Self>> {
        vec![
            Line::new("GET", "/api/public", public),
            Line::new("GET", "/api/protected", protected),
            Line::new("GET", "/api/services", services::list),
            Line::new("POST", "/api/services", services::create),
            Line::new("GET", "/api/services/by-group", services::by_group),
            Line::new("GET", "/api/services/{id}", services::get),
            Line::new("PATCH", "/api/services/{id}", services::change),
            Line::new("DELETE", "/api/services/{id}", services::delete),
            Line::new("GET", "/api/incidents", incidents::list),
            Line::new("POST", "/api/incidents", incidents::create),
            Line::new("GET", "/api/incidents/{id}", incidents::get),
            Line::new("PATCH", "/api/incidents/{id}", incidents::change),
            Line::new("POST", "/api/incidents/{id}/updates", incidents::post_update),
            Line::new("GET", "/api/maintenance", maintenance::list),
            Line::new("POST", "/api/maintenance", maintenance::create),
            Line::new("GET", "/api/maintenance/{id}", maintenance::get),
            Line::new("PATCH", "/api/maintenance/{id}", maintenance::change),
            Line::new("DELETE", "/api/maintenance/{id}", maintenance::delete),
            Line::new("POST", "/api/maintenance/{id}/updates", maintenance::post_update),
            Line::new("GET", "/api/v1/website", websites::list),
            Line::new("POST", "/api/v1/website", websites::create),
            Line::new("DELETE", "/api/v1/website", websites::delete),
            Line::new("GET", "/api/v1/website/status", websites::status),
            Line::new("POST", "/api/v1/website/ping", websites::ping),
        ]
    }

    /// A route says `message`; what stands before the routes says `error`, and people are told the same way by both.
    fn refusal(refused: Refused) -> Answer {
        let Refused { status, text, .. } = &refused;
        match refused.code {
            NOTHING_HERE => Answer::html(*status, page(text)),
            EARLY => Answer::json(*status, &json!({ "error": text })),
            UNAUTHORIZED => Answer::json(*status, &json!({ "error": "Unauthorized", "message": text })),
            NO_ORGANIZATION => Answer::json(*status, &json!({ "error": "Organization required", "message": text })),
            _ => Answer::json(*status, &json!({ "message": text })),
        }
    }

    fn nothing_here(method: &str, path: &str) -> Refused {
        let mut refused = Refused::new(404, format!("Cannot {method} {path}"));
        refused.code = NOTHING_HERE;
        refused
    }
}

/// Refused before a route looked at it.
fn early(status: u16, text: impl Into<String>) -> Refused {
    let mut refused = Refused::new(status, text);
    refused.code = EARLY;
    refused
}

fn page(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
    )
}

async fn public(_: Arc<Statusnexus>, _: Asked) -> Result<Answer, Refused> {
    Ok(Answer::json(200, &json!({ "message": "This is a public endpoint" })))
}

async fn protected(_: Arc<Statusnexus>, asked: Asked) -> Result<Answer, Refused> {
    let person = Person::of(&asked).await?;
    let mut told = json!({ "message": "This is a protected endpoint", "userId": person.name() });
    if let Some(organization) = person.organization() {
        told["orgId"] = organization.into();
    }
    Ok(Answer::json(200, &told))
}
